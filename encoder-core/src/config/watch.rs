//! How encoders are watched.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::health::HistoryConfig;
use crate::model::{millis, seconds};

/// How encoders are watched.
///
/// With the defaults a silent encoder on air is noticed within 1 s until the next poll, 1 s for
/// that poll to time out, 0.25 s until the retry and 1 s for the retry: 3.25 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchConfig {
    /// Time between liveness polls of an encoder that serves a stream or is its backup.
    #[serde(rename = "active_interval_ms", with = "millis")]
    pub active_interval: Duration,
    /// Time between liveness polls of any other encoder, or up to a 32nd more: those that are due
    /// at about the same time are polled together.
    #[serde(rename = "idle_interval_ms", with = "millis")]
    pub idle_interval: Duration,
    /// Time to the next poll after a failed one.
    #[serde(rename = "retry_interval_ms", with = "millis")]
    pub retry_interval: Duration,
    /// Time between polls of an encoder that has been silent for long.
    #[serde(rename = "silent_interval_ms", with = "millis")]
    pub silent_interval: Duration,
    /// How long a poll may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Time between health events when nothing changes.
    #[serde(rename = "report_interval_ms", with = "millis")]
    pub report_interval: Duration,
    /// The slow collection: time between looks for patterns and for the next threshold crossing,
    /// which do not decide about a stream. Drivers have settings of their own for how often they
    /// read values that move without an event.
    #[serde(rename = "slow_interval_seconds", with = "seconds")]
    pub slow_interval: Duration,
    /// How much is remembered.
    pub history: HistoryConfig,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            active_interval: Duration::from_secs(1),
            idle_interval: Duration::from_secs(5),
            retry_interval: Duration::from_millis(250),
            silent_interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            report_interval: Duration::from_secs(10),
            slow_interval: Duration::from_secs(30),
            history: HistoryConfig::default(),
        }
    }
}
