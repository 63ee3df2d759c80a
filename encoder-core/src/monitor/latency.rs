//! How long things took lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::LatencyDistribution;

/// The latest durations, bounded in number and in age.
#[derive(Clone, Debug)]
pub struct LatencyWindow {
    samples: VecDeque<(Instant, f32)>,
    limit: usize,
    span: Duration,
}

impl LatencyWindow {
    /// Keeps the last `limit` durations that are no older than `span`.
    pub fn new(limit: usize, span: Duration) -> Self {
        Self {
            samples: VecDeque::new(),
            limit: limit.max(1),
            span,
        }
    }

    /// Notes one.
    pub fn observe(&mut self, now: Instant, took: Duration) {
        if self.samples.len() >= self.limit {
            self.samples.pop_front();
        }
        let millis = took.as_secs_f64() * 1000.0;
        self.samples.push_back((now, millis as f32));
    }

    /// Nearest ranks over what is kept and recent; `None` of nothing.
    pub fn distribution(&self, now: Instant) -> Option<LatencyDistribution> {
        let recent = |at: Instant| now.saturating_duration_since(at) <= self.span;
        let kept = self.samples.iter().filter(|(at, _)| recent(*at));
        let mut millis: Vec<_> = kept.map(|(_, millis)| f64::from(*millis)).collect();
        millis.sort_unstable_by(f64::total_cmp);
        LatencyDistribution::of_sorted(millis.len(), |place| millis[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_bounded_in_number_and_age() {
        let begun = Instant::now();
        let mut window = LatencyWindow::new(100, Duration::from_secs(60));
        assert_eq!(window.distribution(begun), None);
        for millis in 1..=200 {
            let at = begun + Duration::from_millis(millis);
            window.observe(at, Duration::from_millis(millis));
        }
        let seen = window.distribution(begun + Duration::from_secs(1)).unwrap();
        assert_eq!((seen.samples, seen.max_ms), (100, 200.0));
        assert_eq!((seen.p50_ms, seen.p99_ms), (150.0, 199.0));
        let later = begun + Duration::from_millis(60_150);
        let seen = window.distribution(later).unwrap();
        assert_eq!((seen.samples, seen.p50_ms), (51, 175.0));
        assert_eq!(window.distribution(begun + Duration::from_secs(61)), None);
    }
}
