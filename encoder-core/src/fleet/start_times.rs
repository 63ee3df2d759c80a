//! How long a device takes from the start command until it streams, as measured.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::FailoverConfig;

/// Measurements kept; devices age and firmware changes, so only recent ones count.
const KEPT: usize = 16;

/// Recent measurements of one encoder.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartTimes(VecDeque<Duration>);

impl StartTimes {
    pub(crate) fn record(&mut self, taken: Duration) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(taken);
    }

    /// The slowest recent start: what to expect of the next one.
    pub(crate) fn slowest(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }

    /// How long the next start may take before that is a fault.
    pub(crate) fn grace(&self, config: &FailoverConfig) -> Duration {
        match self.slowest() {
            Some(slowest) => slowest
                .mul_f64(config.start_grace_factor)
                .max(config.min_start_grace),
            None => config.start_grace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_follows_measured_starts() {
        let config = FailoverConfig::default();
        let mut times = StartTimes::default();
        assert_eq!(times.grace(&config), config.start_grace);
        times.record(Duration::from_secs(4));
        times.record(Duration::from_secs(2));
        assert_eq!(times.grace(&config), Duration::from_secs(8));
        for _ in 0..KEPT {
            times.record(Duration::from_millis(100));
        }
        assert_eq!(times.grace(&config), config.min_start_grace);
    }
}
