//! What a connection does again and again, recognised from the long memory of its [`History`].
//!
//! Each recogniser is a pure function that names its evidence, and says nothing while it has less
//! data than it needs. None of them changes a verdict: an outage is judged when it happens, and a
//! pattern tells people why it will happen again.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::health::History;
use crate::model::{ConnectionPattern, Issue, PatternKind, Severity, issue_code, seconds};
use crate::trend::TrendConfig;

mod degradation;
mod flapping;
mod hours;
mod periodic;

#[cfg(test)]
mod tests;

pub use degradation::slow_degradation;
pub use flapping::flapping;
pub use hours::time_of_day_load;
pub use periodic::periodic_loss;

/// What must be seen before a pattern is claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PatternConfig {
    /// Changes between up and down within the window from which on a connection flaps. An outage
    /// that is over is two. Default 6.
    pub flapping_transitions: usize,
    /// Length of that window. Default 600 s.
    #[serde(rename = "flapping_window_seconds", with = "seconds")]
    pub flapping_window: Duration,
    /// Equal periods between losses from which on they are regular; at least 4. Default 4.
    pub periodic_periods: usize,
    /// How far a period may be off, as a share of it. Default 0.1.
    pub periodic_jitter: f64,
    /// How long the time to answer must have been rising. Default 600 s.
    #[serde(rename = "degradation_span_seconds", with = "seconds")]
    pub degradation_span: Duration,
    /// By which factor it must have risen meanwhile, and by 10 ms at least. Default 1.5.
    pub degradation_factor: f64,
    /// Days that must be known of an hour; at least 3. Default 3.
    pub hours_days: usize,
    /// By which factor an hour must be slower than the day. Default 2.
    pub hours_factor: f64,
    /// What is asked of a rising time to answer before it counts.
    pub trend: TrendConfig,
}

impl Default for PatternConfig {
    fn default() -> Self {
        Self {
            flapping_transitions: 6,
            flapping_window: Duration::from_secs(600),
            periodic_periods: 4,
            periodic_jitter: 0.1,
            degradation_span: Duration::from_secs(600),
            degradation_factor: 1.5,
            hours_days: 3,
            hours_factor: 2.0,
            trend: TrendConfig::default(),
        }
    }
}

/// Every pattern that shows.
pub(super) fn recognise(
    config: &PatternConfig,
    fall: u32,
    history: &History,
    now: Instant,
) -> Vec<ConnectionPattern> {
    let found = [
        flapping(config, fall, history, now),
        periodic_loss(config, history, now),
        slow_degradation(config, history, now),
        time_of_day_load(config, history, now),
    ];
    found.into_iter().flatten().collect()
}

/// The pattern as an issue of the connection.
pub(super) fn issue(pattern: &ConnectionPattern) -> Issue {
    let (code, severity) = match pattern.kind {
        PatternKind::Flapping => (issue_code::CONNECTION_FLAPPING, Severity::Warning),
        PatternKind::PeriodicLoss => (issue_code::CONNECTION_LOSS_PERIODIC, Severity::Warning),
        PatternKind::SlowDegradation => (issue_code::CONNECTION_DEGRADING, Severity::Warning),
        PatternKind::TimeOfDayLoad => (issue_code::CONNECTION_SLOW_HOURS, Severity::Info),
    };
    Issue::new(code, severity, pattern.message.clone(), pattern.since)
        .with_evidence(pattern.evidence.iter().cloned())
}
