//! The least that a failover can cost: a client that waits on the failing device's long poll and
//! sends the start command to the other device. No store, no judgement, no stream.

use std::collections::VecDeque;
use std::time::Duration;

use encoder_aja::simulator::{Fault, FaultKind, RequestRecord, Simulator, SimulatorConfig};
use serde_json::Value;
use tokio::time::Instant;

use super::{PATIENCE, started};
use crate::Outcome;

/// Pairs that take turns, so that nobody waits for a device to settle.
const PAIRS: usize = 4;
const COMMAND: &str = "ReplicatorCommand";
const STATE: &str = "ReplicatorStreamState";

#[derive(Debug)]
pub(super) struct Floor {
    http: reqwest::Client,
    pairs: VecDeque<(Simulator, Simulator)>,
}

impl Floor {
    pub(super) async fn start(devices: SimulatorConfig) -> Outcome<Self> {
        let devices = devices
            .with_value("StreamType", "0")
            .with_value("RTMPServerURL", "rtmp://ingest.example/live");
        let mut pairs = VecDeque::new();
        for _ in 0..PAIRS {
            let primary = Simulator::start(devices.clone()).await?;
            let backup = Simulator::start(devices.clone()).await?;
            reach(&primary, "1").await?;
            primary.device().command(COMMAND, "3")?;
            pairs.push_back((primary, backup));
        }
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
        let http = http.build()?;
        Ok(Self { http, pairs })
    }

    /// One failover; the devices of the pair change roles.
    pub(super) async fn fail(&mut self) -> Outcome<Duration> {
        let (primary, backup) = self.pairs.pop_front().ok_or("a pair is always put back")?;
        reach(&primary, "2").await?;
        reach(&backup, "1").await?;
        backup.clear_requests();
        // Both connections are open before it counts, as those of the manager are.
        self.get(
            &backup,
            &[("action", "get"), ("paramid", "eParamID_SystemName")],
        )
        .await?;
        let connection = self.connect(&primary).await?;
        primary.clear_requests();
        let (followed, failed) = futures::join!(
            self.follow(&primary, &backup, &connection),
            break_when_watched(&primary)
        );
        followed?;
        let taken = started(&backup, failed?).await?;
        primary.device().command(COMMAND, "4")?;
        self.pairs.push_back((backup, primary));
        Ok(taken)
    }

    pub(super) async fn shutdown(self) {
        for (primary, backup) in self.pairs {
            primary.shutdown().await;
            backup.shutdown().await;
        }
    }

    async fn connect(&self, device: &Simulator) -> Outcome<String> {
        let answer = self.get(device, &[("action", "connect")]).await?;
        let id = answer.get("connectionid").and_then(Value::as_str);
        Ok(id.ok_or("no connection")?.to_owned())
    }

    /// Waits until the device tells that it fails, and starts the other one.
    async fn follow(&self, primary: &Simulator, backup: &Simulator, id: &str) -> Outcome<()> {
        let wait = [("action", "wait_for_config_events"), ("connectionid", id)];
        loop {
            let events = self.get(primary, &wait).await?;
            let mut events = events.as_array().into_iter().flatten();
            if events.any(tells_failure) {
                let start = [
                    ("action", "set"),
                    ("paramid", "eParamID_ReplicatorCommand"),
                    ("value", "3"),
                ];
                self.get(backup, &start).await?;
                return Ok(());
            }
        }
    }

    async fn get(&self, device: &Simulator, query: &[(&str, &str)]) -> Outcome<Value> {
        let url = format!("{}/config", device.url());
        let request = self.http.get(url).query(query).timeout(PATIENCE);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

fn tells_failure(event: &Value) -> bool {
    let is = |field: &str, wanted: &str| event.get(field).and_then(Value::as_str) == Some(wanted);
    is("param_id", "eParamID_ReplicatorStreamState") && is("int_value", "4")
}

/// Lets the device fail once the long poll has arrived, and tells when.
async fn break_when_watched(device: &Simulator) -> Outcome<Instant> {
    let is_wait =
        |request: &RequestRecord| request.param("action") == Some("wait_for_config_events");
    let waiting = device.wait_for_request(is_wait, PATIENCE).await;
    waiting.ok_or("nobody listens")?;
    let failed = Instant::now();
    device.inject(Fault::new(FaultKind::StreamFails).times(1));
    Ok(failed)
}

async fn reach(device: &Simulator, state: &str) -> Outcome<()> {
    match device.device().wait_for(STATE, state, PATIENCE).await {
        true => Ok(()),
        false => Err(format!("the device did not reach state {state}").into()),
    }
}
