//! Where a figure is heading, with an interval, or why that cannot be said.
//!
//! Two [lines](crate::trend) are drawn, through all readings and through the newer half, and an
//! interval holds both: where a curve bends they part, and the interval grows. The same two lines
//! through the older readings must have foretold the newest third. Otherwise nothing is said: a step and
//! a rhythm have slopes, too, and promise something that does not come.
//!
//! Limit: a rhythm that is longer than the readings reach back cannot be told from a trend. With
//! the usual settings they reach back two hours, so the rise of a morning is taken for one, and a
//! forecast made near its end overshoots. What comes true of forecasts is tested, beside this
//! module, on series that were made by formulas with noise; none is from a device.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::series::{Bucket, Metric, SeriesSubject};
use super::{MetricOutlook, SharedSeries};
use crate::model::{Timestamp, seconds};
use crate::trend::{Band, Crossing, Sample, Trend, TrendConfig};

/// When a forecast is made, and how far ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ForecastConfig {
    /// How far ahead to look; less where the readings do not reach back far enough. Default 1800 s.
    #[serde(rename = "ahead_seconds", with = "seconds")]
    pub ahead: Duration,
    /// How far readings must reach back. Default 300 s.
    #[serde(rename = "min_span_seconds", with = "seconds")]
    pub min_span: Duration,
    /// Span of the means that are looked at; while they are too few, the finest readings are.
    /// Default 60 s.
    #[serde(rename = "step_seconds", with = "seconds")]
    pub step: Duration,
    /// Latest readings or means that are looked at. Default 120.
    pub window: usize,
    /// How many readings it takes, how sure the interval is, and how far ahead it may reach.
    pub trend: TrendConfig,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            ahead: Duration::from_secs(1800),
            min_span: Duration::from_secs(300),
            step: Duration::from_secs(60),
            window: 120,
            trend: TrendConfig {
                reach: 1.0,
                ..TrendConfig::default()
            },
        }
    }
}

/// Why nothing is foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Silence {
    /// Readings scatter, or a line through the older ones did not foretell the newer ones.
    Noise,
    /// There are too few readings, or they do not reach back far enough.
    TooLittleData,
}

impl Silence {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::TooLittleData => "too_little_data",
        }
    }
}

/// What a figure will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// When, counted from the last reading.
    pub ahead: Duration,
    /// The reading then, and the interval that it lies in.
    pub value: Band,
    /// How often readings lie in such an interval, 0 to 1.
    pub confidence: f64,
}

/// Where a figure is heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heading {
    /// The line through all readings.
    pub trend: Trend,
    /// The line through the newer half.
    pub recent: Trend,
    /// Its continuation.
    pub forecast: Forecast,
}

impl Heading {
    /// When the figure reaches a threshold; see [`Trend::crossing`].
    pub fn crossing(&self, threshold: f64) -> Option<Crossing> {
        let all = self.trend.crossing(threshold)?;
        let recent = self.recent.crossing(threshold);
        let earliest = recent.map_or(all.earliest, |recent| all.earliest.min(recent.earliest));
        let latest = recent.and_then(|recent| Some(all.latest?.max(recent.latest?)));
        Some(Crossing {
            earliest,
            latest,
            ..all
        })
    }
}

/// The lines through all readings and through the newer half.
struct Lines {
    all: Trend,
    recent: Trend,
}

impl Lines {
    fn of(config: &TrendConfig, samples: &[Sample]) -> Option<Self> {
        let all = Trend::of(config, samples)?;
        let recent = Trend::of(
            &TrendConfig {
                // Half of the readings reach half as far back and are asked for as much.
                reach: config.reach * 2.0 + 1.0,
                ..config.clone()
            },
            &samples[samples.len() / 2..],
        );
        Some(Self {
            recent: recent.unwrap_or(all),
            all,
        })
    }

    fn forecast(&self, ahead: Duration) -> Option<Band> {
        let all = self.all.forecast(ahead)?;
        let recent = self.recent.forecast(ahead).unwrap_or(all);
        Some(Band {
            low: all.low.min(recent.low),
            expected: all.expected,
            high: all.high.max(recent.high),
        })
    }

    /// Whether the newer half turned, or slowed down so much that there was an end.
    fn is_broken(&self) -> bool {
        let (all, recent) = (self.all.slope, self.recent.slope);
        let apart = recent.high < all.low || recent.low > all.high;
        let gone = recent.expected * all.expected < 0.0
            || recent.expected.abs() < all.expected.abs() / 2.0;
        apart && gone
    }
}

/// Where the readings are heading.
///
/// # Errors
/// Why that cannot be said.
pub fn heading(config: &ForecastConfig, samples: &[Sample]) -> Result<Heading, Silence> {
    let mut samples: Vec<_> = samples
        .iter()
        .copied()
        .filter(|(at, value)| at.is_finite() && value.is_finite())
        .collect();
    samples.sort_by(|a, b| a.0.total_cmp(&b.0));
    let recent = &samples[samples.len().saturating_sub(config.window)..];
    let lines = Lines::of(&config.trend, recent).ok_or(Silence::TooLittleData)?;
    let trend = lines.all;
    if trend.span < config.min_span {
        return Err(Silence::TooLittleData);
    }
    if !trend.is_significant() || lines.is_broken() || !foretold_itself(config, recent) {
        return Err(Silence::Noise);
    }
    let ahead = config.ahead.min(trend.horizon());
    let value = lines.forecast(ahead).ok_or(Silence::TooLittleData)?;
    let forecast = Forecast {
        ahead,
        value,
        confidence: config.trend.confidence,
    };
    Ok(Heading {
        trend,
        recent: lines.recent,
        forecast,
    })
}

/// Whether lines through the older two thirds foretold the newest third about as often as they
/// claim to. With few readings the older ones may be too few for lines of their own; then
/// nothing speaks against it.
fn foretold_itself(config: &ForecastConfig, samples: &[Sample]) -> bool {
    let (older, newer) = samples.split_at(samples.len() - samples.len() / 3);
    let (Some(lines), Some(&(last, _))) = (Lines::of(&config.trend, older), older.last()) else {
        return true;
    };
    let came_true = newer.iter().filter(|(at, value)| {
        let ahead = Duration::try_from_secs_f64(at - last).unwrap_or_default();
        let band = lines.forecast(ahead);
        band.is_some_and(|band| band.low <= *value && *value <= band.high)
    });
    let share = came_true.count() as f64 / newer.len().max(1) as f64;
    share >= config.trend.confidence - SLACK
}

/// By how much a share may stay behind the claimed one by chance.
const SLACK: f64 = 0.2;

/// The figures of an encoder whose trends are told.
const OF_ENCODERS: &[Metric] = &[
    Metric::LatencyMs,
    Metric::ErrorRate,
    Metric::Temperature,
    Metric::CpuUsage,
    Metric::MemoryUsage,
    Metric::StoragePercent,
    Metric::Bitrate,
];

/// The figures of the manager whose trends are told.
const OF_THE_MANAGER: &[Metric] = &[
    Metric::EventsPerSecond,
    Metric::EventLatencyMs,
    Metric::EventBacklog,
    Metric::StreamCommands,
    Metric::StoreQueue,
    Metric::CpuPercent,
    Metric::MemoryBytes,
    Metric::OpenFiles,
    Metric::Threads,
];

/// Where the figures of a subject are heading, from what was recorded of it. Draws several trends
/// for each figure, so it is for requests only.
pub(crate) fn outlooks(
    config: &ForecastConfig,
    series: &SharedSeries,
    subject: &SeriesSubject,
    now: Timestamp,
) -> Vec<MetricOutlook> {
    let metrics = match subject {
        SeriesSubject::Encoder(_) => OF_ENCODERS,
        SeriesSubject::Manager => OF_THE_MANAGER,
    };
    let outlook = |metric: &Metric| outlook(config, series, (subject, *metric), now);
    metrics.iter().map(outlook).collect()
}

/// From means where they reach back far enough, else from the finest readings.
fn outlook(
    config: &ForecastConfig,
    series: &SharedSeries,
    (subject, metric): (&SeriesSubject, Metric),
    now: Timestamp,
) -> MetricOutlook {
    let window = u32::try_from(config.window).unwrap_or(u32::MAX);
    let read = |step: Duration| {
        let from = now.minus(step.saturating_mul(window));
        let answer = series.book().query(subject, metric, from, now, step);
        answer.points.into_iter().flatten().collect::<Vec<_>>()
    };
    let head = |buckets: &[Bucket]| {
        let seconds = |at: Timestamp| (at.as_millis() - now.as_millis()) as f64 / 1000.0;
        let samples = buckets
            .iter()
            .map(|bucket| (seconds(bucket.at), bucket.mean));
        heading(config, &samples.collect::<Vec<_>>())
    };
    let mut buckets = read(config.step);
    let mut told = head(&buckets);
    let finest = series.book().finest();
    if told == Err(Silence::TooLittleData) && finest < config.step {
        buckets = read(finest);
        told = head(&buckets);
    }
    let last_at = buckets.last().map_or(now, |bucket| bucket.at);
    MetricOutlook::new(metric, told, last_at)
}

#[cfg(test)]
mod tests;
