//! The requests of a start, recorded from the driver once and then sent by a bare client.

use std::time::Duration;

use encoder_aja::simulator::{RequestRecord, Simulator, SimulatorConfig};
use encoder_aja::{AjaConfig, AjaDriver};
use encoder_core::EncoderDriver;
use encoder_core::model::{Bitrate, EncoderId, PublishTarget, Secret, StreamConfig};
use serde_json::Value;
use tokio::time::Instant;

use crate::Outcome;
use crate::rig::request;

const PATIENCE: Duration = Duration::from_secs(30);
const COMMAND: &str = "ReplicatorCommand";
const STATE: &str = "ReplicatorStreamState";

/// Parameters of one request.
type Query = Vec<(String, String)>;

#[derive(Debug)]
pub(super) struct Script {
    http: reqwest::Client,
    device: Simulator,
    requests: Vec<Query>,
}

impl Script {
    /// Records what the driver sends for a stream that differs from the last one in its key only.
    pub(super) async fn prepare() -> Outcome<Self> {
        let device = Simulator::start(SimulatorConfig::fast()).await?;
        let mut config = AjaConfig::default();
        // Without its feed the driver is silent between the calls below.
        config.events = false;
        let id = EncoderId::try_new("bare").expect("letters");
        let driver = AjaDriver::new(id, config, device.url(), None)?;
        reach(&device, "1").await?;
        driver
            .configure(&settings(), &target("first-key-0123456789"))
            .await?;
        device.clear_requests();
        driver
            .configure(&settings(), &target("other-key-0123456789"))
            .await?;
        let mut requests: Vec<Query> = device.requests().iter().map(query).collect();
        requests.push(start_command());
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
        Ok(Self {
            http: http.build()?,
            device,
            requests,
        })
    }

    /// Configures and starts the device, and tells how long it took until it said that it
    /// streams; then stops it.
    pub(super) async fn run(&self) -> Outcome<Duration> {
        let connect = self.get(&[("action", "connect")]).await?;
        let id = connect.get("connectionid").and_then(Value::as_str);
        let id = id.ok_or("no connection")?;
        let key: String = format!("key-{:016x}", rand::random::<u64>());
        let begun = Instant::now();
        for request in &self.requests {
            let request: Vec<_> = request.iter().map(|field| with_key(field, &key)).collect();
            self.get(&request).await?;
        }
        self.wait_for_stream(id).await?;
        let taken = begun.elapsed();
        self.device.device().command(COMMAND, "4")?;
        reach(&self.device, "1").await?;
        Ok(taken)
    }

    async fn wait_for_stream(&self, id: &str) -> Outcome<()> {
        let wait = [("action", "wait_for_config_events"), ("connectionid", id)];
        loop {
            let events = self.get(&wait).await?;
            if events.as_array().into_iter().flatten().any(tells_streaming) {
                return Ok(());
            }
        }
    }

    async fn get(&self, query: &[(&str, &str)]) -> Outcome<Value> {
        let url = format!("{}/config", self.device.url());
        let request = self.http.get(url).query(query).timeout(PATIENCE);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    pub(super) async fn shutdown(self) {
        self.device.shutdown().await;
    }
}

fn settings() -> StreamConfig {
    let request = request();
    StreamConfig {
        resolution: request.resolution,
        bitrate: request.bitrate,
        fps: request.fps,
        keyframe_interval: Duration::from_secs(2),
        audio_bitrate: Bitrate::from_kbps(128),
    }
}

fn target(key: &str) -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from(key),
    }
}

fn query(request: &RequestRecord) -> Query {
    request.params.clone()
}

fn start_command() -> Query {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        field("action", "set"),
        field("paramid", "eParamID_ReplicatorCommand"),
        field("value", "3"),
    ]
}

/// The log masks keys, so each run fills in one of its own.
fn with_key<'a>((name, value): &'a (String, String), key: &'a str) -> (&'a str, &'a str) {
    match value.as_str() {
        "***" => (name, key),
        value => (name, value),
    }
}

fn tells_streaming(event: &Value) -> bool {
    let is = |field: &str, wanted: &str| event.get(field).and_then(Value::as_str) == Some(wanted);
    is("param_id", "eParamID_ReplicatorStreamState") && is("int_value", "2")
}

async fn reach(device: &Simulator, state: &str) -> Outcome<()> {
    match device.device().wait_for(STATE, state, PATIENCE).await {
        true => Ok(()),
        false => Err(format!("the device did not reach state {state}").into()),
    }
}
