//! Whether the manager itself was cut off, and for how long that matters. Pure.
//!
//! When the manager's network comes back, some encoder answers first. It is no witness against
//! the others yet: they were asked while nobody could answer. So after an isolation an encoder
//! gets the time for a question of its own before its silence counts.

use std::time::{Duration, Instant};

/// The latest time during which no encoder answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Isolation(Option<Span>);

#[derive(Clone, Copy, Debug)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Isolation {
    /// Nobody answers now. A pause longer than `recovery` begins another isolation.
    pub(super) fn notice(&mut self, now: Instant, recovery: Duration) {
        let first = match self.0 {
            Some(span) if now.saturating_duration_since(span.last) <= recovery => span.first,
            _ => now,
        };
        self.0 = Some(Span { first, last: now });
    }

    /// Whether silence may still be due to an isolation that lasted `proof` at least and is not
    /// over for `recovery` yet. A shorter one was merely a witness that had not answered yet.
    pub(super) fn lingers(&self, now: Instant, proof: Duration, recovery: Duration) -> bool {
        self.0.is_some_and(|span| {
            span.last.saturating_duration_since(span.first) >= proof
                && now.saturating_duration_since(span.last) < recovery
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROOF: Duration = Duration::from_secs(1);
    const RECOVERY: Duration = Duration::from_secs(2);

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn isolation_excuses_silence_until_everybody_could_be_asked_again() {
        let start = Instant::now();
        let mut isolation = Isolation::default();
        for ms in [0, 500, 1000, 1500] {
            isolation.notice(at(start, ms), RECOVERY);
        }
        assert!(isolation.lingers(at(start, 3400), PROOF, RECOVERY));
        assert!(!isolation.lingers(at(start, 3500), PROOF, RECOVERY));
    }

    #[test]
    fn witness_that_needs_a_moment_excuses_nothing() {
        let start = Instant::now();
        let mut isolation = Isolation::default();
        isolation.notice(start, RECOVERY);
        isolation.notice(at(start, 900), RECOVERY);
        assert!(!isolation.lingers(at(start, 901), PROOF, RECOVERY));
    }

    #[test]
    fn isolations_far_apart_do_not_add_up() {
        let start = Instant::now();
        let mut isolation = Isolation::default();
        isolation.notice(start, RECOVERY);
        isolation.notice(at(start, 60_000), RECOVERY);
        assert!(!isolation.lingers(at(start, 60_001), PROOF, RECOVERY));
    }
}
