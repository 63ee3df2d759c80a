//! How fast a medium fills, by the robust line of [`crate::trend`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{Growth, TimeToFull};
use crate::trend::{Band, Sample, Trend, TrendConfig};

/// Readings that are kept: a recording of six hours at one a minute.
const KEPT: usize = 360;
/// An equal reading sooner than this is the former one told again.
const REPEATED: Duration = Duration::from_secs(60);

/// Free space over time, since a recording began.
#[derive(Clone, Debug, Default)]
pub struct SpaceSamples(VecDeque<(Instant, u64)>);

impl SpaceSamples {
    /// Notes the free bytes. A device that refreshes them rarely repeats them meanwhile, which
    /// is no reading.
    pub fn note(&mut self, at: Instant, free: u64) {
        let repeated = self.0.back().is_some_and(|(last, known)| {
            *known == free && at.saturating_duration_since(*last) < REPEATED
        });
        if repeated {
            return;
        }
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back((at, free));
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// As readings of a trend: seconds since the first one, and bytes.
    pub fn samples(&self) -> Vec<Sample> {
        let Some((first, _)) = self.0.front() else {
            return Vec::new();
        };
        let seconds = |at: &Instant| at.saturating_duration_since(*first).as_secs_f64();
        let samples = self.0.iter().map(|(at, free)| (seconds(at), *free as f64));
        samples.collect()
    }
}

/// How fast a medium with these readings of free bytes fills; `None` with too few of them, or when
/// they merely scatter. Costs as much as a [`Trend`], so it is for reports.
pub fn growth(config: &TrendConfig, free: &[Sample]) -> Option<Growth> {
    let trend = Trend::of(config, free)?;
    if !trend.is_significant() {
        return None;
    }
    let hourly = |slope: f64| -slope * 3600.0;
    let time_to_full = trend.crossing(0.0).map(|crossing| TimeToFull {
        earliest_seconds: crossing.earliest.as_secs_f64(),
        expected_seconds: crossing.expected.as_secs_f64(),
        latest_seconds: crossing.latest.map(|latest| latest.as_secs_f64()),
    });
    Some(Growth {
        bytes_per_hour: Band {
            low: hourly(trend.slope.high),
            expected: hourly(trend.slope.expected),
            high: hourly(trend.slope.low),
        },
        time_to_full,
    })
}
