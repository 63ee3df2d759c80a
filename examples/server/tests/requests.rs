//! One request, followed from its client to the device, and nothing secret on the way.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::sync::Arc;
use std::time::Duration;

use encoder_aja::simulator::{SimulatorConfig, SimulatorFleet};
use encoder_core::store::MemoryStore;
use encoder_server::auth::Scope;
use encoder_server::{AppState, app, serve};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

#[path = "server/bench.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use all of it")]
mod bench;
mod log;

use bench::{quiet, request, with_header};
use log::Log;

const STREAM_KEY: &str = "a-key-that-nobody-may-see-4711";
const PASSWORD: &str = "the-password-of-the-devices";
const WRONG: &str = "a-wrong-password-for-a-device";
const STRANGER: &str = "em_somebody_who_guesses_a_key";

/// Messages of a target that were logged for a request.
fn lines_of(log: &Log, target: &str, id: &str) -> Vec<Value> {
    let lines = log.text();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named = |line: &Value| {
        let mut spans = line["spans"].as_array().into_iter().flatten();
        spans.any(|span| span["request_id"] == id)
    };
    let from = |line: &Value| {
        line["target"]
            .as_str()
            .is_some_and(|t| t.starts_with(target))
    };
    lines.filter(|line| from(line) && named(line)).collect()
}

struct Studio {
    app: axum::Router,
    key: String,
    helos: SimulatorFleet,
}

impl Studio {
    async fn open() -> Self {
        let mut config = quiet();
        config.limits.wait_live = Duration::from_secs(20);
        let manager = serve::build_manager(&config, Arc::new(MemoryStore::new())).await;
        let state = AppState::new(manager.unwrap(), config);
        let made = state.keys().create("test", Scope::Admin, None).await;
        let devices = SimulatorConfig::fast().with_password(PASSWORD);
        let studio = Self {
            app: app(state.clone()),
            key: made.unwrap().1.expose().clone(),
            helos: SimulatorFleet::start(3, devices).await.unwrap(),
        };
        for (place, url) in studio.helos.urls().into_iter().enumerate() {
            let password = if place == 2 { WRONG } else { PASSWORD };
            let id = format!("helo-{}", place + 1);
            let body = json!({"encoder_id": id, "address": url, "password": password});
            assert_eq!(
                studio
                    .call("POST", "/api/encoders", body, "req_add")
                    .await
                    .0,
                201
            );
        }
        let path = "/api/encoders/system/status";
        studio.until(path, |s| s["online"] == 2).await;
        studio
    }

    async fn call(&self, method: &str, path: &str, body: Value, id: &str) -> (u16, Value) {
        let body = Some(body).filter(|body| !body.is_null());
        let request = request(method, path, &self.key, body);
        let request = with_header(request, "x-request-id", id);
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["x-request-id"], id);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let (_, seen) = self.call("GET", path, Value::Null, "req_look").await;
            if holds(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not in time: {path}");
    }
}

/// What an id leads to in a stream's timeline.
fn transitions(timeline: &Value, id: &str) -> Vec<String> {
    let entries = timeline["items"].as_array().unwrap().iter();
    let done = entries.filter(|entry| entry["request_id"] == id);
    done.map(|entry| entry["transition"].as_str().unwrap().to_owned())
        .collect()
}

/// Starts a stream and moves it, and lets a stranger knock. Returns the stream's timeline.
async fn start_and_move(studio: &Studio) -> Value {
    let body = json!({
        "resolution": "1920x1080", "bitrate": 8_000_000, "fps": 30, "encoder_id": "helo-1",
        "destination": {"url": "rtmp://ingest.example/live", "stream_key": STREAM_KEY},
    });
    let init = "/api/streams/init?wait=live";
    let (status, stream) = studio.call("POST", init, body, "req_start").await;
    assert_eq!(status, 201, "{stream}");
    let path = format!("/api/streams/{}", stream["stream_id"].as_str().unwrap());
    studio.until(&path, |s| s["backup"]["ready"] == true).await;
    let (status, _) = studio
        .call("POST", &format!("{path}/failover"), json!({}), "req_move")
        .await;
    assert_eq!(status, 202);
    let on = |s: &Value| s["primary"]["encoder_id"] == "helo-2" && s["state"] == "live";
    studio.until(&path, on).await;
    let stranger = request("GET", "/api/streams", STRANGER, None);
    assert_eq!(
        studio.app.clone().oneshot(stranger).await.unwrap().status(),
        401
    );
    studio
        .call("GET", &format!("{path}/timeline"), Value::Null, "req_look")
        .await
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_followed_to_the_device_and_nothing_secret_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // Alone in its process, so that the log of every thread is seen.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let studio = Studio::open().await;
    let timeline = start_and_move(&studio).await;

    assert!(
        transitions(&timeline, "req_start").contains(&"accepted".to_owned()),
        "{timeline:#}"
    );
    let moved = transitions(&timeline, "req_move");
    assert!(
        moved.contains(&"failover_completed".to_owned()),
        "{timeline:#}"
    );
    for (id, told) in [
        ("req_start", "the stream was accepted"),
        ("req_move", "took over"),
    ] {
        let core = lines_of(&log, "encoder_core", id);
        let says = |line: &&Value| line["message"].as_str().is_some_and(|m| m.contains(told));
        assert!(core.iter().any(|line| says(&line)), "{id}: {core:#?}");
        let asked = lines_of(&log, "encoder_aja", id);
        let sets = asked.iter().filter(|line| line["action"] == "set");
        assert!(sets.count() > 0, "{id} reaches a device: {asked:#?}");
    }
    assert_eq!(
        lines_of(&log, "encoder_aja", "req_look"),
        [Value::Null; 0],
        "looking asks no device"
    );

    let text = log.text();
    for secret in [STREAM_KEY, PASSWORD, WRONG, STRANGER, &studio.key] {
        let around = text
            .find(secret)
            .map(|at| &text[at.saturating_sub(300)..at]);
        assert_eq!(around, None, "{secret}");
    }
}

#[tokio::test]
async fn a_wild_id_is_replaced() {
    let manager = serve::build_manager(&quiet(), Arc::new(MemoryStore::new())).await;
    let app = app(AppState::new(manager.unwrap(), quiet()));
    let long = "x".repeat(65);
    for wild in ["two words", "{json}", &long] {
        let request = with_header(request("GET", "/healthz", "", None), "x-request-id", wild);
        let answer = app.clone().oneshot(request).await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        assert!(id.starts_with("req_"), "{wild} is told as {id}");
    }
}
