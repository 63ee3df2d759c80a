//! What was recorded, asked for with `from`, `to` and `step`.

use std::time::Duration;

use encoder_core::model::Personality;
use encoder_core::monitor::series::TierConfig;
use encoder_core::tasks::Clock;
use encoder_tests::{Setup, Station, until};
use serde_json::{Value, json};

const ALIASES: [&str; 3] = [
    "/api/encoders/helo-1/metrics",
    "/encoders/helo-1/metrics",
    "/api/monitoring/encoders/helo-1/metrics",
];

/// Ten readings in a second, of which an hour is kept, and quarters of a minute for a day.
async fn station() -> Station {
    let mut setup = Setup::quick(1, Personality::Takeover);
    let (hour, ms) = (Duration::from_secs(3600), Duration::from_millis);
    setup.config.series.interval = ms(100);
    setup.config.series.flush = ms(300);
    setup.config.series.tiers = vec![
        TierConfig::new(ms(100), hour, hour),
        TierConfig::new(hour / 240, hour * 24, Duration::ZERO),
    ];
    Station::open(setup).await
}

fn points(document: &Value, metric: &str) -> Vec<Value> {
    let points = document["series"][metric].as_array();
    let points = points.into_iter().flatten();
    points.filter(|point| !point.is_null()).cloned().collect()
}

/// Everything of the last minute and a half, which is as far as a tenth of a second reaches.
async fn temperatures(station: &Station) -> Vec<Value> {
    let from = Clock::system().now().minus(Duration::from_secs(90));
    let query = format!("from={from}&step=0.1&metric=temperature");
    let path = format!("/api/encoders/helo-1/metrics?{query}");
    points(&station.client.get(&path).await.body, "temperature")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_told_in_steps_and_without_inventions() {
    let station = station().await;
    until("some readings", async || {
        temperatures(&station).await.len() >= 3
    })
    .await;
    let present = station.client.get(ALIASES[0]).await.body;
    assert!(present["temperature"].is_number(), "{present}");
    assert!(present.get("series").is_none(), "{present}");

    for path in ALIASES {
        let query = "from=2020-01-01T00:00:00Z&to=2120-01-01T00:00:00Z&step=60";
        let answer = station.client.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let all = answer.body;
        assert_eq!(all["encoder_id"], "helo-1");
        assert_eq!(all["from"], "2020-01-01T00:00:00.000Z");
        // A century does not fit in minutes.
        assert!(all["step_seconds"].as_f64() > Some(60.0), "{all}");
        let temperature = &points(&all, "temperature")[0];
        assert!(temperature["count"].as_u64() >= Some(3), "{temperature}");
        let of = |name: &str| temperature[name].as_f64().unwrap_or(f64::NAN);
        assert!(of("min") <= of("mean") && of("mean") <= of("max"));
        assert!(!points(&all, "streams").is_empty());
        for absent in ["cpu_usage", "memory_usage", "fan_speed"] {
            assert!(all["series"].get(absent).is_none(), "a HELO tells none");
        }
    }
    let path = "/api/encoders/helo-1/metrics?step=0.1&metric=latency_ms,temperature,cpu_usage";
    let some = station.client.get(path).await.body;
    let names: Vec<_> = some["series"].as_object().into_iter().flatten().collect();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["latency_ms", "temperature"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_parameter_is_told() {
    let station = station().await;
    for path in ALIASES {
        let query = "from=yesterday&to=1&step=-5&metric=colour";
        let answer = station.client.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.body["code"], "validation_failed");
        let errors = answer.body["errors"].as_array().into_iter().flatten();
        let fields: Vec<_> = errors.map(|error| error["field"].clone()).collect();
        assert_eq!(fields, ["to", "from", "step", "metric"].map(|f| json!(f)));
    }
    let turned = "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z";
    let path = format!("/api/encoders/helo-1/metrics?{turned}");
    let answer = station.client.get(&path).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["field"]),
        (422, &json!("from"))
    );
    let unknown = station
        .client
        .get("/api/encoders/helo-9/metrics?step=60")
        .await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_outlives_the_server() {
    let mut station = station().await;
    until("some readings", async || {
        temperatures(&station).await.len() >= 5
    })
    .await;
    let told = temperatures(&station).await;
    station.terminate().await;
    station.start_again().await;
    let first = &told[0]["at"];
    until("old and new readings", async || {
        let now = temperatures(&station).await;
        now.first().map(|point| &point["at"]) == Some(first) && now.len() > told.len() + 3
    })
    .await;

    // A crash loses at most what was not written yet.
    let told = temperatures(&station).await.len();
    until("another flush", async || {
        temperatures(&station).await.len() >= told + 10
    })
    .await;
    station.kill().await;
    station.start_again().await;
    until("readings from before the crash", async || {
        let now = temperatures(&station).await;
        now.first().map(|point| &point["at"]) == Some(first) && now.len() > told
    })
    .await;
}
