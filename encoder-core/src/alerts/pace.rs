//! How many notices a sink gets. Pure.
//!
//! A sliding window over the moments of what was queued, and not a bucket that refills: "5 in
//! 5 min" is then true of every 5 minutes, also of the first.

use std::collections::{BTreeMap, VecDeque};

use super::config::RatesConfig;
use super::notice::Notice;
use crate::model::{Severity, Timestamp};

/// Notices that are counted together: those of a sink and severity; the ends of trouble by
/// themselves, so that they keep no news of trouble back.
pub(crate) type Lane = (String, Severity, bool);

/// The lane of a notice at a sink.
pub(crate) fn lane(sink: &str, notice: &Notice) -> Lane {
    (sink.to_owned(), notice.severity, notice.is_end())
}

/// What was queued for each lane within its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    queued: BTreeMap<Lane, VecDeque<Timestamp>>,
}

impl Pace {
    /// Counts a notice.
    pub(crate) fn note(&mut self, lane: Lane, at: Timestamp) {
        let queued = self.queued.entry(lane).or_default();
        let place = queued.partition_point(|known| *known <= at);
        queued.insert(place, at);
    }

    /// When the next notice may be queued: now, or when the oldest that counts is old enough.
    /// `None` for a rate of zero, which lets nothing through ever.
    pub(crate) fn room_at(
        &mut self,
        lane: &Lane,
        rates: &RatesConfig,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let rate = rates.of(lane.1);
        let limit = usize::try_from(rate.notices).unwrap_or(usize::MAX);
        let queued = self.queued.entry(lane.clone()).or_default();
        while queued.front().is_some_and(|at| at.plus(rate.per) <= now) {
            queued.pop_front();
        }
        if queued.len() < limit {
            return Some(now);
        }
        let blocking = queued.len().checked_sub(limit)?;
        queued.get(blocking).map(|at| at.plus(rate.per))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::at;
    use super::*;

    #[test]
    fn each_severity_has_its_rate() {
        let rates = RatesConfig::default();
        for (severity, limit, minutes) in [
            (Severity::Critical, 5, 5),
            (Severity::Warning, 3, 10),
            (Severity::Info, 2, 30),
        ] {
            let mut pace = Pace::default();
            let lane = ("mail".to_owned(), severity, false);
            let mut through = 0;
            for second in 0..20 {
                if pace.room_at(&lane, &rates, at(second)) == Some(at(second)) {
                    pace.note(lane.clone(), at(second));
                    through += 1;
                }
            }
            assert_eq!(through, limit);
            let room = pace.room_at(&lane, &rates, at(20));
            assert_eq!(room, Some(at(minutes * 60)));
            let other = ("mail".to_owned(), severity, true);
            assert_eq!(pace.room_at(&other, &rates, at(20)), Some(at(20)));
        }
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_rate(gaps in prop::collection::vec(0i64..200, 1..80)) {
            let rates = RatesConfig::default();
            let lane = ("mail".to_owned(), Severity::Critical, false);
            let (mut pace, mut now, mut sent) = (Pace::default(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                if pace.room_at(&lane, &rates, at(now)) == Some(at(now)) {
                    pace.note(lane.clone(), at(now));
                    sent.push(now);
                }
            }
            for begin in &sent {
                let within = sent.iter().filter(|s| (*begin..begin + 300).contains(*s));
                prop_assert!(within.count() <= 5);
            }
        }
    }
}
