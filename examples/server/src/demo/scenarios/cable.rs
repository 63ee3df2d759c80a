//! The network cable of an encoder on air is pulled.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use encoder_aja::simulator::FaultKind;
use encoder_core::model::Secret;
use encoder_ffmpeg::viewer::Interruption;
use serde::Serialize;
use serde_json::Value;

use super::Ending;
use crate::demo::cast::{Cast, word};
use crate::demo::client::{Feed, Told};
use crate::demo::video::{self, Watching};

/// Time between looks at a timeline that will be written shortly.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the demo measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    encoders: u64,
    streams: usize,
    failovers: usize,
    detect_ms: u64,
    command_ms: u64,
    confirm_ms: u64,
    stream_state: String,
    events_missed: u64,
    /// Whether real video was sent.
    video: bool,
    /// What a viewer saw; `null` without video.
    viewer_gap_ms: Option<u64>,
    viewer_lost_pictures: Option<u32>,
}

impl Outcome {
    /// Whether all of it happened.
    fn happened(&self) -> bool {
        self.encoders == 6
            && self.streams == 2
            && self.failovers == 1
            && self.stream_state == "live"
            && self.events_missed == 0
    }
}

/// Starts two streams, breaks an encoder, and follows the failover.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    let encoders = cast.all_online().await?;
    let mut feed = cast.client.feed().await?;
    let main = cast.start("Council meeting", 8_000_000).await?;
    cast.start("Press room", 4_500_000).await?;
    let id = main["stream_id"]
        .as_str()
        .context("a stream without an id")?;
    cast.protected(id).await?;
    let watching = match cast.video {
        Some(video) => {
            let key = Secret::from(word(&main["stream_key"]));
            Some(video.play(&key).await?.watch())
        }
        None => None,
    };
    let victim = word(&main["primary"]["encoder_id"]);
    cast.say(format!("\nPulling the network cable of {victim} …"));
    let moment = Instant::now();
    cast.device(victim)?.inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    let moved = follow(&mut feed, id, cast).await?;
    let state = cast.settled(id).await?;
    cast.say(format!("{} is {state} again.", word(&main["name"])));
    let seen = viewed(watching, moment, cast).await?;
    let streams = cast.client.get("/api/streams").await?;
    let outcome = Outcome {
        encoders,
        streams: streams["items"].as_array().map_or(0, Vec::len),
        failovers: failovers(cast, id).await?,
        detect_ms: moved.phase("detect"),
        command_ms: ["decide", "fence", "start"]
            .iter()
            .map(|phase| moved.phase(phase))
            .sum(),
        confirm_ms: moved.phase("confirm"),
        stream_state: state,
        events_missed: feed.missed(),
        video: cast.video.is_some(),
        viewer_gap_ms: seen.map(|seen| seen.gap.as_millis() as u64),
        viewer_lost_pictures: seen.map(|seen| seen.lost_pictures),
    };
    Ending::of(&outcome, outcome.happened())
}

/// What the player saw of it, if there was one.
async fn viewed(
    watching: Option<Watching>,
    moment: Instant,
    cast: &Cast<'_>,
) -> anyhow::Result<Option<Interruption>> {
    let Some(watching) = watching else {
        return Ok(None);
    };
    let seen = video::seen(watching, moment).await?;
    cast.say(video::in_words(&seen));
    Ok(Some(seen))
}

/// How many failovers the stream's own timeline tells of: one fault must be one failover. The
/// timeline is written after the act, so the first entry may be a moment away.
async fn failovers(cast: &Cast<'_>, id: &str) -> anyhow::Result<usize> {
    let completed = |entry: &&Value| entry["transition"] == "failover_completed";
    loop {
        let timeline = cast
            .client
            .get(&format!("/api/streams/{id}/timeline"))
            .await?;
        let entries = timeline["items"]
            .as_array()
            .context("a timeline without entries")?;
        match entries.iter().filter(completed).count() {
            0 => tokio::time::sleep(LOOK_EVERY).await,
            count => return Ok(count),
        }
    }
}

/// What the feed said about the failover.
struct Moved {
    phases: Value,
}

impl Moved {
    fn phase(&self, name: &str) -> u64 {
        let phases = self.phases.as_array().into_iter().flatten();
        let found = phases.clone().find(|phase| phase["phase"] == name);
        found
            .and_then(|phase| phase["elapsed_ms"].as_u64())
            .unwrap_or(0)
    }
}

/// Tells from the live feed what becomes of the stream, until its failover is over.
async fn follow(feed: &mut Feed, id: &str, cast: &Cast<'_>) -> anyhow::Result<Moved> {
    loop {
        let Told { event, data } = feed.next().await?;
        if data["stream_id"] != id {
            continue;
        }
        match event.as_str() {
            "stream_error" => cast.say(format!(
                "  {}: {}",
                word(&data["code"]),
                word(&data["message"])
            )),
            "stream_failover" => {
                cast.say(format!(
                    "  {} ms  {}: {} → {} because of {}",
                    data["elapsed_ms"],
                    word(&data["phase"]),
                    word(&data["from"]),
                    word(&data["to"]),
                    word(&data["reason"])
                ));
                match data["phase"].as_str() {
                    Some("completed") => {
                        let phases = data["phases"].clone();
                        tell_phases(&phases, cast);
                        return Ok(Moved { phases });
                    }
                    Some("failed") => bail!("the failover failed: {}", data["message"]),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn tell_phases(phases: &Value, cast: &Cast<'_>) {
    let phases = phases.as_array().into_iter().flatten();
    let each: Vec<_> = phases
        .map(|phase| {
            format!(
                "{} {} ms",
                phase["phase"].as_str().unwrap_or("?"),
                phase["elapsed_ms"]
            )
        })
        .collect();
    cast.say(format!("  Phases: {}", each.join(", ")));
}
