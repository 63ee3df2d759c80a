//! Settings that a stream runs with for a while instead of those that were asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bitrate, FrameRate, IssueCode, Resolution, StreamConfig, Timestamp, seconds};

/// Why and how far a stream runs below what its client asked for.
///
/// It stands in the [`StreamRecord`](super::StreamRecord) beside the wanted settings, which it
/// never changes; what encoders are given is [`StreamRecord::effective`](super::StreamRecord::effective).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adaptation {
    /// Video bitrate instead of the wanted one.
    pub bitrate: Bitrate,
    /// Picture size instead of the wanted one.
    pub resolution: Resolution,
    /// Pictures per second instead of the wanted ones.
    pub fps: FrameRate,
    /// When the stream first ran below what was asked for.
    pub since: Timestamp,
    /// The trouble that led to the latest step down.
    pub reason: IssueCode,
    /// When the latest step, down or up, was taken.
    pub changed_at: Timestamp,
    /// How long the stream must be without that trouble before the next step up. Doubles when the
    /// trouble returns after a step up.
    #[serde(rename = "healthy_period_seconds", with = "seconds")]
    pub healthy_period: Duration,
    /// Whether the latest step was one up.
    #[serde(default)]
    pub rising: bool,
}

impl Adaptation {
    /// The settings that encoders are given while `wanted` is asked for.
    pub fn applied_to(&self, wanted: &StreamConfig) -> StreamConfig {
        StreamConfig {
            bitrate: self.bitrate,
            resolution: self.resolution,
            fps: self.fps,
            ..wanted.clone()
        }
    }
}

/// Settings that become a stream's own together with a move to another encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// What is asked for from then on.
    pub config: StreamConfig,
    /// What the stream runs with instead, if anything.
    pub adaptation: Option<Adaptation>,
}

impl SettingsChange {
    /// What encoders are given.
    pub fn effective(&self) -> StreamConfig {
        effective(&self.config, self.adaptation.as_ref())
    }
}

pub(super) fn effective(config: &StreamConfig, adaptation: Option<&Adaptation>) -> StreamConfig {
    match adaptation {
        Some(adaptation) => adaptation.applied_to(config),
        None => config.clone(),
    }
}
