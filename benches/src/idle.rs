//! What it costs to watch a fleet in which nothing happens.
//!
//! Some encoders carry streams and some are their backups, so they are polled every second; the
//! others every five. All keep a long poll open. The devices run in a process of their own, and
//! only the processor time of this one counts: client, driver, judgement, events and store.

use std::time::Duration;

use clap::Args;
use encoder_core::ManagerConfig;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Outcome;
use crate::process::{cpu_time, resident_mib};
use crate::report::{Figure, Report};
use crate::rig::{manager, specs, start_streams, until};
use crate::simulators::Simulators;

/// Share of one core in percent that the fleet may cost.
const GOAL: f64 = 10.0;

/// Settings of this measurement.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Encoders that are watched.
    #[arg(long, default_value_t = 500)]
    encoders: u16,
    /// Streams on air, each with a staged backup.
    #[arg(long, default_value_t = 40)]
    streams: usize,
    /// How long to measure. A minute holds one of every kind of request.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How long to let everything settle before.
    #[arg(long, default_value_t = 20)]
    settle_seconds: u64,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let mut devices = Simulators::spawn(options.encoders).await?;
    let folder = TempDir::new()?;
    let specs = specs(&devices.urls);
    let manager = manager(folder.path(), ManagerConfig::default(), specs).await?;
    let all = usize::from(options.encoders);
    until("all encoders answer", || {
        manager.fleet_counts().online == all
    })
    .await?;
    start_streams(&manager, options.streams).await?;
    tokio::time::sleep(Duration::from_secs(options.settle_seconds)).await;
    let usage = Usage::over(Duration::from_secs(options.seconds), &mut devices).await?;
    manager.shutdown().await;
    devices.end().await?;
    let what = format!("{all} encoders, {} streams", options.streams);
    Ok(Report {
        name: "idle",
        samples: usize::try_from(options.seconds)?,
        figures: vec![
            Figure::new(
                format!("{what}: share of one core"),
                "%",
                usage.core_percent,
            )
            .at_most(GOAL),
            Figure::new(
                format!("{what}: requests to devices"),
                "1/s",
                Some(usage.requests),
            ),
            Figure::new(
                format!("{what}: processor time per request"),
                "us",
                usage
                    .core_percent
                    .map(|percent| percent * 1e4 / usage.requests),
            ),
            Figure::new(format!("{what}: memory"), "MiB", usage.resident_mib),
        ],
    })
}

/// What a stretch of time cost.
#[derive(Debug)]
struct Usage {
    core_percent: Option<f64>,
    /// Per second.
    requests: f64,
    resident_mib: Option<f64>,
}

impl Usage {
    async fn over(span: Duration, devices: &mut Simulators) -> Outcome<Self> {
        let asked = devices.requests().await?;
        let (begun, used) = (Instant::now(), cpu_time());
        tokio::time::sleep(span).await;
        let (passed, spent) = (begun.elapsed().as_secs_f64(), cpu_time());
        let answered = devices.requests().await?;
        let cost = used
            .zip(spent)
            .map(|(used, spent)| spent.saturating_sub(used));
        Ok(Self {
            core_percent: cost.map(|cost| 100.0 * cost.as_secs_f64() / passed),
            requests: (answered - asked) as f64 / passed,
            resident_mib: resident_mib(),
        })
    }
}
