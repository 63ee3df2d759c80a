//! From the failure of an encoder to the start command at its backup.
//!
//! Devices, store and manager share one process and one clock: the time runs from the moment the
//! simulated device fails to the moment the start command has arrived at the backup. Failovers
//! are measured one at a time, while the streams that moved before settle in the background.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use encoder_aja::simulator::{Fault, FaultKind, Simulator, SimulatorConfig, Timing};
use encoder_core::ManagerConfig;
use tokio::time::Instant;

mod floor;
mod silence;

use crate::Outcome;
use crate::report::{Figure, Report, Spread};
use crate::rig::Rig;
use floor::Floor;

/// A failover that takes longer counts as one that never came.
const PATIENCE: Duration = Duration::from_secs(30);
/// A reported failure must be answered within this time, in milliseconds.
const REPORTED_GOAL: f64 = 100.0;
/// A silent loss must be answered within this time, in milliseconds.
const SILENT_GOAL: f64 = 4000.0;
const FLOOR: &str = "bare client on the same long poll";

/// Settings of this measurement.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Failures that devices report.
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Streams that take turns in failing.
    #[arg(long, default_value_t = 40)]
    streams: u16,
    /// Encoders that fall silent, one stream each.
    #[arg(long, default_value_t = 20)]
    silent: u16,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let (ours, floor) = reported(options).await?;
    let silent = silence::measure(options.silent).await?;
    let figure = |what: &str, percent| {
        let figure = Figure::millis(
            format!("reported failure to start command, {what}"),
            ours.percentile(percent),
        );
        figure.beside(FLOOR, floor.percentile(percent))
    };
    let silence = format!("silent loss to start command, {} losses", silent.len());
    Ok(Report {
        name: "failover",
        samples: ours.len(),
        figures: vec![
            figure("p50", 50),
            figure("p99", 99).at_most(REPORTED_GOAL),
            figure("max", 100),
            Figure::millis(format!("{silence}, p50"), silent.percentile(50)),
            Figure::millis(format!("{silence}, max"), silent.max()).at_most(SILENT_GOAL),
        ],
        text: None,
    })
}

/// Failovers of the manager and of the bare client in turns, so that both meet the same machine.
async fn reported(options: &Options) -> Outcome<(Spread, Spread)> {
    let rig = Rig::start(options.streams * 2, devices(), config()).await?;
    let mut streams = VecDeque::from(rig.start_streams(usize::from(options.streams)).await?);
    let mut floor = Floor::start(devices()).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..options.samples {
        let stream = streams.pop_front().ok_or("at least one stream is needed")?;
        let view = rig.protected(&stream).await?;
        let backup = view.backup.encoder_id.ok_or("a ready backup has a name")?;
        let (primary, backup) = (view.record.primary.encoder_id, backup);
        match fail(rig.device(&primary), rig.device(&backup)).await {
            Ok(taken) => ours.push(taken),
            Err(error) => {
                return Err(format!("{error}; {:#?}", rig.manager.timeline(&stream).await?).into());
            }
        }
        bare.push(floor.fail().await?);
        streams.push_back(stream);
    }
    rig.shutdown().await;
    floor.shutdown().await;
    Ok((Spread::of(&ours), Spread::of(&bare)))
}

/// Lets a device report a failing stream and waits for the command at the other one.
async fn fail(primary: &Simulator, backup: &Simulator) -> Outcome<Duration> {
    backup.clear_requests();
    let failed = Instant::now();
    primary.inject(Fault::new(FaultKind::StreamFails).times(1));
    started(backup, failed).await
}

/// The time from `failed` to the start command, which is to come.
async fn started(backup: &Simulator, failed: Instant) -> Outcome<Duration> {
    let is_start = |request: &encoder_aja::simulator::RequestRecord| {
        request.at >= failed && request.sets("ReplicatorCommand", "3")
    };
    match backup.wait_for_request(is_start, PATIENCE).await {
        Some(request) => Ok(request.at.saturating_duration_since(failed)),
        None => Err(format!("no start command within {} s", PATIENCE.as_secs()).into()),
    }
}

/// Devices that are quick, so that a thousand failovers take minutes; a failed one does not
/// recover by itself before it is stopped.
fn devices() -> SimulatorConfig {
    let mut timing = Timing::fast();
    timing.recover = Timing::default().recover;
    SimulatorConfig::default().with_timing(timing)
}

/// The defaults, except for the rules that keep a stream from moving too often, and without the
/// repair in place, which these quick devices invite.
fn config() -> ManagerConfig {
    let mut config = ManagerConfig::default();
    config.failover.hold_down = Duration::ZERO;
    config.failover.hourly_cap = u32::MAX;
    config.failover.reinstate_after = Duration::ZERO;
    config.remediation.enabled = false;
    config
}
