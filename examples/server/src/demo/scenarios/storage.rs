//! The medium of a recording runs full while its encoder is on air.

use std::time::Instant;

use anyhow::Context as _;
use encoder_aja::simulator::{Fault, FaultKind, MediumKind};
use serde::Serialize;
use serde_json::{Value, json};

use super::Ending;
use crate::demo::cast::{Cast, word};
use crate::demo::client::Feed;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    medium_full: bool,
    switched_to: Option<String>,
    recording_resumed: bool,
    /// How long nothing of the stream arrived; `null` without a count at the ingest.
    stream_interrupted_ms: Option<u64>,
}

impl Outcome {
    fn happened(&self) -> bool {
        self.medium_full
            && self.switched_to.as_deref() == Some("usb")
            && self.recording_resumed
            && self.stream_interrupted_ms == Some(0)
    }
}

/// Fills the card under a recording, and follows where the recording goes on.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    cast.all_online().await?;
    let mut feed = cast.client.feed().await?;
    let stream = cast.start("Council meeting", 8_000_000).await?;
    let encoder = word(&stream["primary"]["encoder_id"]);
    let control = format!("/api/encoders/{encoder}/control");
    let record = json!({"action": "start_recording"});
    cast.client.post(&control, &record).await?;
    let path = format!("/api/monitoring/storage?encoder_id={encoder}");
    let records = |storage: &Value| storage["encoders"][0]["recording_state"] == "recording";
    cast.until(&path, records).await?;
    cast.say(format!("{encoder} records to its SD card as well."));
    cast.say("\nThe card runs full …");
    let moment = Instant::now();
    let full = Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Sd);
    cast.device(encoder)?.inject(full);
    let medium_full = follow(&mut feed, encoder, cast).await?;
    let resumed = |storage: &Value| {
        let encoder = &storage["encoders"][0];
        encoder["switches"][0]["outcome"] == "switched" && records(storage)
    };
    let storage = cast.until(&path, resumed).await?;
    let switch = &storage["encoders"][0]["switches"][0];
    let interrupted = cast.interrupted(&stream, moment);
    let device = cast.device(encoder)?.device();
    let outcome = Outcome {
        medium_full,
        switched_to: switch["to"].as_str().map(str::to_owned),
        recording_resumed: device.get("ReplicatorRecordState").as_deref() == Some("2")
            && device.get("RecordingDestination").as_deref() == Some("1"),
        stream_interrupted_ms: interrupted.map(|gap| gap.as_millis() as u64),
    };
    Ending::of(&outcome, outcome.happened())
}

/// Tells the alerts until the recording was moved; whether a full medium was among them.
async fn follow(feed: &mut Feed, encoder: &str, cast: &Cast<'_>) -> anyhow::Result<bool> {
    let mut full = false;
    loop {
        let told = feed.next().await.context("no word of the recording")?;
        if told.event != "alert" || told.data["encoder_id"] != encoder {
            continue;
        }
        let code = word(&told.data["code"]);
        cast.say(format!("  {code}: {}", word(&told.data["description"])));
        full |= code == "storage_full";
        if code == "recording_switched" {
            return Ok(full);
        }
    }
}
