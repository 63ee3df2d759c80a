//! What every scenario of the demo plays with: a client of the server, the devices behind it, and
//! an audience.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use encoder_aja::simulator::{IngestChange, SimulatedIngest, Simulator, SimulatorFleet};
use serde_json::{Value, json};

use super::client::Client;
use super::video::Video;

/// Time between looks at something that will be true shortly.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where streams go that are only counted.
const NOWHERE: &str = "rtmp://ingest.demo.example/live";

/// Everything a scenario needs.
pub(super) struct Cast<'a> {
    pub(super) client: &'a Client,
    pub(super) fleet: &'a SimulatorFleet,
    /// The real ingest, when encoders send video.
    pub(super) video: Option<&'a Video>,
    /// Whether anybody listens.
    pub(super) aloud: bool,
}

impl Cast<'_> {
    /// Tells the audience.
    pub(super) fn say(&self, line: impl AsRef<str>) {
        if self.aloud {
            println!("{}", line.as_ref());
        }
    }

    /// Starts a protected stream and waits until its device reports that it streams.
    pub(super) async fn start(&self, name: &str, bitrate: u64) -> anyhow::Result<Value> {
        self.start_on(name, bitrate, None).await
    }

    /// As [`Cast::start`], on that encoder.
    pub(super) async fn start_on(
        &self,
        name: &str,
        bitrate: u64,
        encoder: Option<&str>,
    ) -> anyhow::Result<Value> {
        let url = self.video.map_or_else(|| NOWHERE.to_owned(), Video::url);
        let request = json!({
            "name": name, "resolution": "1920x1080", "bitrate": bitrate, "fps": 30,
            "protection": "warm", "encoder_id": encoder,
            "destination": {"url": url, "personality": "takeover"},
        });
        let stream = self
            .client
            .post("/api/streams/init?wait=live", &request)
            .await?;
        self.say(format!(
            "{} is live on {}, protected by {}.",
            word(&stream["name"]),
            word(&stream["primary"]["encoder_id"]),
            word(&stream["backup"]["encoder_id"])
        ));
        Ok(stream)
    }

    /// Asks for a document until it says what is waited for. The whole story has a time limit.
    pub(super) async fn until(
        &self,
        path: &str,
        holds: impl Fn(&Value) -> bool + Send,
    ) -> anyhow::Result<Value> {
        loop {
            let document = self.client.get(path).await?;
            if holds(&document) {
                return Ok(document);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until every encoder was heard of, and tells how many there are.
    pub(super) async fn all_online(&self) -> anyhow::Result<u64> {
        let all = |counts: &Value| counts["online"] == counts["total"];
        let counts = self.until("/api/encoders/system/status", all).await?;
        let total = counts["total"].as_u64().context("no count of encoders")?;
        self.say(format!("All {total} encoders answer."));
        Ok(total)
    }

    /// Waits until the stream's backup could take over.
    pub(super) async fn protected(&self, stream: &str) -> anyhow::Result<()> {
        let ready = |health: &Value| health["backup"]["ready"] == true;
        let path = format!("/api/streams/{stream}/health");
        self.until(&path, ready).await.map(drop)
    }

    /// Waits until the stream is live, or beyond help, and tells which.
    pub(super) async fn settled(&self, stream: &str) -> anyhow::Result<String> {
        let settled = |stream: &Value| {
            matches!(
                stream["state"].as_str(),
                Some("live" | "failed" | "stopped")
            )
        };
        let path = format!("/api/streams/{stream}");
        let stream = self.until(&path, settled).await?;
        Ok(word(&stream["state"]).to_owned())
    }

    /// The device behind an encoder of the fleet.
    pub(super) fn device(&self, encoder: &str) -> anyhow::Result<&Simulator> {
        let number: usize = encoder.trim_start_matches("helo-").parse()?;
        let place = number.checked_sub(1);
        let device = place.and_then(|place| self.fleet.simulators().get(place));
        device.context("not one of the simulated encoders")
    }

    /// How long nobody published the stream since `moment`, as the simulated ingest saw it.
    pub(super) fn interrupted(&self, stream: &Value, moment: Instant) -> Option<Duration> {
        let ingest = self.fleet.ingest()?;
        Some(without_publisher(
            ingest,
            word(&stream["stream_key"]),
            moment,
        ))
    }
}

/// Time after `moment` in which no media arrived under that key.
fn without_publisher(ingest: &SimulatedIngest, key: &str, moment: Instant) -> Duration {
    let moment = tokio::time::Instant::from_std(moment);
    let mut publishing = BTreeSet::new();
    let mut empty_since = None;
    let mut silent = Duration::ZERO;
    let history = ingest.history().into_iter();
    for record in history.filter(|record| record.key == key) {
        match record.what {
            IngestChange::Accepted => publishing.insert(record.serial),
            IngestChange::Refused => continue,
            _ => publishing.remove(&record.serial),
        };
        if publishing.is_empty() {
            empty_since = empty_since.or(Some(record.at));
        } else if let Some(since) = empty_since.take() {
            silent += record.at.saturating_duration_since(moment.max(since));
        }
    }
    let now = tokio::time::Instant::now();
    silent + empty_since.map_or(Duration::ZERO, |since| now - moment.max(since))
}

/// A text without its quotation marks.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("nothing")
}
