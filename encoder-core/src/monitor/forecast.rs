//! Where a figure is heading, with an interval, or why that cannot be said.
//!
//! Two [lines](crate::trend) are drawn, through all readings and through the newer half, and an
//! interval holds both: where a curve bends they part, and the interval grows. The same two lines
//! through the older readings must have foretold the newest third. Otherwise nothing is said: a step and
//! a rhythm have slopes, too, and promise something that does not come.
//!
//! A rhythm that is longer than the readings reach back cannot be told from a trend. The series
//! that this is tested on, and how often forecasts came true, are beside this module's tests.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{MetricOutlook, TrendMetric};
use crate::health::{History, Load};
use crate::model::seconds;
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
    /// Latest readings that are looked at. Default 120.
    pub window: usize,
    /// How many readings it takes, how sure the interval is, and how far ahead it may reach.
    pub trend: TrendConfig,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            ahead: Duration::from_secs(1800),
            min_span: Duration::from_secs(300),
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

/// Where the figures of an encoder are heading, from what its watcher remembers.
pub(crate) fn of_history(
    config: &ForecastConfig,
    history: &History,
    now: Instant,
) -> Vec<MetricOutlook> {
    let load = |reading: fn(&Load) -> Option<f64>| {
        let loads = history.loads();
        loads
            .filter_map(|load| Some((load.at, reading(load)?)))
            .collect::<Vec<_>>()
    };
    let summaries = history.summaries();
    let latency = summaries.filter_map(|summary| Some((summary.at, summary.latency_ms?)));
    let series = [
        (TrendMetric::LatencyMs, latency.collect()),
        (TrendMetric::Temperature, history.temperatures().collect()),
        (TrendMetric::CpuPercent, load(|load| load.cpu_percent)),
        (TrendMetric::MemoryPercent, load(|load| load.memory_percent)),
        (
            TrendMetric::StoragePercent,
            load(|load| load.storage_percent),
        ),
    ];
    series
        .into_iter()
        .map(|(metric, readings): (_, Vec<(Instant, f64)>)| {
            let last = readings.last().map(|(at, _)| *at);
            let samples: Vec<_> = readings
                .iter()
                .map(|(at, value)| (-now.saturating_duration_since(*at).as_secs_f64(), *value))
                .collect();
            let last_at = history.wall(last.unwrap_or(now));
            MetricOutlook::new(metric, heading(config, &samples), last_at)
        })
        .collect()
}

#[cfg(test)]
mod tests;
