//! The fan of an encoder on air stands still.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use encoder_aja::simulator::{FaultKind, SimulatorConfig};
use serde::Serialize;
use serde_json::Value;

use super::Ending;
use crate::config::ServerConfig;
use crate::demo::cast::{Cast, word};
use crate::demo::client::{Feed, Told};

/// Where a device goes that nobody relieves: too hot, and short of shutting down.
const CELSIUS: f64 = 89.0;
/// How long the way there takes.
const RAMP: Duration = Duration::from_secs(12);

/// What the demo saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Outcome {
    /// The furthest step of cooling.
    cooling_steps: u64,
    /// Whether the stream left the hot encoder by itself.
    handed_over: bool,
    /// How long nobody published it meanwhile, as the ingest saw it.
    interrupted_ms: Option<u64>,
    /// Whether the encoder got its whole share of load back.
    warmed_up: bool,
}

impl Outcome {
    fn happened(&self) -> bool {
        self.cooling_steps == 5
            && self.handed_over
            && self.interrupted_ms == Some(0)
            && self.warmed_up
    }
}

/// Cools within ten seconds instead of a minute, and reads temperatures as much more often.
pub(super) fn prepare(config: &mut ServerConfig) {
    config.manager.watch.active_interval = Duration::from_millis(250);
    config.manager.thermal.period = Duration::from_secs(10);
}

/// Devices that cool down within seconds at rest, and take long to complain of heat.
pub(super) fn devices(mut config: SimulatorConfig) -> SimulatorConfig {
    config.thermal.settling = Duration::from_secs(20);
    (config.thermal.near_over, config.thermal.shutdown) = (95.0, 100.0);
    config
}

/// Stops a fan, and follows encoder and stream until both are well.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    cast.all_online().await?;
    let mut feed = cast.client.feed().await?;
    let stream = cast.start("Parliament", 8_000_000).await?;
    let id = word(&stream["stream_id"]);
    cast.protected(id).await?;
    let hot = word(&stream["primary"]["encoder_id"]);
    cast.say(format!("\nThe fan of {hot} stands still …"));
    let moment = Instant::now();
    cast.device(hot)?.inject(FaultKind::FanStopped {
        celsius: CELSIUS,
        ramp: RAMP,
    });
    let mut outcome = follow(&mut feed, id, hot, cast).await?;
    let interrupted = cast.interrupted(&stream, moment);
    outcome.interrupted_ms = interrupted.map(|span| span.as_millis() as u64);
    let temperature = format!("/api/monitoring/thermal/{hot}/temperature");
    let temperature = cast.client.get(&temperature).await?;
    outcome.warmed_up = temperature["cooling"].is_null();
    let now = cast.client.get(&format!("/api/streams/{id}")).await?;
    outcome.handed_over &= now["state"] == "live" && now["primary"]["encoder_id"] != hot;
    cast.say(format!(
        "{} is {} on {}, and was off air for {} ms.",
        word(&now["name"]),
        word(&now["state"]),
        word(&now["primary"]["encoder_id"]),
        outcome
            .interrupted_ms
            .context("the ingest saw nothing of it")?
    ));
    Ending::of(&outcome, outcome.happened())
}

/// Tells from the live feed what becomes of encoder and stream, until the encoder cooled and has
/// its whole share of load again.
async fn follow(feed: &mut Feed, id: &str, hot: &str, cast: &Cast<'_>) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut last = Value::Null;
    loop {
        let Told { event, data } = feed.next().await?;
        if event == "stream_failover" && data["stream_id"] == id {
            cast.say(format!(
                "  {}: {} → {} because of {}",
                word(&data["phase"]),
                word(&data["from"]),
                word(&data["to"]),
                word(&data["reason"])
            ));
            match data["phase"].as_str() {
                Some("completed") => outcome.handed_over = data["reason"] == "overheating",
                Some("failed") => bail!("the hand-over failed: {}", data["message"]),
                _ => {}
            }
        }
        if event != "health_update" || data["encoder_id"] != hot {
            continue;
        }
        let cooling = &data["thermal_status"]["cooling"];
        let step = cooling["step"].as_u64();
        if cooling["step"] != last["step"] || cooling["phase"] != last["phase"] {
            say_step(&data, cast);
            last = cooling.clone();
        }
        match step {
            Some(step) => outcome.cooling_steps = outcome.cooling_steps.max(step),
            None if outcome.cooling_steps > 0 => return Ok(outcome),
            None => {}
        }
    }
}

fn say_step(data: &Value, cast: &Cast<'_>) {
    let celsius = data["device_status"]["temperature"].as_f64();
    let celsius = celsius.map_or_else(|| "?".to_owned(), |celsius| format!("{celsius:.0}"));
    let cooling = &data["thermal_status"]["cooling"];
    let encoder = word(&data["encoder_id"]);
    if cooling.is_null() {
        cast.say(format!(
            "  {encoder} at {celsius} °C: its whole share again"
        ));
        return;
    }
    let way = match cooling["phase"].as_str() {
        Some("warming_up") => "warming up",
        _ => "cooling",
    };
    let share = cooling["load_percentage"].as_f64().unwrap_or_default();
    cast.say(format!(
        "  {encoder} at {celsius} °C: {way}, step {} of {}, {share:.0} % of its share left",
        cooling["step"], cooling["steps"]
    ));
}
