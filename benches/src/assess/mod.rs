//! What it costs to judge an encoder.
//!
//! Judged is what a watcher judges at every event and poll: the four built-in policies together, over
//! histories that are as long as they get by default. Encoders take turns, so that a history is
//! mostly not in the processor's cache, as in a fleet. The floor is a policy that looks at
//! nothing, called the same way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use encoder_core::health::{
    Composite, ConnectionPolicy, DirectConfig, DirectPolicy, HealthPolicy, History,
};
use encoder_core::monitor::reboots::{RebootConfig, RebootPolicy};
use encoder_core::monitor::storage::StoragePolicy;

mod histories;

use crate::Outcome;
use crate::process::cpu_time;
use crate::report::{Figure, Report, Spread};

/// One assessment, in microseconds.
const GOAL_MICROS: f64 = 5.0;
/// Assessments per second.
const RATE: u32 = 10_000;
/// Share of one core in percent that so many may cost.
const GOAL_PERCENT: f64 = 20.0;
const FLOOR: &str = "a policy that looks at nothing";
/// Assessments that are timed together; one alone is shorter than the clock is fine.
const BATCH: u32 = 200;
/// The rate is kept in portions of this long.
const PORTION: Duration = Duration::from_millis(5);

/// Settings of this measurement.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Encoders that take turns.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    encoders: u32,
    /// Batches of 200 assessments that are timed, for each kind of encoder.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    batches: u32,
    /// How long to keep the rate.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let (encoders, batches) = (options.encoders, options.batches);
    let span = Duration::from_secs(options.seconds);
    let figures = tokio::task::spawn_blocking(move || figures(encoders, batches, span)).await?;
    Ok(Report {
        name: "assess",
        samples: usize::try_from(u64::from(batches) * u64::from(BATCH))?,
        figures,
        text: None,
    })
}

fn figures(encoders: u32, batches: u32, span: Duration) -> Vec<Figure> {
    let now = Instant::now();
    let policy = built_in();
    let floor = Composite::new(Vec::new());
    let kinds = [
        (
            "an encoder that is well",
            histories::well as histories::Kind,
        ),
        ("an encoder in trouble", histories::troubled),
    ];
    let mut figures = Vec::new();
    let mut mixed = Vec::new();
    for (what, kind) in kinds {
        let fleet: Vec<_> = (0..encoders).map(|number| kind(number, now)).collect();
        let ours = timed(&policy, &fleet, now, batches);
        let peer = timed(&floor, &fleet, now, batches);
        let figure = |name, percent| {
            Figure::new(format!("{what}: {name}"), "us", ours.percentile(percent))
                .beside(FLOOR, peer.percentile(percent))
        };
        figures.push(figure("one assessment, p50", 50).at_most(GOAL_MICROS));
        figures.push(figure("one assessment, p99", 99));
        mixed.extend(fleet);
    }
    let what = format!("{RATE} assessments a second, half of each: share of one core");
    let ours = kept(&policy, &mixed, now, span);
    let peer = kept(&floor, &mixed, now, span);
    let share = Figure::new(what, "%", ours).beside(FLOOR, peer);
    figures.push(share.at_most(GOAL_PERCENT));
    figures
}

fn built_in() -> Composite {
    Composite::new(vec![
        Arc::new(DirectPolicy::default()),
        Arc::new(ConnectionPolicy::default()),
        Arc::new(StoragePolicy {
            low_percent: DirectConfig::default().storage_percent,
        }),
        Arc::new(RebootPolicy {
            config: RebootConfig::default(),
        }),
    ])
}

/// Mean time of one assessment in each batch, in microseconds.
fn timed(policy: &dyn HealthPolicy, fleet: &[History], now: Instant, batches: u32) -> Spread {
    let mut turns = fleet.iter().cycle();
    let mut batch = || {
        let begun = Instant::now();
        for history in turns.by_ref().take(BATCH as usize) {
            std::hint::black_box(policy.assess(std::hint::black_box(history), now));
        }
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
    };
    // The first batches find cold caches and an untrained predictor.
    for _ in 0..batches.div_ceil(20) {
        batch();
    }
    Spread::of_millis((0..batches).map(|_| batch()).collect())
}

/// Processor time of the whole process at the rate, in percent of one core.
fn kept(policy: &dyn HealthPolicy, fleet: &[History], now: Instant, span: Duration) -> Option<f64> {
    let mut turns = fleet.iter().cycle();
    let portion = (f64::from(RATE) * PORTION.as_secs_f64()) as usize;
    let (begun, used) = (Instant::now(), cpu_time()?);
    let mut due = begun;
    let mut assessed = 0_usize;
    while begun.elapsed() < span {
        for history in turns.by_ref().take(portion) {
            std::hint::black_box(policy.assess(std::hint::black_box(history), now));
        }
        assessed += portion;
        due += PORTION;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let spent = cpu_time()?.saturating_sub(used).as_secs_f64();
    // What counts is the work at the rate, also where a busy machine did not let us keep it.
    Some(100.0 * spent / assessed as f64 * f64::from(RATE))
}
