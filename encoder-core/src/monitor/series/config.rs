//! How often, how fine and how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::segment::SLOTS;
use crate::model::seconds;

/// How readings are recorded over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SeriesConfig {
    /// Time between samples. The last reading of the watcher is taken; no device is asked.
    #[serde(rename = "interval_seconds", with = "seconds")]
    pub interval: Duration,
    /// Resolutions, finest first: longer steps are kept longer.
    pub tiers: Vec<TierConfig>,
    /// Whether series survive a restart, where the store can keep them.
    pub persist: bool,
    /// Time between writes to the store. A crash loses at most the readings of that time.
    #[serde(rename = "flush_seconds", with = "seconds")]
    pub flush: Duration,
}

impl Default for SeriesConfig {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            interval: Duration::from_secs(10),
            tiers: vec![
                TierConfig::new(Duration::from_secs(10), hour, hour),
                TierConfig::new(Duration::from_secs(60), hour * 24, hour * 24),
                TierConfig::new(Duration::from_secs(900), hour * 24 * 30, Duration::ZERO),
            ],
            persist: true,
            flush: Duration::from_secs(300),
        }
    }
}

/// One resolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TierConfig {
    /// Span of a bucket.
    #[serde(rename = "step_seconds", with = "seconds")]
    pub step: Duration,
    /// How long buckets are kept.
    #[serde(rename = "keep_seconds", with = "seconds")]
    pub keep: Duration,
    /// How long they are kept in memory. What is older is read from the store, if that keeps
    /// series. At least 60 buckets stay in memory whatever this says.
    #[serde(rename = "memory_seconds", with = "seconds")]
    pub memory: Duration,
}

impl TierConfig {
    /// Buckets of `step`, kept for `keep`, of which `memory` in memory.
    pub const fn new(step: Duration, keep: Duration, memory: Duration) -> Self {
        Self { step, keep, memory }
    }

    /// Span of the buckets that are written to the store as one.
    pub(crate) fn chunk(&self) -> Duration {
        self.step * SLOTS as u32
    }
}
