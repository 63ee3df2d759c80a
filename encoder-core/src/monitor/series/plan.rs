//! Which resolution answers a question.

use std::ops::Range;
use std::time::Duration;

use super::config::TierConfig;
use crate::model::Timestamp;

/// Most points of an answer. A finer step is enlarged until they suffice.
pub const MAX_POINTS: usize = 1000;

/// How a question is answered: from which tier, and in what steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) tier: usize,
    /// Step of the tier in milliseconds.
    pub(crate) fine: i64,
    /// Step of the answer in milliseconds, a multiple of `fine`.
    pub(crate) step: i64,
    /// Index of the first point, in steps since 1970.
    pub(crate) first: i64,
    pub(crate) points: usize,
}

impl Plan {
    /// The finest tier that reaches back to `from`, or else the longest. The step is rounded up
    /// to whole buckets.
    pub(crate) fn new(
        tiers: &[TierConfig],
        latest: Timestamp,
        (from, to): (Timestamp, Timestamp),
        step: Duration,
    ) -> Self {
        let covers = |tier: &TierConfig| latest.minus(tier.keep) <= from;
        let last = tiers.len().saturating_sub(1);
        let tier = tiers.iter().position(covers).unwrap_or(last);
        let fine = tiers.get(tier).map_or(1, |tier| millis(tier.step));
        let (from, to) = (from.as_millis(), to.as_millis());
        let span = to.saturating_sub(from).max(0);
        // The first point begins before `from`, so one more may be needed than the span has steps.
        let most = MAX_POINTS as i64 - 1;
        let least = span.saturating_add(most - 1) / most;
        let wanted = millis(step).max(least).max(fine);
        let step = (wanted.saturating_add(fine - 1) / fine).saturating_mul(fine);
        let first = from.div_euclid(step);
        let end = to.saturating_sub(1).div_euclid(step).saturating_add(1);
        let points = usize::try_from(end.saturating_sub(first)).unwrap_or(0);
        Self {
            tier,
            fine,
            step,
            first,
            points: points.min(MAX_POINTS),
        }
    }

    /// Step of the answer.
    pub(crate) fn step(&self) -> Duration {
        Duration::from_millis(self.step.unsigned_abs())
    }

    /// When the point begins.
    pub(crate) fn at(&self, point: usize) -> Timestamp {
        let index = self.first.saturating_add(point as i64);
        Timestamp::from_millis(index.saturating_mul(self.step))
    }

    /// The buckets of the tier that make the answer, by index.
    pub(super) fn indices(&self) -> Range<i64> {
        let each = self.step / self.fine;
        let begin = self.first.saturating_mul(each);
        begin..begin.saturating_add(each.saturating_mul(self.points as i64))
    }

    /// The point of one of those buckets.
    pub(super) fn point_of(&self, index: i64) -> usize {
        let point = index.div_euclid(self.step / self.fine) - self.first;
        usize::try_from(point).unwrap_or(0)
    }
}

/// At least one.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1)
}
