//! What it costs to watch a fleet in which nothing happens.
//!
//! Some encoders carry streams and some are their backups, so they are polled every second; the
//! others every five. All keep a long poll open. The devices run in a process of their own, and
//! only the processor time of this one counts: client, driver, judgement, events, store and the
//! server around them, without clients. The peer is a loop that reads every value in turn.

use std::time::Duration;

use clap::Args;
use encoder_core::Manager;
use tokio::time::Instant;

mod dashboard;

use crate::Outcome;
use crate::process::{cpu_time, resident_mib};
use crate::report::{Figure, Report};
use crate::rig::start_streams;
use crate::server::Server;
use crate::simulators::Simulators;

/// Share of one core in percent that the fleet may cost.
const GOAL: f64 = 10.0;
const DASHBOARD: &str = "loop reading 24 values each 5 s";

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
    /// How long to measure the peer.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    peer_seconds: u64,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let mut devices = Simulators::spawn(options.encoders).await?;
    let server = Server::start(&devices.urls).await?;
    let manager = server.state.manager().clone();
    let watching = watch(options, &manager, &mut devices);
    let ours = server.serve_during(watching).await?;
    let span = Duration::from_secs(options.peer_seconds);
    let peer = dashboard::measure(span, &mut devices).await?;
    devices.end().await?;
    let fleet = format!("{} encoders, {} streams", options.encoders, options.streams);
    let figure = |what: &str, unit, ours, peer| {
        Figure::new(format!("{fleet}: {what}"), unit, ours).beside(DASHBOARD, peer)
    };
    Ok(Report {
        name: "idle",
        samples: usize::try_from(options.seconds)?,
        figures: vec![
            figure(
                "share of one core",
                "%",
                ours.core_percent,
                peer.core_percent,
            )
            .at_most(GOAL),
            figure(
                "requests to devices",
                "1/s",
                Some(ours.requests),
                Some(peer.requests),
            ),
            figure(
                "time per request",
                "us",
                ours.per_request(),
                peer.per_request(),
            ),
            Figure::new(format!("{fleet}: memory"), "MiB", ours.resident_mib),
        ],
        text: None,
    })
}

async fn watch(options: &Options, manager: &Manager, devices: &mut Simulators) -> Outcome<Usage> {
    start_streams(manager, options.streams).await?;
    tokio::time::sleep(Duration::from_secs(options.settle_seconds)).await;
    Usage::over(Duration::from_secs(options.seconds), devices).await
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

    /// Processor time per request in microseconds.
    fn per_request(&self) -> Option<f64> {
        self.core_percent
            .map(|percent| percent * 1e4 / self.requests)
    }
}
