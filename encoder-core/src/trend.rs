//! Where a reading is heading: a robust line through it, and how far ahead that line can be trusted.
//!
//! The line is that of Theil and Sen: the median of the slopes between every two readings. A third
//! of the readings may be wild without moving it, where least squares would follow a single spike.
//! Its uncertainty is the distribution-free interval of Sen (1968), from Kendall's variance of the
//! number of rising pairs, which grows where a reading resembles the one before (Hamed and Rao, 1998,
//! for the first neighbour): a walk at random looks like a trend to who takes its steps for
//! independent. A slope whose interval contains zero is no trend, and nothing is
//! forecast from it: silence is better than a date that noise made up.
//!
//! Pure: readings go in with their times, and everything ahead is told as a span from the last one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

#[cfg(test)]
mod tests;

/// More readings than this are thinned first, because the pairs grow with their square.
const MAX_SAMPLES: usize = 64;

/// A reading: seconds on any clock, and the value.
pub type Sample = (f64, f64);

/// What is asked of readings before anything is concluded from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TrendConfig {
    /// Least number of readings. Default 12.
    pub min_samples: usize,
    /// How sure an interval is, between 0 and 1. Default 0.9.
    pub confidence: f64,
    /// A forecast reaches at most this many times as far ahead as the readings reach back. Default 2.
    pub reach: f64,
}

impl Default for TrendConfig {
    fn default() -> Self {
        Self {
            min_samples: 12,
            confidence: 0.9,
            reach: 2.0,
        }
    }
}

/// A value with the interval that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Best guess.
    pub expected: f64,
    /// Upper end.
    pub high: f64,
}

/// When a line crosses a threshold, counted from the last reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Not before.
    pub earliest: Duration,
    /// Best guess.
    pub expected: Duration,
    /// Not after; `None` when that lies beyond what can be forecast.
    pub latest: Option<Duration>,
}

/// A line through readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Change per second, with its interval.
    pub slope: Band,
    /// The line's value at the last reading.
    pub level: f64,
    /// How far readings lie from the line, as a standard deviation: that of the inner half, or of
    /// as many as an interval shall hold where that is more.
    pub noise: f64,
    /// How many readings there were.
    pub samples: usize,
    /// How long they reach back.
    pub span: Duration,
    reach: f64,
    quantile: f64,
}

impl Trend {
    /// Draws the line; `None` with too few readings, or without time between them. The order of
    /// the readings does not matter, and those that are no finite numbers do not count.
    pub fn of(config: &TrendConfig, samples: &[Sample]) -> Option<Self> {
        let mut samples: Vec<_> = samples
            .iter()
            .copied()
            .filter(|(at, value)| at.is_finite() && value.is_finite())
            .collect();
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = samples.len();
        let (first, last) = (samples.first()?.0, samples.last()?.0);
        let span = Duration::try_from_secs_f64(last - first).ok()?;
        if count < config.min_samples.max(3) || span.is_zero() {
            return None;
        }
        let quantile = quantile(config.confidence)?;
        // Neighbours taken together scatter less than the readings do.
        let thinned = thinned(samples.clone());
        let slopes = slopes(&thinned);
        let expected = middle_of(&slopes)?;
        let offset = |(at, value): &Sample| value - expected * (at - last);
        let offsets: Vec<_> = thinned.iter().map(offset).collect();
        let level = median(offsets.clone())?;
        let slope = interval(&slopes, thinned.len(), quantile * inflation(&offsets))?;
        let away = samples.iter().map(|sample| (offset(sample) - level).abs());
        Some(Self {
            slope,
            level,
            noise: noise(away.collect(), config.confidence, quantile)?,
            samples: count,
            span,
            reach: config.reach,
            quantile,
        })
    }

    /// Whether the readings rise or fall, rather than merely scatter.
    pub fn is_significant(&self) -> bool {
        self.slope.low > 0.0 || self.slope.high < 0.0
    }

    /// How far ahead anything may be said.
    pub fn horizon(&self) -> Duration {
        self.span.mul_f64(self.reach.max(0.0))
    }

    /// The next reading in `ahead`, with the interval that it lies in; `None` beyond the
    /// [horizon](Self::horizon). Without a significant slope the best guess is that nothing changes.
    pub fn forecast(&self, ahead: Duration) -> Option<Band> {
        if ahead > self.horizon() {
            return None;
        }
        let seconds = ahead.as_secs_f64();
        let margin = self.quantile * self.noise;
        let drift = if self.is_significant() {
            self.slope.expected
        } else {
            0.0
        };
        // The line turns about the middle of the readings, so its slope matters at its end, too.
        let lever = seconds + self.span.as_secs_f64() / 2.0;
        let expected = self.level + drift * seconds;
        Some(Band {
            low: expected - margin.hypot((drift - self.slope.low.min(drift)) * lever),
            expected,
            high: expected + margin.hypot((self.slope.high.max(drift) - drift) * lever),
        })
    }

    /// When the line reaches `threshold`, coming from the side it is on now; `None` when it moves
    /// away, merely scatters, is there already, or would take longer than the
    /// [horizon](Self::horizon).
    pub fn crossing(&self, threshold: f64) -> Option<Crossing> {
        let distance = threshold - self.level;
        if !self.is_significant()
            || distance == 0.0
            || distance.signum() != self.slope.expected.signum()
        {
            return None;
        }
        let (fast, slow) = if distance > 0.0 {
            (self.slope.high, self.slope.low)
        } else {
            (self.slope.low, self.slope.high)
        };
        let horizon = self.horizon();
        // The line turns about the middle of the readings.
        let half = self.span.as_secs_f64() / 2.0;
        let from_the_middle = distance + self.slope.expected * half;
        let after = |slope: f64| {
            let seconds = (from_the_middle / slope - half).max(0.0);
            let span = Duration::try_from_secs_f64(seconds).ok()?;
            (span <= horizon).then_some(span)
        };
        Some(Crossing {
            earliest: after(fast)?,
            expected: after(self.slope.expected)?,
            latest: after(slow),
        })
    }
}

/// How many standard deviations a normal variable stays within with this confidence.
fn quantile(confidence: f64) -> Option<f64> {
    let inside = confidence.clamp(0.01, 0.9999);
    let normal = Normal::standard();
    Some(normal.inverse_cdf(0.5 + inside / 2.0))
}

/// At most [`MAX_SAMPLES`]: neighbours are replaced by their medians, the ends stay in time.
fn thinned(samples: Vec<Sample>) -> Vec<Sample> {
    if samples.len() <= MAX_SAMPLES {
        return samples;
    }
    let size = samples.len().div_ceil(MAX_SAMPLES);
    let middle = |group: &[Sample]| {
        let times = group.iter().map(|(at, _)| at).sum::<f64>() / group.len() as f64;
        Some((
            times,
            median(group.iter().map(|(_, value)| *value).collect())?,
        ))
    };
    samples.chunks(size).filter_map(middle).collect()
}

/// The slopes between every two readings, sorted.
fn slopes(samples: &[Sample]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(samples.len() * (samples.len() - 1) / 2);
    for (place, (at, value)) in samples.iter().enumerate() {
        let later = samples[place + 1..].iter().filter(|(later, _)| later > at);
        slopes.extend(later.map(|(later, other)| (other - value) / (later - at)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes
}

/// By how much an interval grows where neighbours lie on the same side of the line, as a factor;
/// `offsets` are the readings less the slope.
fn inflation(offsets: &[f64]) -> f64 {
    let n = offsets.len() as f64;
    let mean = offsets.iter().sum::<f64>() / n;
    let squares: f64 = offsets.iter().map(|offset| (offset - mean).powi(2)).sum();
    let pairs = offsets.windows(2);
    let products: f64 = pairs.map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let likeness = products / squares;
    // Independent readings are as alike as this in one series of forty.
    if likeness.is_nan() || likeness <= 1.96 / n.sqrt() {
        return 1.0;
    }
    let likeness = likeness.min(0.95);
    ((1.0 + likeness) / (1.0 - likeness)).sqrt()
}

/// Standard deviation of readings from the line, by their distances.
fn noise(mut distances: Vec<f64>, confidence: f64, quantile: f64) -> Option<f64> {
    distances.sort_unstable_by(f64::total_cmp);
    let count = distances.len();
    // The factor makes the median deviation of normal noise its standard deviation.
    let inner = 1.4826 * middle_of(&distances)?;
    let place = ((count + 1) as f64 * confidence.clamp(0.0, 1.0)).ceil() as usize;
    let outer = distances[place.clamp(1, count) - 1] / quantile;
    Some(inner.max(outer))
}

/// The median slope with Sen's interval.
fn interval(slopes: &[f64], samples: usize, quantile: f64) -> Option<Band> {
    let pairs = slopes.len();
    let n = samples as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let spread = quantile * deviation;
    let rank = |place: f64| {
        let last = pairs.checked_sub(1)?;
        Some(slopes[(place.max(0.0) as usize).min(last)])
    };
    Some(Band {
        low: rank(((pairs as f64 - spread) / 2.0).floor() - 1.0)?,
        expected: middle_of(slopes)?,
        high: rank(((pairs as f64 + spread) / 2.0).ceil())?,
    })
}

/// The middle value; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    middle_of(&values)
}

fn middle_of(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}
