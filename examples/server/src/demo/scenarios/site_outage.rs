//! A whole site loses its network.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use encoder_aja::simulator::FaultKind;
use serde::Serialize;
use serde_json::Value;

use super::Ending;
use crate::config::ServerConfig;
use crate::demo::cast::{Cast, word};
use crate::demo::client::{Feed, Told};

/// Encoders at the first site; the others are at the second.
const NORTH: usize = 3;
const ERRORS: &str = "/api/monitoring/errors";

/// An encoder is falsely suspected from this score on.
const SUSPECTED: f64 = 0.5;

/// What the demo saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    encoders_silent: usize,
    root_cause: String,
    score: f64,
    streams_moved: usize,
    /// Encoders that the analysis blames for what their site did.
    false_suspects: usize,
    escalations: usize,
    interrupted_ms: u64,
    recovered: bool,
}

impl Outcome {
    fn happened(&self) -> bool {
        self.encoders_silent == NORTH
            && self.root_cause == "site:north"
            && self.streams_moved == 2
            && self.false_suspects == 0
            && self.escalations == 1
            && self.recovered
    }
}

/// Puts the encoders at two sites, and forgives soon.
pub(super) fn prepare(config: &mut ServerConfig) {
    for (place, encoder) in config.encoders.iter_mut().enumerate() {
        let site = if place < NORTH { "north" } else { "south" };
        encoder.site = Some(site.to_owned());
    }
    config.manager.errors.calm = Duration::from_secs(5);
}

/// Starts two streams at one site, takes the site's network away, and gives it back.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    cast.all_online().await?;
    let mut feed = cast.client.feed().await?;
    let mut streams = Vec::new();
    for (name, encoder) in [("Council meeting", "helo-1"), ("Press room", "helo-2")] {
        let stream = cast.start_on(name, 4_500_000, Some(encoder)).await?;
        cast.protected(word(&stream["stream_id"])).await?;
        streams.push(stream);
    }
    cast.say("\nSite north loses its network: helo-1, helo-2 and helo-3 …");
    let moment = Instant::now();
    let silence = FaultKind::NetworkSilence {
        media_continues: false,
    };
    cast.fleet.inject_at(0..NORTH, silence);
    let moved = follow(&mut feed, cast).await?;
    let found = cast.until(ERRORS, is_escalated).await?;
    tell_causes(&found, cast);
    let outages = streams.iter().filter_map(|s| cast.interrupted(s, moment));
    let interrupted = outages.max().context("a simulated ingest")?;
    cast.say("\nThe network is back …");
    cast.fleet.clear_faults_at(0..NORTH);
    let over = cast.until(ERRORS, is_over).await?;
    cast.all_online().await?;
    let suspects = candidates(&found)
        .filter(|cause| cause["kind"] == "encoder" && cause["score"].as_f64() >= Some(SUSPECTED));
    let outcome = Outcome {
        encoders_silent: silent(&found),
        root_cause: word(&found["root_causes"][0]["cause"]).to_owned(),
        score: found["root_causes"][0]["score"].as_f64().unwrap_or(0.0),
        streams_moved: moved,
        false_suspects: suspects.count(),
        escalations: found["escalations"].as_array().map_or(0, Vec::len),
        interrupted_ms: interrupted.as_millis() as u64,
        recovered: is_over(&over),
    };
    Ending::of(&outcome, outcome.happened())
}

/// Tells from the live feed what becomes of the streams, until both have moved.
async fn follow(feed: &mut Feed, cast: &Cast<'_>) -> anyhow::Result<usize> {
    let mut moved = BTreeSet::new();
    while moved.len() < 2 {
        let Told { event, data } = feed.next().await?;
        if event == "stream_failover" && data["phase"] == "completed" {
            cast.say(format!(
                "  {} ms  {} → {} because of {}",
                data["elapsed_ms"],
                word(&data["from"]),
                word(&data["to"]),
                word(&data["reason"])
            ));
            moved.insert(word(&data["stream_id"]).to_owned());
        }
    }
    Ok(moved.len())
}

fn is_escalated(found: &Value) -> bool {
    found["escalations"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
}

fn is_over(found: &Value) -> bool {
    silent(found) == 0 && !is_escalated(found)
}

fn candidates(found: &Value) -> impl Iterator<Item = &Value> {
    found["root_causes"].as_array().into_iter().flatten()
}

/// Encoders that do not answer.
fn silent(found: &Value) -> usize {
    let patterns = found["patterns"].as_array().into_iter().flatten();
    let mut timeouts = patterns.filter(|pattern| pattern["pattern"] == "network_timeout");
    let silent = timeouts
        .next()
        .and_then(|timeout| timeout["encoder_ids"].as_array());
    silent.map_or(0, Vec::len)
}

fn tell_causes(found: &Value, cast: &Cast<'_>) {
    cast.say("What may be behind it:");
    for cause in candidates(found).take(3) {
        cast.say(format!("  {}  {}", cause["score"], word(&cause["cause"])));
        for (sign, list) in [("+", "evidence_for"), ("-", "evidence_against")] {
            for line in cause[list].as_array().into_iter().flatten() {
                cast.say(format!("        {sign} {}", word(line)));
            }
        }
    }
    for raised in found["escalations"].as_array().into_iter().flatten() {
        cast.say(format!("Escalated: {}", word(&raised["message"])));
    }
}
