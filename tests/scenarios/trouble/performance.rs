//! How fast the manager is, as it tells itself.

use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Station, Told};
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
        "encoder_event_delivery_seconds_count",
        "encoder_http_request_seconds_count{method=\"GET\",route=\"/api/streams/{id}\",status=\"2xx\"}",
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
