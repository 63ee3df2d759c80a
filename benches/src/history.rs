//! A day of recorded readings of a large fleet: memory, and the time to write one down.

use std::time::{Duration, Instant};

use clap::Args;
use encoder_core::model::{EncoderId, Timestamp};
use encoder_core::monitor::series::{Metric, SeriesBook, SeriesConfig, SeriesSubject};

use crate::report::{Figure, Report};
use crate::{Outcome, process};

/// What the issue promises for a day and a thousand encoders.
const GOAL_MIB: f64 = 256.0;

/// What an encoder can report at most.
const METRICS: [Metric; 12] = [
    Metric::HealthScore,
    Metric::TemperatureScore,
    Metric::Temperature,
    Metric::CpuUsage,
    Metric::MemoryUsage,
    Metric::FanSpeed,
    Metric::Bitrate,
    Metric::Fps,
    Metric::DroppedFrames,
    Metric::LatencyMs,
    Metric::ErrorRate,
    Metric::Streams,
];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Encoders that report every metric.
    #[arg(long, default_value_t = 1000)]
    encoders: usize,
    /// Hours that are recorded.
    #[arg(long, default_value_t = 24)]
    hours: u32,
}

pub(crate) fn measure(options: &Options) -> Outcome<Report> {
    let config = SeriesConfig::default();
    let subjects: Vec<_> = (0..options.encoders)
        .map(|n| EncoderId::try_new(format!("encoder-{n}")).map(SeriesSubject::Encoder))
        .collect::<Result<_, _>>()?;
    let before = process::resident_mib();
    let mut book = SeriesBook::new(&config);
    let start = Timestamp::from_millis(1_700_000_000_000);
    let span = Duration::from_secs(3600) * options.hours;
    let samples = u32::try_from(span.as_millis() / config.interval.as_millis())?;
    let begun = Instant::now();
    for sample in 0..samples {
        let at = start.plus(config.interval * sample);
        for (n, subject) in subjects.iter().enumerate() {
            for (m, metric) in METRICS.iter().enumerate() {
                book.record(subject, *metric, at, reading(sample, n + m));
            }
        }
    }
    let taken = begun.elapsed();
    let records = f64::from(samples) * (subjects.len() * METRICS.len()) as f64;
    let grown = process::resident_mib().zip(before);
    let grown = grown.map(|(after, before)| after - before);
    let own = book.memory_bytes() as f64 / f64::from(1 << 20);
    let question = time_of_question(&book, &subjects, start.plus(span));
    Ok(Report {
        name: "history",
        samples: records as usize,
        figures: vec![
            Figure::new("memory by the book's own account", "MiB", Some(own)).at_most(GOAL_MIB),
            Figure::new("growth of the process", "MiB", grown).at_most(GOAL_MIB),
            Figure::new("one reading", "ns", Some(taken.as_nanos() as f64 / records)),
            Figure::new("a day of one metric, asked for", "µs", question),
        ],
        text: None,
    })
}

/// Changes with every sample and never repeats within a bucket.
fn reading(sample: u32, series: usize) -> f64 {
    let mixed = (u64::from(sample) * 7919 + series as u64 * 104_729) % 10_007;
    mixed as f64 / 100.0
}

fn time_of_question(book: &SeriesBook, subjects: &[SeriesSubject], now: Timestamp) -> Option<f64> {
    let day = Duration::from_secs(24 * 3600);
    let some = subjects.iter().take(100);
    let begun = Instant::now();
    let mut asked = 0_u32;
    for subject in some {
        let answer = book.query(
            subject,
            Metric::Temperature,
            now.minus(day),
            now,
            Duration::from_secs(60),
        );
        std::hint::black_box(answer);
        asked += 1;
    }
    (asked > 0).then(|| begun.elapsed().as_secs_f64() * 1e6 / f64::from(asked))
}
