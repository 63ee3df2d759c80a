//! What clients ask for, and the answers that are not records.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Bitrate, EncoderId, FrameRate, IncidentId, Personality, Protection, Resolution, Secret,
    StreamConfig, StreamId,
};

/// A rule that was broken, or a recommendation that was not followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The field concerned, dotted; or the encoder when a placement failed.
    pub field: String,
    /// Stable snake_case name of the rule.
    pub code: String,
    /// One line with the limit in it.
    pub message: String,
    /// A value that would be fine, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<serde_json::Value>,
}

impl Violation {
    /// A violation without a recommended value.
    pub fn new(
        field: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            message: message.into(),
            recommended: None,
        }
    }

    /// All of them in one line, each with its field.
    pub fn in_one_line(all: &[Self]) -> String {
        let told = all.iter().map(|one| match one.field.as_str() {
            "" => one.message.clone(),
            field => format!("{field}: {}", one.message),
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// Names a value that would be fine.
    #[must_use]
    pub fn with_recommended(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.recommended = Some(value.into());
        self
    }
}

/// Where a requested stream shall go; what is left out comes from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DestinationRequest {
    /// Server and application, without the key.
    pub url: Option<String>,
    /// The key; generated when absent.
    pub stream_key: Option<Secret>,
    /// Second address.
    pub backup_url: Option<String>,
    /// How the ingest treats a second publisher.
    pub personality: Option<Personality>,
    /// How long the ingest keeps a publisher that vanished.
    pub idle_timeout_seconds: Option<f64>,
}

/// A request for a live stream. Only resolution, bitrate and frame rate are required.
///
/// ```
/// use encoder_core::model::StreamRequest;
///
/// let request: StreamRequest =
///     serde_json::from_str(r#"{"resolution":"1920x1080","bitrate":8000000,"fps":30}"#)?;
/// assert_eq!(request.protection, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRequest {
    /// Picture size.
    pub resolution: Resolution,
    /// Video bitrate.
    pub bitrate: Bitrate,
    /// Pictures per second.
    pub fps: FrameRate,
    /// Title for people.
    #[serde(default)]
    pub name: Option<String>,
    /// How it shall be protected.
    #[serde(default)]
    pub protection: Option<Protection>,
    /// Insist on this encoder as primary.
    #[serde(default)]
    pub encoder_id: Option<EncoderId>,
    /// Where it shall go.
    #[serde(default)]
    pub destination: Option<DestinationRequest>,
    /// Time between key frames.
    #[serde(default)]
    pub keyframe_interval_seconds: Option<f64>,
    /// Audio bitrate.
    #[serde(default)]
    pub audio_bitrate: Option<Bitrate>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl StreamRequest {
    /// A request with everything else left to the configuration.
    pub fn new(resolution: Resolution, bitrate: Bitrate, fps: FrameRate) -> Self {
        Self {
            resolution,
            bitrate,
            fps,
            name: None,
            protection: None,
            encoder_id: None,
            destination: None,
            keyframe_interval_seconds: None,
            audio_bitrate: None,
            labels: BTreeMap::new(),
        }
    }

    /// Sends it to `url`, with a generated key.
    #[must_use]
    pub fn to_url(mut self, url: impl Into<String>) -> Self {
        self.destination.get_or_insert_default().url = Some(url.into());
        self
    }

    /// Asks for that kind of protection.
    #[must_use]
    pub fn with_protection(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }
}

/// A change of encoding settings; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfigPatch {
    /// Picture size.
    pub resolution: Option<Resolution>,
    /// Video bitrate.
    pub bitrate: Option<Bitrate>,
    /// Pictures per second.
    pub fps: Option<FrameRate>,
    /// Time between key frames.
    pub keyframe_interval_seconds: Option<f64>,
    /// Audio bitrate.
    pub audio_bitrate: Option<Bitrate>,
}

impl StreamConfigPatch {
    /// The settings after the change.
    #[must_use]
    pub fn applied_to(&self, config: &StreamConfig) -> StreamConfig {
        let seconds = self.keyframe_interval_seconds;
        let interval = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        StreamConfig {
            resolution: self.resolution.unwrap_or(config.resolution),
            bitrate: self.bitrate.unwrap_or(config.bitrate),
            fps: self.fps.unwrap_or(config.fps),
            keyframe_interval: interval.unwrap_or(config.keyframe_interval),
            audio_bitrate: self.audio_bitrate.unwrap_or(config.audio_bitrate),
        }
    }
}

/// A request to move a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailoverRequest {
    /// Why, for the timeline.
    pub reason: Option<String>,
    /// Where to; the backup, or the best free encoder, when absent.
    pub to: Option<EncoderId>,
}

/// A failover was accepted and is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverAccepted {
    /// The stream that moves.
    pub stream_id: StreamId,
    /// Follow it under this name in events and timeline.
    pub incident_id: IncidentId,
    /// The encoder that loses the stream.
    pub from: EncoderId,
    /// The encoder that gets it.
    pub to: EncoderId,
}

/// What became of an [`super::Action`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlOutcome {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// The action, by its wire name.
    pub action: String,
    /// The device took it.
    pub accepted: bool,
    /// The device was seen in the wanted state.
    pub confirmed: bool,
    /// The state it was seen in.
    pub state: String,
}
