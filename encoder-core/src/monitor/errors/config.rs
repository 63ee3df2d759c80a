//! Settings of the error analysis.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::seconds;

/// When errors are the same, when they are too many, and how long they are remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorsConfig {
    /// A JSON file of patterns that adds to the built-in ones, or changes them by `id`; see
    /// [`Patterns`](super::Patterns).
    pub patterns: Option<PathBuf>,
    /// A trouble that is back within this time is the same occurrence again. Default 60 s.
    #[serde(rename = "repeat_within_seconds", with = "seconds")]
    pub repeat_within: Duration,
    /// Occurrences that are remembered; the oldest go first. Default 5000, which are some 5 MB.
    pub history_limit: usize,
    /// How long they are remembered. Default 30 days.
    #[serde(rename = "history_retention_seconds", with = "seconds")]
    pub history_retention: Duration,
    /// How often changes are written to the store. Default 5 s.
    #[serde(rename = "save_interval_seconds", with = "seconds")]
    pub save_interval: Duration,
    /// So many errors of one pattern with one cause are escalated. Default 3.
    pub similar_errors: u32,
    /// The time in which they have to begin. Default 5 min.
    #[serde(rename = "similar_window_seconds", with = "seconds")]
    pub similar_window: Duration,
    /// So many recoveries that failed are escalated. Default 5.
    pub failed_recoveries: u32,
    /// The time in which they have to fail. Default 30 min.
    #[serde(rename = "recovery_window_seconds", with = "seconds")]
    pub recovery_window: Duration,
    /// Nothing new may have begun for this long before an escalation, so that the cause is not
    /// named while encoders still fall silent one after the other. After five times as long it is
    /// escalated anyway. Default 3 s.
    #[serde(rename = "settle_seconds", with = "seconds")]
    pub settle: Duration,
    /// An escalation ends when nothing of it has been seen for this long. Default 60 s.
    #[serde(rename = "calm_seconds", with = "seconds")]
    pub calm: Duration,
}

impl Default for ErrorsConfig {
    fn default() -> Self {
        Self {
            patterns: None,
            repeat_within: Duration::from_secs(60),
            history_limit: 5000,
            history_retention: Duration::from_secs(30 * 24 * 3600),
            save_interval: Duration::from_secs(5),
            similar_errors: 3,
            similar_window: Duration::from_secs(5 * 60),
            failed_recoveries: 5,
            recovery_window: Duration::from_secs(30 * 60),
            settle: Duration::from_secs(3),
            calm: Duration::from_secs(60),
        }
    }
}
