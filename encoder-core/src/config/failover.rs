//! When and how streams move.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{millis, seconds};

/// What becomes of an encoder that lost its stream and came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnedPrimary {
    /// It becomes the stream's backup again, and a stand-in is released.
    #[default]
    Backup,
    /// It goes back to the pool; a stand-in stays.
    Pool,
}

/// When and how streams move to another encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FailoverConfig {
    /// Whether streams move by themselves at all.
    pub automatic: bool,
    /// No second automatic failover of a stream for this long after the last.
    #[serde(rename = "hold_down_seconds", with = "seconds")]
    pub hold_down: Duration,
    /// Automatic failovers of one stream per hour.
    pub hourly_cap: u32,
    /// How long a device may take to start before that is a fault, when it was not measured yet.
    #[serde(rename = "start_grace_seconds", with = "seconds")]
    pub start_grace: Duration,
    /// Grace as a multiple of the slowest measured start.
    pub start_grace_factor: f64,
    /// Shortest grace, whatever was measured.
    #[serde(rename = "min_start_grace_ms", with = "millis")]
    pub min_start_grace: Duration,
    /// How long stopping the old encoder may take, verification included.
    #[serde(rename = "fence_deadline_ms", with = "millis")]
    pub fence_deadline: Duration,
    /// How long a device may take to accept a command; configuring may take twice as long.
    #[serde(rename = "command_timeout_ms", with = "millis")]
    pub command_timeout: Duration,
    /// How long a failover waits for the store before it goes on without it.
    #[serde(rename = "store_patience_ms", with = "millis")]
    pub store_patience: Duration,
    /// Time between attempts to stop an encoder that must not publish.
    #[serde(rename = "fence_retry_ms", with = "millis")]
    pub fence_retry: Duration,
    /// How long a witness may take to prove that the manager's own network works.
    #[serde(rename = "witness_timeout_ms", with = "millis")]
    pub witness_timeout: Duration,
    /// What becomes of a returned encoder.
    pub returned_primary: ReturnedPrimary,
    /// How long a returned encoder must be idle and well before it counts as returned.
    #[serde(rename = "reinstate_after_seconds", with = "seconds")]
    pub reinstate_after: Duration,
    /// Time between checks of a backup's configuration and readiness.
    #[serde(rename = "protection_interval_ms", with = "millis")]
    pub protection_interval: Duration,
    /// How long a drill stays on the other encoder before it returns.
    #[serde(rename = "drill_dwell_seconds", with = "seconds")]
    pub drill_dwell: Duration,
}

impl Default for FailoverConfig {
    fn default() -> Self {
        Self {
            automatic: true,
            hold_down: Duration::from_secs(30),
            hourly_cap: 6,
            start_grace: Duration::from_secs(10),
            start_grace_factor: 2.0,
            min_start_grace: Duration::from_secs(3),
            fence_deadline: Duration::from_secs(5),
            command_timeout: Duration::from_secs(5),
            store_patience: Duration::from_millis(500),
            fence_retry: Duration::from_secs(2),
            witness_timeout: Duration::from_millis(1000),
            returned_primary: ReturnedPrimary::default(),
            reinstate_after: Duration::from_secs(10),
            protection_interval: Duration::from_secs(5),
            drill_dwell: Duration::from_secs(10),
        }
    }
}
