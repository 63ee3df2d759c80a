//! A server over fake encoders.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use encoder_aja::AjaDriverFactory;
use encoder_core::model::{EncoderId, EncoderSpec, Secret, Timestamp};
use encoder_core::store::StateStore;
use encoder_core::tasks::Clock;
use encoder_core::testkit::{BreakableStore, FakeEncoder};
use encoder_core::{EncoderDriver, Manager};
use encoder_server::auth::Scope;
use encoder_server::config::ServerConfig;
use encoder_server::ingest::NginxRtmp;
use encoder_server::{AppState, app};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A server and what surrounds it.
pub(crate) struct Bench {
    pub(crate) app: Router,
    pub(crate) state: AppState,
    pub(crate) store: Arc<BreakableStore>,
    pub(crate) encoders: Vec<FakeEncoder>,
    pub(crate) read: String,
    pub(crate) control: String,
    pub(crate) admin: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document of that status and code, and gives it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!(
            (self.status, &problem["code"]),
            (status, &json!(code)),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(
            problem["type"],
            format!("urn:encoder-manager:problem:{code}")
        );
        for field in ["title", "detail", "instance", "request_id"] {
            assert!(problem[field].is_string(), "{field} in {}", self.text);
        }
        problem
    }
}

/// The fields that a validation problem names.
pub(crate) fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect()
}

/// Settings without rate limits, and with patience for nobody.
pub(crate) fn quiet() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.limits.key.read_per_minute = 0;
    config.limits.key.control_per_minute = 0;
    config.limits.address = config.limits.key;
    config.limits.failed_auth_per_minute = 0;
    config.limits.wait_live = Duration::from_secs(5);
    config
}

/// A request for a stream that nothing speaks against.
pub(crate) fn good_stream() -> Value {
    json!({
        "resolution": "1920x1080", "bitrate": 8_000_000, "fps": 30,
        "destination": {"url": "rtmp://ingest.example/live"},
    })
}

impl Bench {
    /// Three encoders that answer, no rate limits.
    pub(crate) async fn new() -> Self {
        Self::with(quiet(), 3).await
    }

    pub(crate) async fn with(config: ServerConfig, encoders: usize) -> Self {
        let encoders = (1..=encoders)
            .map(|n| FakeEncoder::new(&format!("helo-{n}")))
            .collect();
        Self::over(config, Arc::default(), encoders).await
    }

    pub(crate) async fn over(
        config: ServerConfig,
        store: Arc<BreakableStore>,
        encoders: Vec<FakeEncoder>,
    ) -> Self {
        let drivers = encoders.iter().map(FakeEncoder::driver).collect();
        Self::over_drivers(config, store, encoders, drivers).await
    }

    pub(crate) async fn over_drivers(
        config: ServerConfig,
        store: Arc<BreakableStore>,
        encoders: Vec<FakeEncoder>,
        drivers: Vec<Arc<dyn EncoderDriver>>,
    ) -> Self {
        let helos = AjaDriverFactory::new(config.aja.clone()).unwrap();
        let mut builder = Manager::builder()
            .with_driver_factory(Arc::new(helos))
            .with_config(config.manager.clone())
            .with_clock(Clock::anchored(Timestamp::from_millis(1_700_000_000_000)))
            .with_store(Arc::clone(&store) as Arc<dyn StateStore>);
        if let Some(witness) = &config.ingest.witness {
            let witness = NginxRtmp::new(witness.clone()).unwrap();
            builder = builder.with_ingest_witness(Arc::new(witness));
        }
        for driver in drivers {
            let spec = EncoderSpec::new(driver.id().clone(), "http://127.0.0.1:9")
                .with_driver("fake")
                .with_password(Secret::from("device-password"));
            builder = builder.with_encoder_driver(spec, driver);
        }
        let manager = builder.build().await.unwrap();
        let state = AppState::new(manager, config);
        let key = async |name: &str, scope| {
            state
                .keys()
                .create(name, scope, None)
                .await
                .unwrap()
                .1
                .expose()
                .clone()
        };
        let (read, control, admin) = (
            key("reader", Scope::Read).await,
            key("controller", Scope::Control).await,
            key("administrator", Scope::Admin).await,
        );
        let bench = Self {
            app: app(state.clone()),
            state,
            store,
            encoders,
            read,
            control,
            admin,
        };
        bench.settle().await;
        bench
    }

    /// Waits until every encoder was heard of.
    async fn settle(&self) {
        for _ in 0..100 {
            if self.state.manager().fleet_counts().unknown == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &self.read, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &self.control, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, &self.control, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &self.control, None).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Answer {
        self.send(request(method, path, key, body)).await
    }

    /// Starts a stream and waits until it is live.
    pub(crate) async fn live_stream(&self) -> Value {
        let answer = self
            .post("/api/streams/init?wait=live", good_stream())
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    pub(crate) fn encoder(&self, id: &str) -> &FakeEncoder {
        let id = EncoderId::try_new(id).unwrap();
        self.encoders
            .iter()
            .find(|encoder| *encoder.id() == id)
            .unwrap()
    }
}

pub(crate) fn request(method: &str, path: &str, key: &str, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// With one more header.
pub(crate) fn with_header(
    mut request: Request<Body>,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

pub(crate) const CREATED: u16 = StatusCode::CREATED.as_u16();
