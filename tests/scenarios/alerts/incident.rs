//! A site that is down, as people hear of it.

use std::time::{Duration, Instant};

use encoder_aja::simulator::FaultKind;
use encoder_core::model::{Personality, Protection};
use encoder_tests::{KEY, Setup, Station, URL, helo, watch_nothing_happen};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "4711:geheimnis_des_bots";

const SITES: [&str; 6] = ["north", "north", "north", "south", "south", "south"];

/// A receiver of webhooks, and a Telegram that does not answer.
async fn receivers() -> (MockServer, MockServer) {
    let (hook, telegram) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("POST"))
        .and(path("/hook"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&hook)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(120)))
        .mount(&telegram)
        .await;
    (hook, telegram)
}

fn settings(hook: &MockServer, telegram: &MockServer) -> Value {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    json!({"manager": {"alerts": {
        "delivery": {"timeout_ms": 2000},
        "sinks": {
            "webhook": {"hook": {
                "url": format!("{}/hook", hook.uri()), "allowed_hosts": ["127.0.0.1"],
                "secrets": [secret],
            }},
            "telegram": {"phone": {"token": TOKEN, "chat_id": "1", "base_url": telegram.uri()}},
        },
    }}})
}

/// What the webhook got, critical or not.
async fn told(hook: &MockServer) -> Vec<Value> {
    let requests = hook.received_requests().await.unwrap_or_default();
    let bodies = requests.iter().map(|request| request.body_json().unwrap());
    bodies.collect()
}

fn of_kind(told: &[Value], kind: &str) -> Vec<Value> {
    let wanted = told.iter().filter(|body| body["type"] == kind);
    wanted.cloned().collect()
}

async fn until_told(hook: &MockServer, kind: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let all = told(hook).await;
        let found = of_kind(&all, kind);
        if !found.is_empty() {
            return found;
        }
        let late = begun.elapsed() > Duration::from_secs(60);
        assert!(!late, "nobody was told {kind}: {all:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn on(station: &Station, number: usize, key: &str) -> Value {
    let mut body = station.request(Protection::Warm);
    body["encoder_id"] = json!(helo(number).as_str());
    body["destination"]["stream_key"] = json!(key);
    body["destination"]["url"] = json!(URL);
    body
}

async fn until_moved(station: &Station, stream: &str) {
    station
        .until_stream(stream, "on air at the other site", |s| {
            let primary = s["primary"]["encoder_id"].as_str().unwrap_or_default();
            s["state"] == "live" && ["helo-4", "helo-5", "helo-6"].contains(&primary)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn site_outage_is_told_once_and_once_more_when_it_is_over() {
    let (hook, telegram) = receivers().await;
    let setup = Setup::at_sites(&SITES, Personality::Takeover);
    let mut station = Station::open_with(setup, settings(&hook, &telegram)).await;
    let streams = [
        station.live(&on(&station, 1, KEY)).await,
        station
            .live(&on(&station, 2, "zweiter_schluessel_0816"))
            .await,
    ];
    let silence = FaultKind::NetworkSilence {
        media_continues: false,
    };
    station.devices.inject_at(1..=3, silence);
    for stream in &streams {
        until_moved(&station, stream).await;
    }
    let firing = until_told(&hook, "alert.firing").await;
    let alerts = firing[0]["data"]["alerts"].as_array().unwrap();
    assert_eq!(alerts[0]["code"], "site_suspect", "{alerts:#?}");
    assert_eq!(alerts[0]["site"], "north");
    for number in 1..=3 {
        let silent = |alert: &&Value| {
            alert["code"] == "device_silent" && alert["encoder_id"] == helo(number).as_str()
        };
        assert_eq!(alerts.iter().filter(silent).count(), 1, "{alerts:#?}");
    }
    // Killed and started again while it lasts: nobody hears of it again.
    station.kill().await;
    station.start_again().await;
    watch_nothing_happen(Duration::from_secs(10)).await;
    let all = told(&hook).await;
    assert_eq!(all.len(), 1, "{all:#?}");

    for number in 1..=3 {
        station.devices.nth(number).clear_faults();
    }
    let over = until_told(&hook, "alert.resolved").await;
    assert_eq!(over[0]["data"]["group_id"], firing[0]["data"]["group_id"]);
    let all = told(&hook).await;
    assert_eq!(of_kind(&all, "alert.firing").len(), 1, "{all:#?}");

    // The bot's token is in its address, and its Telegram hangs: it shows nowhere.
    let page = station.client.get("/api/monitoring/notifications").await;
    assert!(
        page.text.contains("no answer within 2000 ms"),
        "{}",
        page.text
    );
    let metrics = station.client.get("/metrics").await;
    let failed = r#"encoder_alert_notifications_total{result="failed",sink="phone"}"#;
    assert!(metrics.text.contains(failed), "{}", metrics.text);
    let logged = station.output();
    for (what, text) in [
        ("log", &logged),
        ("page", &page.text),
        ("metrics", &metrics.text),
    ] {
        assert!(!text.contains("geheimnis"), "the token is in the {what}");
    }
}
