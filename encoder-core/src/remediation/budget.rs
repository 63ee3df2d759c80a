//! How often a stream may be mended in place before that stops being worth it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Timestamp, seconds};

/// How many attempts, in which time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// Attempts within the window. Default 5.
    pub attempts: usize,
    /// Length of the window. Default 300 s.
    #[serde(rename = "per_seconds", with = "seconds")]
    pub window: Duration,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            attempts: 5,
            window: Duration::from_secs(300),
        }
    }
}

/// Limits attempts per stream over a sliding window, across incidents.
///
/// A ladder bounds one incident. A device that fails, is mended and fails again a minute later
/// opens a new incident each time; the budget ends that, and the stream moves instead.
///
/// ```
/// use encoder_core::model::Timestamp;
/// use encoder_core::remediation::Budget;
///
/// let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
/// let attempts: Vec<_> = (0..5).map(|n| at(n * 10)).collect();
/// let budget = Budget::default();
/// assert!(!budget.allows(&attempts, at(60)));
/// assert!(budget.allows(&attempts, at(300)), "the first one is 300 s ago");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Settings.
    pub config: BudgetConfig,
}

impl Budget {
    /// A budget with these settings.
    pub fn new(config: BudgetConfig) -> Self {
        Self { config }
    }

    /// Whether another attempt is allowed at `now`, given when there were any, in any order.
    ///
    /// An attempt in the future, as after a clock was set back, counts.
    pub fn allows(&self, attempts: &[Timestamp], now: Timestamp) -> bool {
        let recent = |at: &&Timestamp| now.since(**at) < self.config.window;
        attempts.iter().filter(recent).count() < self.config.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attempt_is_allowed_by_an_empty_budget() {
        let config = BudgetConfig {
            attempts: 0,
            ..Default::default()
        };
        assert!(!Budget::new(config).allows(&[], Timestamp::from_millis(0)));
    }

    #[test]
    fn attempts_from_the_future_count() {
        let config = BudgetConfig {
            attempts: 1,
            ..Default::default()
        };
        let budget = Budget::new(config);
        let later = Timestamp::from_millis(10_000);
        assert!(!budget.allows(&[later], Timestamp::from_millis(0)));
    }
}
