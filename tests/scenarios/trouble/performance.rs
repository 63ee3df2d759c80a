//! How fast the manager is, as it tells itself.

use std::time::Duration;

use encoder_core::model::{Personality, Protection};
use encoder_core::monitor::series::TierConfig;
use encoder_core::tasks::Clock;
use encoder_tests::{Setup, Station, Told, until};
use serde_json::Value;

const PATH: &str = "/api/monitoring/performance";

fn entry<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let list = list.as_array().expect("a list");
    let found = list.iter().find(|entry| entry[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value} in {list:#?}"))
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monitor_tells_how_fast_news_travel() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let mut feed = station.client.feed(None).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    for kind in ["health_update", "stream_health", "health_update"] {
        feed.until(|told: &Told| told.event == kind).await;
    }
    station.client.get(&format!("/api/streams/{id}")).await;
    let answer = station.client.get(PATH).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.body;

    let delivery = &told["latency"]["event_delivery"];
    assert!(number(&delivery["samples"]) >= 1.0, "{told:#}");
    let ranks = ["p50_ms", "p90_ms", "p99_ms", "max_ms"].map(|rank| number(&delivery[rank]));
    assert!(ranks.is_sorted() && ranks[0] > 0.0, "{delivery}");
    assert!(
        ranks[0] < 1000.0,
        "half of the news took a second: {delivery}"
    );

    let health = &told["rates"]["events"]["health_update"];
    for rate in ["published", "delivered"] {
        assert!(number(&health[rate]["one_minute"]) > 0.0, "{told:#}");
    }
    assert_eq!(health["dropped_total"], 0);
    assert_eq!(told["rates"]["sequence_gaps_total"], 0);
    assert!(number(&told["rates"]["requests"]["one_minute"]) > 0.0);

    let route = entry(&told["latency"]["api"], "route", "/api/streams/{id}");
    assert_eq!(
        (&route["method"], &route["failures"]),
        (&"GET".into(), &0.into())
    );
    assert!(number(&route["latency"]["p50_ms"]) > 0.0, "{route}");

    assert_eq!(told["queues"]["clients"], 1);
    assert!(told["queues"]["store"].is_u64(), "{told:#}");
    if cfg!(target_os = "linux") {
        for figure in ["resident_bytes", "open_files", "threads"] {
            assert!(number(&told["process"][figure]) > 0.0, "{told:#}");
        }
    }

    assert!(told["history"].is_null(), "nobody asked: {told:#}");
    let own = entry(&told["trends"], "metric", "memory_bytes");
    assert_eq!(own["reason"], "too_little_data", "{own}");
    let encoder = entry(&told["encoders"], "encoder_id", "helo-1");
    assert!(number(&encoder["latency_ms"]) > 0.0, "{encoder}");
    let trends = encoder["trends"].as_array().expect("a list");
    assert!(!trends.is_empty());
    for trend in trends {
        assert!(trend["trend"].is_null() && trend["forecast"].is_null());
        assert_eq!(trend["reason"], "too_little_data", "{trend}");
    }

    let metrics = station.client.get("/metrics").await.text;
    for series in [
        "encoder_event_delivery_duration_seconds_count",
        "encoder_server_request_duration_seconds_count{method=\"GET\",route=\"/api/streams/{id}\",status_class=\"2xx\"}",
        "encoder_events_published_total{event=\"health_update\"}",
    ] {
        assert!(metrics.contains(series), "{series} in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_encoder_can_be_asked_for() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let one = station
        .client
        .get(&format!("{PATH}?encoder_id=helo-2"))
        .await;
    let encoders = one.body["encoders"].as_array().expect("a list");
    assert_eq!(
        (encoders.len(), &encoders[0]["encoder_id"]),
        (1, &"helo-2".into())
    );
    assert!(
        one.body["latency"]["event_delivery"].is_null(),
        "nobody listens"
    );
    let unknown = station
        .client
        .get(&format!("{PATH}?encoder_id=nobody"))
        .await;
    assert_eq!(unknown.status, 404);
    let wrong = station.client.get(&format!("{PATH}?encoder_id=%20")).await;
    assert_eq!((wrong.status, wrong.fields()), (422, vec!["encoder_id"]));
    let nobody = station.client.with_key(None).get(PATH).await;
    assert_eq!(nobody.status, 401);
}

/// Ten readings in a second; nothing is written to the store before the server ends.
async fn recording() -> Station {
    let mut setup = Setup::quick(1, Personality::Takeover);
    let (hour, tenth) = (Duration::from_secs(3600), Duration::from_millis(100));
    setup.config.series.interval = tenth;
    setup.config.series.flush = hour;
    setup.config.series.tiers = vec![TierConfig::new(tenth, hour, hour)];
    Station::open(setup).await
}

/// What was recorded in the last minute and a half.
async fn history(station: &Station, more: &str) -> Value {
    let from = Clock::system().now().minus(Duration::from_secs(90));
    let path = format!("{PATH}?from={from}&step=0.1{more}");
    let answer = station.client.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["history"].clone()
}

/// When a metric was first recorded.
fn first(history: &Value, metric: &str) -> Option<Value> {
    let points = history["series"][metric].as_array().into_iter().flatten();
    let mut known = points.filter(|point| !point.is_null());
    known.next().map(|point| point["at"].clone())
}

fn means(history: &Value, metric: &str) -> Vec<f64> {
    let points = history["series"][metric].as_array().into_iter().flatten();
    let known = points.filter(|point| !point.is_null());
    known.map(|point| number(&point["mean"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manager_tells_its_own_past() {
    let mut station = recording().await;
    let mut figures = vec![
        "events_per_second",
        "event_backlog",
        "stream_commands",
        "store_queue",
    ];
    if cfg!(target_os = "linux") {
        figures.extend(["cpu_percent", "memory_bytes", "open_files", "threads"]);
    }
    until("some readings of everything", async || {
        let past = history(&station, "").await;
        figures.iter().all(|name| means(&past, name).len() >= 5)
    })
    .await;
    let past = history(&station, "").await;
    assert_eq!(past["step_seconds"], 0.1);
    assert!(past["from"].is_string() && past["to"].is_string());
    let absent = &past["series"]["event_latency_ms"];
    assert!(absent.is_null(), "nobody listens: {absent}");

    let one = history(&station, "&metric=memory_bytes").await;
    assert_eq!(one["series"].as_object().map(|all| all.len()), Some(1));
    let encoder = history(&station, "&encoder_id=helo-1").await;
    assert!(!means(&encoder, "temperature").is_empty(), "{encoder:#}");
    assert!(means(&encoder, "memory_bytes").is_empty());

    let began = first(&past, "events_per_second");
    station.terminate().await;
    station.start_again().await;
    until("readings from before the restart", async || {
        let past = history(&station, "").await;
        first(&past, "events_per_second") == began
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_parameter_is_told() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let query = "encoder_id=%20&from=yesterday&to=1&step=-5&metric=colour";
    let answer = station.client.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(
        answer.fields(),
        ["encoder_id", "to", "from", "step", "metric"]
    );
    let turned = "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z";
    let answer = station.client.get(&format!("{PATH}?{turned}")).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["from"]));
}
