//! A real Alertmanager hears of an alert, and of its end.

use std::time::Duration;

use encoder_aja::simulator::FaultKind;
use encoder_core::model::Personality;
use encoder_tests::{Setup, Station};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;

use crate::peers::{free_port, log, program, run};

/// Longer than an alert takes to be taken for resolved.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until(what: &str, folder: &TempDir, mut holds: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds().await {
        let late = begun.elapsed() > PATIENCE;
        assert!(!late, "never happened: {what}\n{}", log(folder));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn read(http: &reqwest::Client, url: &str) -> Value {
    let Ok(answer) = http.get(url).send().await else {
        return Value::Null;
    };
    answer.json().await.unwrap_or_default()
}

fn client() -> reqwest::Client {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
    builder.no_proxy().build().unwrap()
}

/// A real Alertmanager that listens, with its folder and address.
async fn start(http: &reqwest::Client) -> Option<(Child, TempDir, String)> {
    let binary = program("prometheus-alertmanager", "prometheus-alertmanager")?;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let rules = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, rules).unwrap();
    let arguments = [
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", folder.path().display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let peer = run(&binary, &arguments, folder.path());
    let base = format!("http://127.0.0.1:{port}");
    until("Alertmanager is ready", &folder, async || {
        !read(http, &format!("{base}/api/v2/status")).await.is_null()
    })
    .await;
    Some((peer, folder, base))
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_receives_an_alert_and_resolves_it() {
    let http = client();
    let Some((_peer, folder, base)) = start(&http).await else {
        return;
    };
    let sink = json!({"url": base, "repost_interval_seconds": 2, "labels": {"cluster": "test"}});
    let settings = json!({"manager": {"alerts": {
        "public_url": "https://fleet.example",
        "sinks": {"alertmanager": {"main": sink}},
    }}});
    let station = Station::open_with(Setup::quick(2, Personality::Takeover), settings).await;
    let tested = station
        .client
        .post("/api/monitoring/sinks/main/test", &json!({}))
        .await;
    assert_eq!(
        tested.body,
        json!({"sink": "main", "delivered": true, "error": null})
    );

    let silence = FaultKind::NetworkSilence {
        media_continues: false,
    };
    station.devices.inject_at(1..=1, silence);
    let alerts = format!("{base}/api/v2/alerts");
    let mut found = Value::Null;
    until("the alert is there", &folder, async || {
        found = read(&http, &alerts).await;
        let all = found.as_array().into_iter().flatten();
        all.clone()
            .any(|alert| alert["labels"]["alertname"] == "DeviceSilent")
    })
    .await;
    let alert = found.as_array().unwrap().iter();
    let alert = alert
        .clone()
        .find(|a| a["labels"]["code"] == "device_silent")
        .unwrap();
    let labels = &alert["labels"];
    assert_eq!(
        (
            &labels["encoder_id"],
            &labels["severity"],
            &labels["cluster"]
        ),
        (&json!("helo-1"), &json!("warning"), &json!("test"))
    );
    assert_eq!(alert["status"]["state"], "active");
    assert!(
        alert["generatorURL"]
            .as_str()
            .unwrap()
            .starts_with("https://fleet.example/")
    );

    station.devices.nth(1).clear_faults();
    until("the alert is resolved", &folder, async || {
        let found = read(&http, &alerts).await;
        found.as_array().is_some_and(Vec::is_empty)
    })
    .await;
}
