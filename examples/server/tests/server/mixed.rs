//! Simulated HELOs and a software encoder in one fleet.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use encoder_aja::simulator::{SimulatorConfig, SimulatorFleet};
use encoder_core::model::{
    Bitrate, EncoderId, EncoderSpec, FrameRate, Protection, Resolution, StreamRequest,
};
use encoder_core::store::MemoryStore;
use encoder_ffmpeg::testkit::Nginx;
use encoder_server::auth::Scope;
use encoder_server::{AppState, app, serve};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::bench::{CREATED, quiet, request};

const KEY: &str = "gemischte-flotte-4711";

/// A server in front of two simulated HELOs and an ingest.
struct Studio {
    app: axum::Router,
    state: AppState,
    key: String,
    nginx: Nginx,
    helos: SimulatorFleet,
}

impl Studio {
    async fn open() -> Self {
        let mut config = quiet();
        config.limits.wait_live = Duration::from_secs(20);
        config.ffmpeg.preset = Some("ultrafast".to_owned());
        // A machine that is busy with other tests would rightly be relieved of streams.
        config.manager.thermal.automatic = false;
        let manager = serve::build_manager(&config, Arc::new(MemoryStore::new())).await;
        let state = AppState::new(manager.unwrap(), config);
        let (_, key) = state
            .keys()
            .create("test", Scope::Admin, None)
            .await
            .unwrap();
        let helos = SimulatorFleet::start(2, SimulatorConfig::fast())
            .await
            .unwrap();
        let studio = Self {
            app: app(state.clone()),
            state,
            key: key.expose().clone(),
            nginx: Nginx::start().await,
            helos,
        };
        for (place, url) in studio.helos.urls().into_iter().enumerate() {
            let id = format!("helo-{}", place + 1);
            studio
                .register(json!({"encoder_id": id, "address": url}))
                .await;
        }
        let software = json!({"encoder_id": "soft-1", "driver": "ffmpeg", "address": "testsrc:"});
        studio.register(software).await;
        // On a busy machine the software encoder is rightly degraded.
        let usable = |s: &Value| s["online"].as_u64().zip(s["degraded"].as_u64());
        let all = |s: &Value| usable(s).is_some_and(|(online, degraded)| online + degraded == 3);
        let path = "/api/encoders/system/status";
        studio.until("there", path, all).await;
        studio
    }

    async fn register(&self, encoder: Value) {
        let (status, answer) = self.call("POST", "/api/encoders", Some(encoder)).await;
        assert_eq!(status, CREATED, "{answer}");
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
        let request: Request<Body> = request(method, path, &self.key, body);
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, text) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Reads a document until it is as wanted.
    async fn until(&self, what: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1000 {
            last = self.get(path).await;
            if holds(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never {what}: {last:#}");
    }

    async fn stream(&self, wishes: Value) -> Value {
        let mut body = json!({
            "resolution": "640x360", "bitrate": 1_000_000, "fps": 30, "protection": "none",
            "destination": {"url": self.nginx.url(), "stream_key": KEY},
        });
        for (field, value) in wishes.as_object().unwrap() {
            body[field] = value.clone();
        }
        let answer = self
            .call("POST", "/api/streams/init?wait=live", Some(body))
            .await;
        assert_eq!(answer.0, CREATED, "{}", answer.1);
        serde_json::from_str(&answer.1).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn software_encoder_shows_readings_that_a_helo_does_not_have() {
    let studio = Studio::open().await;
    let stream = studio.stream(json!({"encoder_id": "soft-1"})).await;
    assert_eq!(stream["primary"]["encoder_id"], "soft-1");
    assert_eq!(studio.nginx.published().await[0].key, KEY);

    let readings = ["cpu_usage", "memory_usage", "bitrate", "fps", "uptime"];
    let path = "/api/encoders/soft-1/metrics";
    let measured = |m: &Value| readings.iter().all(|name| m[name].is_number());
    let software = studio.until("measured", path, measured).await;
    let bitrate = software["bitrate"].as_u64().unwrap();
    assert!((100_000..3_000_000).contains(&bitrate), "{bitrate}");
    assert!(software["health_score"].is_number(), "{software:#}");
    let helo = studio.get("/api/encoders/helo-1/metrics").await;
    for name in readings {
        assert_eq!(helo[name], Value::Null, "{name} of a HELO");
    }

    let status = studio.get("/api/encoders/soft-1/status").await;
    assert_eq!(status["streaming_state"], "streaming");
    let agent = studio.nginx.published().await[0].agent.clone();
    assert!(
        agent.contains(status["serial"].as_str().unwrap()),
        "{agent}"
    );
    let health = studio.get("/health/encoder/soft-1").await;
    let device = &health["encoder"]["device_status"];
    assert!(
        device["cpu_usage"].is_number() && device["memory_usage"].is_number(),
        "{health:#}"
    );
    let id = stream["stream_id"].as_str().unwrap();
    let path = format!("/api/streams/{id}/health");
    studio
        .until("told", &path, |h| {
            h["bitrate"].is_number() && h["fps"].is_number()
        })
        .await;

    let (_, metrics) = studio.call("GET", "/metrics", None).await;
    for name in [
        "cpu_ratio",
        "memory_ratio",
        "output_bits_per_second",
        "output_frames_per_second",
    ] {
        let series = |encoder: &str| format!("encoder_{name}{{encoder_id=\"{encoder}\"}}");
        assert!(metrics.contains(&series("soft-1")), "{name} in {metrics}");
        assert!(!metrics.contains(&series("helo-1")), "{name} of a HELO");
    }

    let (status, _) = studio
        .call("DELETE", &format!("/api/streams/{id}"), None)
        .await;
    assert_eq!(status, 200);
    assert!(studio.nginx.published().await.is_empty());
    assert!(studio.state.manager().shutdown().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balancer_takes_the_software_encoder_when_the_operator_prefers_it() {
    let studio = Studio::open().await;
    for id in ["helo-1", "helo-2"] {
        let address = studio.get(&format!("/api/encoders/{id}")).await["address"].clone();
        let rare = json!({"encoder_id": id, "address": address, "weight": 0});
        let (status, text) = studio
            .call("PUT", &format!("/api/encoders/{id}"), Some(rare))
            .await;
        assert_eq!(status, 200, "{text}");
    }
    let stream = studio.stream(json!({"protection": "warm"})).await;
    assert_eq!(stream["primary"]["encoder_id"], "soft-1");
    // The backup is a HELO: a stream may cross from one kind of encoder to the other.
    let id = stream["stream_id"].as_str().unwrap();
    let path = format!("/api/streams/{id}");
    let view = studio
        .until("protected", &path, |s| s["backup"]["ready"] == true)
        .await;
    assert!(
        view["backup"]["encoder_id"]
            .as_str()
            .unwrap()
            .starts_with("helo-")
    );
    let moved = studio
        .call("POST", &format!("{path}/failover"), Some(json!({})))
        .await;
    assert_eq!(moved.0, 202, "{}", moved.1);
    let on_helo = |s: &Value| {
        s["primary"]["encoder_id"]
            .as_str()
            .unwrap()
            .starts_with("helo-")
    };
    studio.until("moved", &path, on_helo).await;
    // The ingest drops its end a moment after the encoder let go.
    for _ in 0..1000 {
        if studio.nginx.published().await.is_empty() {
            assert!(studio.state.manager().shutdown().await);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the software encoder does not let go");
}

#[tokio::test]
async fn address_that_names_no_input_is_refused_with_what_is_allowed() {
    let config = quiet();
    let manager = serve::build_manager(&config, Arc::new(MemoryStore::new())).await;
    let state = AppState::new(manager.unwrap(), config);
    let (_, key) = state
        .keys()
        .create("test", Scope::Admin, None)
        .await
        .unwrap();
    let body = json!({"driver": "ffmpeg", "address": "rtmp://user:geheim@host/live"});
    let request = request("POST", "/api/encoders", key.expose(), Some(body));
    let response = app(state).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 422);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["errors"][0]["field"], "address", "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_of_a_software_encoder_comes_back_after_a_restart() {
    let nginx = Nginx::start().await;
    let store = Arc::new(MemoryStore::new());
    let mut config = quiet();
    config.ffmpeg.preset = Some("ultrafast".to_owned());
    config.encoders = vec![
        EncoderSpec::new(EncoderId::try_new("soft-1").unwrap(), "testsrc:").with_driver("ffmpeg"),
    ];
    let manager = serve::build_manager(&config, store.clone()).await.unwrap();
    let size = Resolution::new(640, 360);
    let mut wanted = StreamRequest::new(size, Bitrate(1_000_000), FrameRate::from_fps(30.0));
    wanted = wanted.to_url(nginx.url());
    wanted.protection = Some(Protection::None);
    let mut stream = None;
    for _ in 0..500 {
        stream = manager.start_stream(wanted.clone()).await.ok();
        if stream.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = stream.expect("an encoder that is known").record.id;
    let patience = Duration::from_secs(20);
    manager.wait_live(&id, patience).await.unwrap();
    assert_eq!(nginx.published().await.len(), 1);
    assert!(manager.shutdown().await);
    drop(manager);
    gone(&nginx).await;

    // The machine is busy after its own restart: ffmpeg says what it can only after the manager
    // stopped waiting for a first look.
    let folder = tempfile::tempdir().unwrap();
    config.ffmpeg.path = slow_ffmpeg(folder.path());
    let manager = serve::build_manager(&config, store).await.unwrap();
    for _ in 0..1500 {
        if !nginx.published().await.is_empty() {
            assert!(manager.shutdown().await);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:#?}", manager.stream(&id));
}

/// An ffmpeg that takes its time to tell its version. A process of its own writes it: a file that
/// any process holds open for writing cannot be run.
fn slow_ffmpeg(folder: &Path) -> PathBuf {
    let path = folder.join("ffmpeg");
    let text = "#!/bin/sh\ncase \"$*\" in *-version*) sleep 5 ;; esac\nexec ffmpeg \"$@\"\n";
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(writer.wait().unwrap().success());
    path
}

/// Waits until nobody publishes: the children of a process leave with it.
async fn gone(nginx: &Nginx) {
    for _ in 0..500 {
        if nginx.published().await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still there: {:?}", nginx.published().await);
}
