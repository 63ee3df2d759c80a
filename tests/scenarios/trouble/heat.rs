//! Encoders that get hot: cooled in steps, relieved of their streams in time, and trusted again.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange, Thermal};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Station, Told, helo};
use serde_json::{Value, json};

/// A manager that cools within two seconds, and devices that heat and cool in seconds.
fn quick(count: usize) -> Setup {
    let mut setup = Setup::quick(count, Personality::Takeover);
    setup.config.thermal.period = Duration::from_secs(2);
    let mut thermal = Thermal::default();
    (thermal.near_over, thermal.shutdown) = (120.0, 130.0);
    thermal.settling = Duration::from_secs(5);
    setup.device = setup.device.with_thermal(thermal);
    // A device that was pushed off tries again as late as a real one, not within 100 ms.
    setup.device.timing.recover = Duration::from_secs(5);
    setup
}

/// Warms up while it streams: a degree each 150 ms or so, up to 89.
fn stop_fan(station: &Station) {
    station.devices.nth(1).inject(FaultKind::FanStopped {
        celsius: 89.0,
        ramp: Duration::from_secs(6),
    });
}

async fn thermal(station: &Station, encoder: usize) -> Value {
    let path = format!("/api/monitoring/thermal/{}/temperature", helo(encoder));
    let answer = station.client.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

async fn until_thermal(
    station: &Station,
    what: &str,
    holds: impl Fn(&Value) -> bool + Send + Sync,
) -> Value {
    let mut document = Value::Null;
    encoder_tests::until(what, async || {
        document = thermal(station, 1).await;
        holds(&document)
    })
    .await;
    document
}

async fn balance(station: &Station, encoder: usize) -> Value {
    let report = station.client.get("/api/monitoring/load-balancer").await;
    let rows = report.body["encoders"].as_array().unwrap().clone();
    let name = helo(encoder);
    let mut rows = rows.into_iter();
    rows.find(|row| row["encoder_id"] == name.as_str()).unwrap()
}

async fn timeline(station: &Station, stream: &str) -> Vec<Value> {
    let path = format!("/api/streams/{stream}/timeline");
    let timeline = station.client.get(&path).await;
    timeline.body["items"].as_array().unwrap().clone()
}

/// How long nobody published while the stream was on air, as the ingest saw it.
fn off_air(station: &Station) -> Duration {
    let mut publishing = 0;
    let mut since = None;
    let mut silent = Duration::ZERO;
    for record in station.devices.ingest.history() {
        match record.what {
            IngestChange::Accepted => {
                publishing += 1;
                if let Some(since) = since.take() {
                    silent += record.at.saturating_duration_since(since);
                }
            }
            IngestChange::Refused => {}
            _ => {
                publishing -= 1;
                if publishing == 0 {
                    since = Some(record.at);
                }
            }
        }
    }
    silent
}

/// The steps that the feed told of the encoder, without repetitions.
fn steps_told(told: &[Told]) -> Vec<u64> {
    let about = told.iter().filter(|told| {
        told.event == "health_update" && told.data["encoder_id"] == helo(1).as_str()
    });
    let mut steps: Vec<_> = about
        .map(|told| {
            let thermal = &told.data["thermal_status"];
            let step = thermal["cooling"]["step"].as_u64().unwrap_or(0);
            assert_eq!(thermal["cooling_active"], step > 0);
            // The ingest pushes it off when its replacement comes; for a moment it says that it fails.
            let failing = told.data["status"] == "degraded";
            assert!(
                failing || (told.data["status"] == "cooling") == (step > 0),
                "{}",
                told.data
            );
            step
        })
        .collect();
    steps.dedup();
    steps
}

/// What the routes say while the encoder on air gets too hot.
async fn assert_cools(station: &Station) {
    let cooling = until_thermal(station, "cooling", |t| t["cooling_active"] == true).await;
    assert_eq!(cooling["cooling"]["steps"], 5);
    assert_eq!(cooling["cooling"]["reason"], "temperature");
    assert!(cooling["temperature"].as_f64() >= Some(80.0), "{cooling}");
    assert!(cooling["temperature_score"].as_f64() >= Some(80.0));
    let path = format!("/health/encoder/{}", helo(1));
    let health = station.client.get(&path).await.body;
    assert_eq!(health["encoder"]["thermal_status"]["cooling_active"], true);
    assert!(balance(station, 1).await["weight"].as_f64() < Some(1.0));
}

/// What timeline, record, ingest and device say of the stream that left.
async fn assert_handed_over(station: &Station, stream: &str) {
    let moved = station
        .until_stream(stream, "handed over", |s| {
            s["primary"]["encoder_id"] != helo(1).as_str() && s["state"] == "live"
        })
        .await;
    assert_eq!(
        off_air(station),
        Duration::ZERO,
        "{:?}",
        station.devices.story()
    );
    let backup = &moved["backup"]["encoder_id"];
    assert_ne!(*backup, helo(1).as_str(), "a cooler one protects it");
    // The timeline is written after the act.
    encoder_tests::until("written", async || station.completed(stream).await == 1).await;
    let entries = timeline(station, stream).await;
    let mut decided = entries
        .iter()
        .filter(|e| e["transition"] == "failover_decided");
    let decided = decided.next().unwrap();
    assert!(
        decided["message"].as_str().unwrap().contains("°C"),
        "{decided}"
    );
    let record = station.on_disk(stream);
    assert_eq!(record["history"][0]["trigger"], "planned");
    assert_eq!(record["history"][0]["reason"], "overheating");
    let device = station.devices.nth(1).device();
    encoder_tests::until("stopped", async || {
        device.get("ReplicatorStreamState").as_deref() == Some("1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_encoder_on_air_hands_its_stream_over_cools_and_comes_back() {
    let station = Station::open(quick(3)).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    let mut feed = station.client.feed(None).await;
    stop_fan(&station);
    assert_cools(&station).await;
    assert_handed_over(&station, &stream).await;
    let over = until_thermal(&station, "warmed up", |t| t["cooling"].is_null()).await;
    let entries = over["history"].as_array().unwrap().iter();
    let steps: Vec<_> = entries.map(|e| e["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]);
    assert_eq!(balance(&station, 1).await["weight"], 1.0);
    let is_over = |told: &Told| {
        told.event == "health_update"
            && told.data["encoder_id"] == helo(1).as_str()
            && told.data["status"] == "online"
            && told.data["device_status"]["temperature"].as_f64() < Some(75.0)
    };
    let mut told = feed.until(|told| told.event == "stream_failover").await;
    told.extend(feed.until(is_over).await);
    assert_eq!(steps_told(&told), [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0]);
    let status = format!("/api/encoders/{}/status", helo(1));
    assert_eq!(station.client.get(&status).await.body["status"], "online");
    assert_eq!(off_air(&station), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_backup_the_hot_encoder_stays_on_air_and_says_so() {
    let station = Station::open(quick(1)).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    stop_fan(&station);
    let path = format!("/api/streams/{stream}/health");
    let mut issue = Value::Null;
    encoder_tests::until("it says so", async || {
        let health = station.client.get(&path).await.body;
        let issues = health["issues"].as_array().cloned().unwrap_or_default();
        issue = issues
            .into_iter()
            .find(|i| i["code"] == "overheating")
            .unwrap_or_default();
        !issue.is_null()
    })
    .await;
    let message = issue["message"].as_str().unwrap();
    assert!(message.contains("no backup is ready"), "{message}");
    until_thermal(&station, "at the last step", |t| t["cooling"]["step"] == 5).await;
    assert_eq!(station.devices.on_air(), ["helo-1"]);
    assert_eq!(station.devices.times(1, IngestChange::Accepted), 1);
    assert_eq!(off_air(&station), Duration::ZERO);
    let metrics = station.client.get("/metrics").await.text;
    assert!(
        metrics.contains("encoder_cooling_step{encoder_id=\"helo-1\"} 5"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_cools_an_encoder_once_at_a_time() {
    let mut setup = quick(2);
    setup.config.thermal.period = Duration::from_secs(60);
    let station = Station::open(setup).await;
    let cooldown = |encoder: usize| format!("/api/monitoring/thermal/{}/cooldown", helo(encoder));
    let begun = station.client.post(&cooldown(1), &json!({})).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    assert_eq!(begun.body["encoder_id"], "helo-1");
    assert_eq!(begun.body["cooling_active"], true);
    let cooling = &begun.body["cooling"];
    assert_eq!(
        (&cooling["step"], &cooling["steps"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(cooling["reason"], "manual");
    assert_eq!(cooling["load_percentage"], 80.0);
    assert!(cooling["ends_at"].is_string());
    let again = station.client.post(&cooldown(1), &json!({})).await;
    assert_eq!(
        (again.status, &again.body["code"]),
        (409, &json!("conflict"))
    );
    let nobody = station.client.post(&cooldown(9), &json!({})).await;
    assert_eq!(nobody.status, 404);
    let reader = station.key("read", 1).await;
    let reader = station.client.with_key(Some(&reader));
    assert_eq!(reader.post(&cooldown(2), &json!({})).await.status, 403);
    let counts = async || station.client.get("/api/encoders/system/status").await.body;
    encoder_tests::until("counted", async || counts().await["cooling"] == 1).await;
    assert_eq!(balance(&station, 1).await["weight"], 0.8);
    let status = reader.get("/api/monitoring/thermal/status").await.body;
    assert_eq!(status["cooling"], 1);
    let rows = status["encoders"].as_array().unwrap();
    let active: Vec<_> = rows.iter().map(|row| &row["cooling_active"]).collect();
    assert_eq!(active, [true, false]);
    let missing = reader
        .get("/api/monitoring/thermal/helo-9/temperature")
        .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_burst_limit_wait() {
    let mut setup = quick(1);
    setup.config.watch.idle_interval = Duration::from_secs(5);
    setup.config.thermal.period = Duration::from_secs(10);
    setup.config.thermal.burst_requests = 20;
    let station = Station::open(setup).await;
    let path = format!("/api/encoders/{}/control", helo(1));
    let begun = std::time::Instant::now();
    for number in 0..12 {
        let action = if number % 2 == 0 { "mute" } else { "unmute" };
        let answer = station.client.post(&path, &json!({"action": action})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // Each asks twice: to do it, and whether it was done. 20 are free and grow back in 10 s.
    let taken = begun.elapsed();
    assert!(taken >= Duration::from_secs(1), "{taken:?}");
    let burst = thermal(&station, 1).await["burst"].clone();
    assert_eq!(burst["limit"], 20);
    assert!(burst["used"].as_u64().unwrap() >= 15, "{burst}");
    assert!(burst["resets_at"].is_string());
}
