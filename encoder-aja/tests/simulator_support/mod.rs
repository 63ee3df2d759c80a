//! What the simulator tests share: a plain HTTP client and a device that can stream.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test file uses its own part of this, and a failing part fails the test"
)]

use std::sync::Arc;
use std::time::Duration;

use encoder_aja::simulator::{Simulator, SimulatorConfig};
use reqwest::{Client, Response};
use serde_json::Value;

#[cfg(feature = "media")]
pub(crate) mod nginx;
#[cfg(feature = "media")]
pub(crate) mod processes;
#[cfg(feature = "media")]
pub(crate) mod viewer;

/// Far more than anything here takes; reached only by a failing test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const URL: &str = "rtmp://ingest.example/live";

/// A device with a short delay for everything and an RTMP destination.
pub(crate) fn streaming_config(key: &str) -> SimulatorConfig {
    SimulatorConfig::fast()
        .with_value("StreamType", "0")
        .with_value("RTMPServerURL", URL)
        .with_value("RTMPStreamName", key)
}

/// A started device that has finished booting.
pub(crate) async fn ready(config: SimulatorConfig) -> Simulator {
    let helo = Simulator::start(config).await.unwrap();
    reach(&helo, "ReplicatorStreamState", "1").await;
    helo
}

/// Waits until the device itself has this value.
pub(crate) async fn reach(helo: &Simulator, id: &str, value: &str) {
    let reached = helo.device().wait_for(id, value, PATIENCE).await;
    let found = helo.device().get(id);
    assert!(reached, "{id} never became {value}, it is {found:?}");
}

/// A device that streams.
pub(crate) async fn live(config: SimulatorConfig) -> Simulator {
    let helo = ready(config).await;
    helo.device().command("ReplicatorCommand", "3").unwrap();
    reach(&helo, "ReplicatorStreamState", "2").await;
    helo
}

/// A client of one device.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) http: Client,
    pub(crate) base: String,
}

impl Web {
    pub(crate) fn of(helo: &Simulator) -> Self {
        Self {
            http: client(PATIENCE),
            base: helo.url(),
        }
    }

    pub(crate) fn at_url(base: &str) -> Self {
        Self {
            http: client(PATIENCE),
            base: base.to_owned(),
        }
    }

    /// A client that gives up early, for devices that stay silent.
    pub(crate) fn hasty(helo: &Simulator) -> Self {
        Self {
            http: client(Duration::from_millis(150)),
            base: helo.url(),
        }
    }

    pub(crate) async fn try_at(&self, path: &str) -> reqwest::Result<Response> {
        self.http.get(format!("{}{path}", self.base)).send().await
    }

    pub(crate) async fn at(&self, path: &str) -> Response {
        self.try_at(path).await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.at(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn get(&self, id: &str) -> Value {
        self.json(&format!("/config?action=get&paramid=eParamID_{id}"))
            .await
    }

    pub(crate) async fn value(&self, id: &str) -> String {
        self.get(id).await["value"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_set(&self, id: &str, value: &str) -> reqwest::Result<Response> {
        let id = format!("eParamID_{id}");
        let query = [
            ("action", "set"),
            ("paramid", id.as_str()),
            ("value", value),
        ];
        self.http
            .get(format!("{}/config", self.base))
            .query(&query)
            .send()
            .await
    }

    pub(crate) async fn set(&self, id: &str, value: &str) -> Value {
        let response = self.try_set(id, value).await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    pub(crate) async fn connect(&self) -> String {
        let reply = self.json("/config?action=connect").await;
        reply["connectionid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_wait(&self, connection: &str) -> reqwest::Result<Response> {
        self.try_at(&wait_path(connection)).await
    }

    pub(crate) async fn wait(&self, connection: &str) -> Vec<Value> {
        self.json(&wait_path(connection))
            .await
            .as_array()
            .unwrap()
            .clone()
    }

    /// Waits for an event of this parameter and returns its number.
    pub(crate) async fn event(&self, connection: &str, id: &str) -> String {
        let id = format!("eParamID_{id}");
        for _ in 0..50 {
            let events = self.wait(connection).await;
            if let Some(event) = events.iter().find(|event| event["param_id"] == id.as_str()) {
                return event["int_value"].as_str().unwrap().to_owned();
            }
        }
        panic!("no event of {id}");
    }
}

pub(crate) fn wait_path(connection: &str) -> String {
    format!("/config?action=wait_for_config_events&connectionid={connection}")
}

fn client(timeout: Duration) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(timeout)
        .build()
        .unwrap()
}
