//! The camera's cable is pulled from an encoder on air, and put back.

use std::time::Instant;

use anyhow::{Context as _, bail};
use encoder_aja::simulator::FaultKind;
use serde::Serialize;
use serde_json::Value;

use super::Ending;
use crate::demo::cast::{Cast, word};
use crate::demo::client::{Feed, Told};

/// What the demo saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    /// Whether the loss was told as such.
    signal_lost: bool,
    /// Restarts of the stream, none of which brings a picture back.
    restarted_in_vain: usize,
    /// Whether the stream went to an encoder with a picture.
    moved: bool,
    /// How long nobody published, as the ingest saw it.
    interrupted_ms: Option<u64>,
    /// Whether the encoder is ready to take over again, once its picture is back.
    recovered: bool,
    events_missed: u64,
}

impl Outcome {
    fn happened(&self) -> bool {
        self.signal_lost
            && self.restarted_in_vain == 0
            && self.moved
            && self.interrupted_ms.is_some()
            && self.recovered
            && self.events_missed == 0
    }
}

/// Takes the picture away, follows the stream to its backup, and gives the picture back.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    cast.all_online().await?;
    let mut feed = cast.client.feed().await?;
    let stream = cast.start("Evening service", 8_000_000).await?;
    let id = stream["stream_id"]
        .as_str()
        .context("a stream without an id")?;
    cast.protected(id).await?;
    let victim = word(&stream["primary"]["encoder_id"]);
    cast.say(format!("\nPulling the camera's cable from {victim} …"));
    let moment = Instant::now();
    let device = cast.device(victim)?;
    device.inject(FaultKind::InputLost);
    let signal_lost = follow(&mut feed, id, cast).await?;
    cast.settled(id).await?;
    let interrupted = cast.interrupted(&stream, moment);
    cast.say(format!("\nPutting the cable back into {victim} …"));
    device.clear_faults();
    let path = format!("/api/streams/{id}");
    let back = |stream: &Value| {
        stream["backup"]["encoder_id"] == victim && stream["backup"]["ready"] == true
    };
    let after = cast.until(&path, back).await?;
    cast.say(format!(
        "{} sees a picture again and protects {}, which stays on {}.",
        victim,
        word(&after["name"]),
        word(&after["primary"]["encoder_id"])
    ));
    let outcome = Outcome {
        signal_lost,
        restarted_in_vain: restarts(cast, id).await?,
        moved: after["primary"]["encoder_id"] != victim,
        interrupted_ms: interrupted.map(|span| span.as_millis() as u64),
        recovered: after["state"] == "live",
        events_missed: feed.missed(),
    };
    Ending::of(&outcome, outcome.happened())
}

/// How often the stream's own timeline tells of a start or restart in place.
async fn restarts(cast: &Cast<'_>, id: &str) -> anyhow::Result<usize> {
    let path = format!("/api/streams/{id}/timeline");
    let timeline = cast.client.get(&path).await?;
    let entries = timeline["items"]
        .as_array()
        .context("a timeline without entries")?;
    let in_place = |entry: &&Value| word(&entry["transition"]).ends_with("_in_place");
    Ok(entries.iter().filter(in_place).count())
}

/// Tells from the live feed what becomes of the stream, until it was moved. Returns whether the
/// lost picture was named as the reason.
async fn follow(feed: &mut Feed, id: &str, cast: &Cast<'_>) -> anyhow::Result<bool> {
    let mut named = false;
    loop {
        let Told { event, data } = feed.next().await?;
        if data["stream_id"] != id {
            continue;
        }
        match event.as_str() {
            "stream_error" => {
                named |= matches!(word(&data["code"]), "input_lost" | "no_video_input");
                cast.say(format!(
                    "  {}: {}",
                    word(&data["code"]),
                    word(&data["message"])
                ));
            }
            "stream_failover" => {
                cast.say(format!(
                    "  {} ms  {}: {} → {}; a restart would not bring the picture back",
                    data["elapsed_ms"],
                    word(&data["phase"]),
                    word(&data["from"]),
                    word(&data["to"]),
                ));
                match word(&data["phase"]) {
                    "completed" => return Ok(named),
                    "failed" => bail!("the move failed: {}", data["message"]),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}
