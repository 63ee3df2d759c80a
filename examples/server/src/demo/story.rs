//! What happens in the demo, and what is said about it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use encoder_aja::simulator::{FaultKind, SimulatorFleet};
use encoder_core::model::Secret;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, Feed, Told};
use super::video::{self, Video};

/// Time between looks at something that will be true shortly.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where streams go that are only counted.
const NOWHERE: &str = "rtmp://ingest.demo.example/live";

/// What the demo measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Outcome {
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
    /// Success only when all of it happened.
    pub(super) fn exit_code(&self) -> ExitCode {
        let happened = self.encoders == 6
            && self.streams == 2
            && self.failovers == 1
            && self.stream_state == "live"
            && self.events_missed == 0;
        if happened {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Starts two streams, breaks an encoder, and follows the failover.
pub(super) async fn tell(
    client: &Client,
    fleet: &SimulatorFleet,
    video: Option<&Video>,
    aloud: bool,
) -> anyhow::Result<Outcome> {
    let say = |line: String| {
        if aloud {
            println!("{line}");
        }
    };
    let encoders = all_online(client).await?;
    say(format!("All {encoders} encoders answer."));
    let mut feed = client.feed().await?;
    let url = video.map_or_else(|| NOWHERE.to_owned(), Video::url);
    let main = start(client, "Council meeting", 8_000_000, &url).await?;
    let second = start(client, "Press room", 4_500_000, &url).await?;
    for stream in [&main, &second] {
        say(format!(
            "{} is live on {}, protected by {}.",
            word(&stream["name"]),
            word(&stream["primary"]["encoder_id"]),
            word(&stream["backup"]["encoder_id"])
        ));
    }
    let id = main["stream_id"]
        .as_str()
        .context("a stream without an id")?;
    protected(client, id).await?;
    let watching = match video {
        Some(video) => Some(
            video
                .play(&Secret::from(word(&main["stream_key"])))
                .await?
                .watch(),
        ),
        None => None,
    };
    let victim = main["primary"]["encoder_id"]
        .as_str()
        .context("a stream without encoder")?;
    say(format!("\nPulling the network cable of {victim} …"));
    let moment = Instant::now();
    pull_cable(fleet, victim)?;
    let moved = follow(&mut feed, id, &say).await?;
    let state = settled(client, id).await?;
    say(format!("{} is {state} again.", word(&main["name"])));
    let seen = match watching {
        Some(watching) => Some(video::seen(watching, moment).await?),
        None => None,
    };
    if let Some(seen) = &seen {
        say(video::in_words(seen));
    }
    let streams = client.get("/api/streams").await?;
    Ok(Outcome {
        encoders,
        streams: streams["items"].as_array().map_or(0, Vec::len),
        failovers: failovers(client, id).await?,
        detect_ms: moved.phase("detect"),
        command_ms: ["decide", "fence", "start"]
            .iter()
            .map(|phase| moved.phase(phase))
            .sum(),
        confirm_ms: moved.phase("confirm"),
        stream_state: state,
        events_missed: feed.missed(),
        video: video.is_some(),
        viewer_gap_ms: seen.map(|seen| seen.gap.as_millis() as u64),
        viewer_lost_pictures: seen.map(|seen| seen.lost_pictures),
    })
}

async fn start(client: &Client, name: &str, bitrate: u64, url: &str) -> anyhow::Result<Value> {
    let request = json!({
        "name": name, "resolution": "1920x1080", "bitrate": bitrate, "fps": 30,
        "protection": "warm",
        "destination": {"url": url, "personality": "takeover"},
    });
    client.post("/api/streams/init?wait=live", &request).await
}

/// Waits until every encoder was heard of.
async fn all_online(client: &Client) -> anyhow::Result<u64> {
    loop {
        let counts = client.get("/api/encoders/system/status").await?;
        if counts["online"] == counts["total"] {
            return counts["total"].as_u64().context("no count of encoders");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the backup could take over.
async fn protected(client: &Client, id: &str) -> anyhow::Result<()> {
    loop {
        let health = client.get(&format!("/api/streams/{id}/health")).await?;
        if health["backup"]["ready"] == true {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the stream is live again, or beyond help.
async fn settled(client: &Client, id: &str) -> anyhow::Result<String> {
    loop {
        let stream = client.get(&format!("/api/streams/{id}")).await?;
        let state = stream["state"].as_str().unwrap_or_default();
        if matches!(state, "live" | "failed" | "stopped") {
            return Ok(state.to_owned());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn pull_cable(fleet: &SimulatorFleet, encoder: &str) -> anyhow::Result<()> {
    let number: usize = encoder.trim_start_matches("helo-").parse()?;
    let simulator = number
        .checked_sub(1)
        .and_then(|place| fleet.simulators().get(place));
    simulator
        .context("not one of the simulated encoders")?
        .inject(FaultKind::NetworkSilence {
            media_continues: false,
        });
    Ok(())
}

/// How many failovers the stream's own timeline tells of: one fault must be one failover. The
/// timeline is written after the act, so the first entry may be a moment away.
async fn failovers(client: &Client, id: &str) -> anyhow::Result<usize> {
    let completed = |entry: &&Value| entry["transition"] == "failover_completed";
    loop {
        let timeline = client.get(&format!("/api/streams/{id}/timeline")).await?;
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
async fn follow(
    feed: &mut Feed,
    id: &str,
    say: &(impl Fn(String) + Sync),
) -> anyhow::Result<Moved> {
    loop {
        let Told { event, data } = feed.next().await?;
        if data["stream_id"] != id {
            continue;
        }
        match event.as_str() {
            "stream_error" => say(format!(
                "  {}: {}",
                word(&data["code"]),
                word(&data["message"])
            )),
            "stream_failover" => {
                say(format!(
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
                        tell_phases(&phases, say);
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

/// A text without its quotation marks.
fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("nothing")
}

fn tell_phases(phases: &Value, say: &impl Fn(String)) {
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
    say(format!("  Phases: {}", each.join(", ")));
}
