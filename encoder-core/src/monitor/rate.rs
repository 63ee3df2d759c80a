//! How often something happens.

use std::time::{Duration, Instant};

/// Seconds that are kept.
const SECONDS: usize = 300;

/// Counts the last five minutes second by second; the memory is fixed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use encoder_core::monitor::Rate;
///
/// let begun = Instant::now();
/// let mut rate = Rate::since(begun);
/// (0..20).for_each(|second| rate.count(begun + Duration::from_secs(second), 3));
/// let now = begun + Duration::from_secs(20);
/// assert_eq!(rate.per_second(now, Duration::from_secs(10)), 3.0);
/// ```
#[derive(Clone, Debug)]
pub struct Rate {
    begun: Instant,
    counts: Box<[u32; SECONDS]>,
    /// The latest second that has a count of its own, since `begun`.
    latest: u64,
}

impl Rate {
    /// Nothing yet; what came before `begun` is not known and not taken for nothing.
    pub fn since(begun: Instant) -> Self {
        Self {
            begun,
            counts: Box::new([0; SECONDS]),
            latest: 0,
        }
    }

    /// Counts so many more. A moment before the latest one counts as that.
    pub fn count(&mut self, now: Instant, more: u32) {
        let second = now.saturating_duration_since(self.begun).as_secs();
        if second > self.latest {
            let passed = (second - self.latest).min(SECONDS as u64);
            for place in 1..=passed {
                self.counts[slot(second + 1 - place)] = 0;
            }
            self.latest = second;
        }
        let count = &mut self.counts[slot(self.latest)];
        *count = count.saturating_add(more);
    }

    /// Mean over the last whole seconds of that span, at most five minutes, or over as long as
    /// there is anything to count.
    pub fn per_second(&self, now: Instant, span: Duration) -> f64 {
        let end = now.saturating_duration_since(self.begun).as_secs();
        let seconds = span.as_secs().clamp(1, SECONDS as u64 - 1).min(end);
        if seconds == 0 {
            // Not a second has passed: what there is, as if it had.
            return f64::from(self.counts[0]);
        }
        let oldest_kept = (self.latest + 1).saturating_sub(SECONDS as u64);
        let known = (end - seconds).max(oldest_kept)..end.min(self.latest + 1);
        let sum: u64 = known
            .map(|second| u64::from(self.counts[slot(second)]))
            .sum();
        sum as f64 / seconds as f64
    }
}

fn slot(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_rate_covers_the_span_and_no_more_than_there_was() {
        let begun = Instant::now();
        let mut rate = Rate::since(begun);
        assert_eq!(rate.per_second(begun, seconds(60)), 0.0);
        rate.count(begun, 4);
        assert_eq!(rate.per_second(begun, seconds(60)), 4.0);
        assert_eq!(rate.per_second(begun + seconds(2), seconds(60)), 2.0);
        assert_eq!(rate.per_second(begun + seconds(10), seconds(60)), 0.4);
        assert_eq!(rate.per_second(begun + seconds(120), seconds(60)), 0.0);
        assert_eq!(
            rate.per_second(begun + seconds(120), seconds(240)),
            4.0 / 120.0
        );
    }

    #[test]
    fn what_is_older_than_the_memory_is_forgotten() {
        let begun = Instant::now();
        let mut rate = Rate::since(begun);
        (0..SECONDS as u64).for_each(|second| rate.count(begun + seconds(second), 1));
        let later = begun + seconds(10_000);
        assert_eq!(rate.per_second(later, seconds(300)), 0.0);
        rate.count(later, 598);
        let next = later + seconds(1);
        assert_eq!(rate.per_second(next, seconds(300)), 2.0);
        assert_eq!(rate.per_second(next, seconds(1)), 598.0);
    }

    #[test]
    fn quiet_seconds_in_between_count_as_nothing() {
        let begun = Instant::now();
        let mut rate = Rate::since(begun);
        rate.count(begun, 9);
        rate.count(begun + seconds(299), 1);
        rate.count(begun + seconds(301), 1);
        let now = begun + seconds(302);
        assert_eq!(rate.per_second(now, seconds(3)), 2.0 / 3.0);
        assert_eq!(rate.per_second(now, seconds(2)), 0.5);
    }
}
