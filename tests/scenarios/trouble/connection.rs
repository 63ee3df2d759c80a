//! Connections that are about to give up: what the route tells before they do.

use std::time::{Duration, Instant};

use encoder_aja::simulator::{Fault, FaultKind};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{PATIENCE, Setup, Station, watch_nothing_happen};
use serde_json::{Value, json};

const PATH: &str = "/health/encoder/helo-1";

/// A manager that looks for patterns and predicts within seconds.
fn hasty(count: usize) -> Setup {
    let ms = Duration::from_millis;
    let mut setup = Setup::quick(count, Personality::Takeover);
    let config = &mut setup.config;
    config.watch.slow_interval = ms(100);
    config.watch.idle_interval = ms(50);
    config.watch.history.summary_interval = ms(200);
    config.connection.prediction.min_span = Duration::from_secs(2);
    // A status that reads everything, on a machine that is busy with other tests, must not outlast
    // the poll's own timeout.
    config.watch.timeout = Duration::from_secs(1);
    setup.aja.refresh_budget = ms(100);
    setup
}

/// The encoder's document, once it is as wanted.
async fn until(station: &Station, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let encoder = station.client.get(PATH).await.body["encoder"].take();
        if holds(&encoder) {
            return encoder;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "never happened: {what}\n{encoder:#}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn pattern(encoder: &Value, name: &str) -> Option<Value> {
    let patterns = encoder["connection_health"]["patterns"].as_array()?;
    let mut patterns = patterns.iter();
    patterns.find(|pattern| pattern["pattern"] == name).cloned()
}

fn has_issue(encoder: &Value, code: &str) -> bool {
    let issues = encoder["issues"].as_array();
    issues.is_some_and(|issues| issues.iter().any(|issue| issue["code"] == code))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_link_is_recognised_with_its_evidence() {
    let station = Station::open(hasty(1)).await;
    let mut feed = station.client.feed(None).await;
    let before = until(&station, "known", |e| e["health_score"].is_number()).await;
    assert_eq!(before["connection_health"]["patterns"], json!([]));
    let silence = FaultKind::NetworkSilence {
        media_continues: true,
    };
    for fault in [silence, FaultKind::RefuseConnections]
        .iter()
        .cycle()
        .take(3)
    {
        station.devices.nth(1).inject(fault.clone());
        let down = |e: &Value| e["status"] == "offline";
        let offline = until(&station, "down", down).await;
        assert!(has_issue(&offline, "device_silent"), "{offline:#}");
        assert_eq!(offline["health_parts"]["connection"], 0.0);
        station.devices.nth(1).clear_faults();
        until(&station, "up", |e| e["status"] == "online").await;
    }
    let flaps = |e: &Value| pattern(e, "flapping").is_some();
    let encoder = until(&station, "flapping", flaps).await;
    let found = pattern(&encoder, "flapping").unwrap();
    let evidence = found["evidence"].as_array().unwrap();
    for figure in ["transitions=6", "threshold=6", "window_seconds=600"] {
        assert!(evidence.contains(&json!(figure)), "{found}");
    }
    assert!(has_issue(&encoder, "connection_flapping"), "{encoder:#}");
    let connection = &encoder["connection_health"];
    assert!(connection["reconnects"]["after_silence"].as_u64() >= Some(3));
    assert!(connection["reconnects"]["event_feed"].as_u64() >= Some(1));
    assert!(connection["reconnects"]["last_at"].is_string());
    assert!(connection["stability"].as_f64().unwrap() < 1.0);
    let told = feed
        .until(|told| {
            told.event == "health_update"
                && told.data["encoder_id"] == "helo-1"
                && has_issue(&told.data, "connection_flapping")
        })
        .await;
    let update = &told.last().unwrap().data;
    assert!(pattern(update, "flapping").is_some(), "{update:#}");
    let alerts = feed.until(|told| {
        let text = told.data["description"].as_str().unwrap_or_default();
        told.event == "alert" && text.contains("went down or up")
    });
    let alerts = alerts.await;
    let alert = &alerts.last().unwrap().data;
    assert_eq!(
        (&alert["encoder_id"], &alert["severity"]),
        (&json!("helo-1"), &json!("warning"))
    );
    assert!(alert["suggested_actions"][0].is_string(), "{alert:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_answers_ever_more_slowly_is_foretold_before_it_is_slow() {
    let mut setup = hasty(1);
    setup.config.connection.slow_latency = Duration::from_millis(300);
    let station = Station::open(setup).await;
    let start = until(&station, "known", |e| e["health_score"].is_number()).await;
    assert_eq!(start["connection_health"]["prediction"], Value::Null);
    let begun = Instant::now();
    let mut delay = 0;
    let encoder = loop {
        let encoder = station.client.get(PATH).await.body["encoder"].take();
        let prediction = &encoder["connection_health"]["prediction"];
        if prediction["metric"] == "latency_ms" {
            break encoder;
        }
        assert!(
            !has_issue(&encoder, "connection_slow"),
            "too late: {encoder:#}"
        );
        assert!(begun.elapsed() < PATIENCE, "never foretold: {encoder:#}");
        delay = u64::try_from(begun.elapsed().as_millis()).unwrap() / 40;
        station.devices.nth(1).clear_faults();
        let late = Fault::new(FaultKind::Delay {
            delay: Duration::from_millis(delay),
        });
        station.devices.nth(1).inject(late.on_action("get"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(delay < 300, "the threshold was reached already");
    let prediction = &encoder["connection_health"]["prediction"];
    assert_eq!(prediction["threshold"], 300.0);
    assert_eq!(prediction["confidence"], 0.9);
    assert!(prediction["samples"].as_u64() >= Some(12), "{prediction}");
    assert!(
        prediction["based_on_seconds"].as_f64() >= Some(2.0),
        "{prediction}"
    );
    let moment = |name: &str| prediction[name].as_str().map(str::to_owned);
    assert!(moment("earliest_at").is_some() && moment("earliest_at") <= moment("expected_at"));
    if let Some(latest) = moment("latest_at") {
        assert!(Some(latest) >= moment("expected_at"));
    }
    assert!(!has_issue(&encoder, "connection_slow"), "{encoder:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_heals_unseen() {
    let mut setup = hasty(2);
    setup.locked = true;
    let station = Station::open(setup).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let before = station.client.get(PATH).await.body["encoder"].take();
    for _ in 0..5 {
        station.devices.nth(1).inject(FaultKind::DropSessions);
        watch_nothing_happen(Duration::from_millis(200)).await;
    }
    let after = station.client.get(PATH).await.body["encoder"].take();
    assert_eq!(after["status"], "online", "{after:#}");
    let metrics = station.client.get("/metrics").await.text;
    let failures: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("encoder_request_failures_total{encoder_id=\"helo-1\""))
        .collect();
    assert_eq!(failures, [""; 0], "{after:#}");
    assert_eq!(after["connection_health"]["error_rate"], 0.0);
    assert_eq!(after["connection_health"]["stability"], 1.0);
    assert_eq!(after["connection_health"]["patterns"], json!([]));
    let reconnects = |encoder: &Value| encoder["connection_health"]["reconnects"].clone();
    assert_eq!(
        reconnects(&after)["after_silence"],
        reconnects(&before)["after_silence"]
    );
    assert_eq!(station.completed(&id).await, 0);
    assert_eq!(station.devices.story(), ["helo-1 accepted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_route_shows_that_connections_are_reused() {
    let station = Station::open(hasty(1)).await;
    let count = |encoder: &Value, name: &str| {
        let count = encoder["connection_health"]["pool"][name].as_u64();
        count.unwrap_or_default()
    };
    let polled = |e: &Value| e["connection_health"]["latency"]["samples"].as_u64() >= Some(5);
    let first = until(&station, "some polls", polled).await;
    let busy = |e: &Value| count(e, "reused") >= count(&first, "reused") + 40;
    let encoder = until(&station, "forty more requests", busy).await;
    let pool = &encoder["connection_health"]["pool"];
    let opened = count(&encoder, "opened") - count(&first, "opened");
    assert!(opened <= 4, "{opened} for forty requests: {pool}");
    // The long poll has one of its own beside the two that may rest.
    assert!(pool["open"].as_u64() <= Some(3), "{pool}");
    assert_eq!(pool["last_error"], Value::Null, "{pool}");
    assert_eq!(pool["max_idle"], 2);
    assert!(pool["oldest_age_seconds"].as_f64() > Some(0.0), "{pool}");
    let metrics = station.client.get("/metrics").await.text;
    for series in [
        "encoder_pool_open_connections",
        "encoder_pool_requests_reused_total",
        "encoder_connection_latency_p99_seconds",
        "encoder_connection_stability_ratio",
    ] {
        let line = format!("{series}{{encoder_id=\"helo-1\"}}");
        assert!(metrics.contains(&line), "{series}");
    }
    station.devices.nth(1).inject(FaultKind::RefuseConnections);
    let broken = |e: &Value| e["connection_health"]["pool"]["last_error"].is_string();
    let encoder = until(&station, "an error", broken).await;
    assert!(encoder["connection_health"]["pool"]["last_error_age_seconds"].is_number());
}
