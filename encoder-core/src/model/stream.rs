//! A managed live stream: what is asked for, where it goes, and the record that is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Adaptation, Bitrate, EncoderId, FailoverProgress, FailoverSummary, FrameRate, IncidentId,
    Resolution, Secret, StreamId, Timestamp, adaptation, exposed, optional_seconds, seconds,
};

/// Encoding settings of a stream. [`crate::validate`] says which values are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamConfig {
    /// Picture size.
    pub resolution: Resolution,
    /// Video bitrate.
    pub bitrate: Bitrate,
    /// Pictures per second.
    pub fps: FrameRate,
    /// Time between key frames.
    #[serde(rename = "keyframe_interval_seconds", with = "seconds")]
    pub keyframe_interval: Duration,
    /// Audio bitrate.
    pub audio_bitrate: Bitrate,
}

impl StreamConfig {
    /// Key frame distance in pictures, as encoders count it; at least one.
    pub fn gop_frames(&self) -> u32 {
        (self.keyframe_interval.as_secs_f64() * self.fps.fps())
            .round()
            .max(1.0) as u32
    }
}

/// How an ingest treats a second publisher with the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personality {
    /// The newcomer replaces the first publisher.
    #[default]
    Takeover,
    /// The newcomer is refused while the first publisher is connected.
    Reject,
    /// Primary and backup have addresses of their own.
    Separate,
}

/// How a stream is protected against the loss of its encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Both encoders publish, the backup to the backup address.
    Hot,
    /// The backup is configured and idle.
    #[default]
    Warm,
    /// Any free encoder at the time of need.
    Cold,
    /// None; a failure ends the stream or waits for its encoder.
    None,
}

impl Protection {
    /// Whether an encoder is held as backup from the start.
    pub const fn holds_backup(self) -> bool {
        matches!(self, Self::Hot | Self::Warm)
    }

    /// Whether the stream may move to another encoder by itself.
    pub const fn allows_failover(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Where a stream is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Server and application, without the key.
    pub url: String,
    /// Second address, for `hot` protection and the `separate` personality.
    pub backup_url: Option<String>,
    /// How the ingest treats a second publisher.
    pub personality: Personality,
    /// How long the ingest keeps a publisher that vanished without closing its connection.
    #[serde(default, rename = "idle_timeout_seconds", with = "optional_seconds")]
    pub idle_timeout: Option<Duration>,
}

/// What one encoder is told: an address and a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishTarget {
    /// Server and application, without the key.
    pub url: String,
    /// The stream key.
    #[serde(with = "exposed")]
    pub stream_key: Secret,
}

/// Which of the destination's addresses an encoder publishes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngestSlot {
    /// [`Destination::url`].
    #[default]
    Main,
    /// [`Destination::backup_url`].
    Backup,
}

impl IngestSlot {
    /// The other address.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Main => Self::Backup,
            Self::Backup => Self::Main,
        }
    }
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// Accepted and recorded; the encoder is being configured and started.
    #[default]
    Starting,
    /// The device itself reports that it streams.
    Live,
    /// On air or trying to be, with a fault that was not (yet) worth a failover.
    Degraded,
    /// Moving to another encoder.
    FailingOver,
    /// Being stopped.
    Stopping,
    /// Stopped; both encoders are released.
    Stopped,
    /// Off air, and nothing more is tried without an operator.
    Failed,
}

impl StreamState {
    /// Every state, in wire order.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Live,
        Self::Degraded,
        Self::FailingOver,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// Whether the stream still holds encoders.
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Stopped | Self::Failed)
    }

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Degraded => "degraded",
            Self::FailingOver => "failing_over",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for StreamState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An encoder's part in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// The address it publishes, or would publish, to.
    pub slot: IngestSlot,
}

/// An encoder that lost a stream and must not publish it again.
///
/// Devices recover and restart streams by themselves, so the duty outlives the failover: it ends
/// when the encoder was seen idle, and is renewed whenever it is found publishing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The encoder that must not publish.
    pub encoder_id: EncoderId,
    /// The address it last published to.
    pub slot: IngestSlot,
    /// Why it lost the stream.
    pub incident_id: Option<IncidentId>,
    /// Since when.
    pub since: Timestamp,
    /// When it was first seen idle; until then it may still be publishing unseen.
    pub idle_since: Option<Timestamp>,
    /// It lost the stream on request, not through a fault, so it may come back at once.
    pub planned: bool,
}

/// The second half of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReturn {
    /// Where the stream belongs.
    pub encoder_id: EncoderId,
    /// When it goes back, provided that encoder is ready by then.
    pub not_before: Timestamp,
    /// The incident of the way out.
    pub incident_id: IncidentId,
}

/// The record of a stream: what must survive a restart.
///
/// It holds the stream key in clear, so it goes to the store and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// Name of the stream.
    pub id: StreamId,
    /// Title for people.
    pub name: Option<String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Encoding settings, as asked for.
    pub config: StreamConfig,
    /// What the stream runs with instead for a while, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// Where it is published.
    pub destination: Destination,
    /// The stream key.
    #[serde(with = "exposed")]
    pub stream_key: Secret,
    /// How it is protected.
    pub protection: Protection,
    /// Where it is in its life.
    pub state: StreamState,
    /// The encoder that publishes.
    pub primary: Assignment,
    /// The encoder that takes over.
    pub backup: Option<Assignment>,
    /// Encoders that must not publish this stream.
    pub fences: Vec<Fence>,
    /// The failover under way, with everything needed to go on after a crash.
    pub failover: Option<FailoverProgress>,
    /// The way back of a drill that has reached the other encoder.
    pub drill: Option<DrillReturn>,
    /// Recent failovers, oldest first, bounded; hold-down and the hourly cap read them.
    pub history: Vec<FailoverSummary>,
    /// Why the stream failed, when it did.
    pub failure: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it first went live.
    pub live_at: Option<Timestamp>,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl StreamRecord {
    /// The settings that its encoders are given: those asked for, or less for a while.
    pub fn effective(&self) -> StreamConfig {
        adaptation::effective(&self.config, self.adaptation.as_ref())
    }

    /// The address of a slot. Without a backup address both slots share the main one.
    pub fn url(&self, slot: IngestSlot) -> &str {
        match (slot, &self.destination.backup_url) {
            (IngestSlot::Backup, Some(url)) => url,
            _ => &self.destination.url,
        }
    }

    /// What an encoder in that slot is told.
    pub fn target(&self, slot: IngestSlot) -> PublishTarget {
        PublishTarget {
            url: self.url(slot).to_owned(),
            stream_key: self.stream_key.clone(),
        }
    }

    /// Whether the encoder is primary or backup, or target of the failover under way.
    pub fn holds(&self, encoder: &EncoderId) -> bool {
        let backup = self
            .backup
            .as_ref()
            .is_some_and(|backup| backup.encoder_id == *encoder);
        let target = self
            .failover
            .as_ref()
            .is_some_and(|failover| failover.to == *encoder);
        self.primary.encoder_id == *encoder || backup || target
    }
}
