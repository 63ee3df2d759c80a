//! A device that restarts again and again.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange, SimulatorConfig, Timing};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Station, until, watch_nothing_happen};
use serde_json::Value;

async fn reboots(station: &Station) -> Value {
    let path = "/api/monitoring/storage?encoder_id=helo-1";
    let answer = station.client.get(path).await.body;
    answer["encoders"][0]["reboots"].clone()
}

/// How the balancer sees `helo-1`.
async fn row(station: &Station) -> Value {
    let path = "/api/monitoring/load-balancer";
    let report = station.client.get(path).await.body;
    let rows = report["encoders"].as_array().cloned().unwrap_or_default();
    let mut rows = rows.into_iter();
    rows.find(|row| row["encoder_id"] == "helo-1").unwrap()
}

fn names(document: &Value, part: &str) -> String {
    let id = document[part]["encoder_id"].as_str();
    id.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn rebooting_device_loses_its_stream_is_kept_out_and_trusted_again() {
    let mut timing = Timing::fast();
    timing.boot = Duration::from_millis(800);
    timing.reboot_silence = Duration::from_millis(300);
    let shaky = SimulatorConfig::fast().with_timing(timing);
    let mut setup = Setup::quick(3, Personality::Takeover).with_device(1, shaky);
    setup.config.reboots.window = Duration::from_secs(8);
    let station = Station::open(setup).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    station.devices.nth(1).inject(FaultKind::RebootLoop {
        up: Duration::from_millis(700),
    });
    until("the loop is recognised", async || {
        reboots(&station).await["looping"] == true
    })
    .await;
    station.devices.nth(1).clear_faults();
    let told = reboots(&station).await;
    let recent = told["recent"].as_array().unwrap();
    assert!((3..=4).contains(&recent.len()), "{told}");
    let evidence = recent[0]["evidence"].to_string();
    assert!(evidence.contains("initialising"), "{evidence}");
    until("the balancer knows", async || {
        let reasons = row(&station).await["reasons"].to_string();
        reasons.contains("reboots again and again")
    })
    .await;
    station
        .until_stream(&stream, "moved and protected", |document| {
            names(document, "primary") != "helo-1"
                && names(document, "backup") != "helo-1"
                && document["state"] == "live"
                && document["backup"]["ready"] == true
        })
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    let path = format!("/api/streams/{stream}");
    let document = station.client.get(&path).await.body;
    assert_ne!(names(&document, "backup"), "helo-1");
    let timeline = station.client.get(&format!("{path}/timeline")).await.body;
    assert!(timeline.to_string().contains("helo-1"), "{timeline:#}");
    // It was on air once, and whatever moved since never came back to it.
    let accepted = station.devices.times(1, IngestChange::Accepted);
    assert_eq!(accepted, 1, "{timeline:#}");
    let alerts = station.client.get("/api/monitoring/alerts").await.body;
    assert!(alerts.to_string().contains("reboot_loop"), "{alerts}");
    until("it is trusted again", async || {
        reboots(&station).await["looping"] == false && row(&station).await["eligible"] == true
    })
    .await;
    let metrics = station.client.get("/metrics").await.text;
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix(r#"encoder_reboots_total{encoder_id="helo-1"} "#));
    assert_eq!(counted, Some(recent.len().to_string().as_str()));
}
