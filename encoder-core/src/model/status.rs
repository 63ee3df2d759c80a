//! What a device says of itself.
//!
//! Everything is optional: a driver fills in what its device reports and leaves the rest `None`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Bitrate, Celsius, FrameRate, PublishTarget, Resolution, Severity, StreamConfig,
    optional_seconds,
};

/// What the device's streaming engine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceStreamState {
    /// Not read yet, or not readable.
    #[default]
    Unknown,
    /// The device boots.
    Initialising,
    /// Ready, not streaming.
    Idle,
    /// A start was accepted and the stream is not up yet.
    Starting,
    /// Publishing.
    Streaming,
    /// Not streaming, and the last attempt failed. A warning on a resting device.
    FailingIdle,
    /// Meant to be streaming, and failing at it.
    Failing,
    /// Shutting down.
    ShuttingDown,
}

impl DeviceStreamState {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Initialising => "initialising",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Streaming => "streaming",
            Self::FailingIdle => "failing_idle",
            Self::Failing => "failing",
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// Whether packets may be leaving the device for an ingest: it streams, starts, or retries.
    pub const fn may_publish(self) -> bool {
        matches!(self, Self::Streaming | Self::Starting | Self::Failing)
    }

    /// Whether a new stream may be started on the device.
    pub const fn is_idle(self) -> bool {
        matches!(self, Self::Idle | Self::FailingIdle)
    }
}

/// What the device's recorder is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceRecordState {
    /// Not read yet, or not readable.
    #[default]
    Unknown,
    /// The device boots.
    Initialising,
    /// Ready, not recording.
    Idle,
    /// Writing a file.
    Recording,
    /// Not recording, and the last attempt failed.
    FailingIdle,
    /// Meant to be recording, and failing at it.
    Failing,
    /// Shutting down.
    ShuttingDown,
}

/// The video signal at the selected input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSignal {
    /// Whether a usable signal is there.
    pub present: bool,
    /// The device's own name for the format.
    pub format: Option<String>,
    /// Picture size.
    pub resolution: Option<Resolution>,
    /// Pictures per second.
    pub fps: Option<FrameRate>,
}

/// The streaming settings the device holds now, as read back from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActiveConfig {
    /// Picture size after scaling.
    pub resolution: Option<Resolution>,
    /// Pictures per second after dividing the input rate.
    pub fps: Option<FrameRate>,
    /// Video bitrate.
    pub bitrate: Option<Bitrate>,
    /// Audio bitrate.
    pub audio_bitrate: Option<Bitrate>,
    /// Time between key frames.
    #[serde(
        default,
        rename = "keyframe_interval_seconds",
        with = "optional_seconds"
    )]
    pub keyframe_interval: Option<Duration>,
    /// Where it publishes. A device that masks the key gives `None`.
    pub target: Option<PublishTarget>,
}

impl ActiveConfig {
    /// Names the fields in which the device differs from what it should hold.
    ///
    /// A field the device does not report is not a difference. Key frame distance may be off by
    /// a tenth, because devices count it in whole pictures.
    pub fn differences(&self, config: &StreamConfig, target: &PublishTarget) -> Vec<&'static str> {
        fn differs<T>(actual: Option<T>, same: impl Fn(T) -> bool) -> bool {
            actual.is_some_and(|actual| !same(actual))
        }
        let interval = config.keyframe_interval.as_secs_f64();
        let near = |span: Duration| (span.as_secs_f64() - interval).abs() <= interval * 0.1;
        let checks = [
            (
                "resolution",
                differs(self.resolution, |r| r == config.resolution),
            ),
            ("fps", differs(self.fps, |fps| fps.is_nominally(config.fps))),
            ("bitrate", differs(self.bitrate, |b| b == config.bitrate)),
            (
                "audio_bitrate",
                differs(self.audio_bitrate, |b| b == config.audio_bitrate),
            ),
            ("keyframe_interval", differs(self.keyframe_interval, near)),
            (
                "destination",
                differs(self.target.as_ref(), |t| t == target),
            ),
        ];
        checks
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(field, _)| field)
            .collect()
    }
}

/// Readings of the machine inside the device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemReadings {
    /// Processor load in percent.
    pub cpu_percent: Option<f64>,
    /// Memory in use in percent.
    pub memory_percent: Option<f64>,
    /// Temperature of the device.
    pub temperature: Option<Celsius>,
    /// Fan speed in revolutions per minute.
    pub fan_rpm: Option<f64>,
    /// Time since boot.
    #[serde(default, rename = "uptime_seconds", with = "optional_seconds")]
    pub uptime: Option<Duration>,
}

/// Readings of the stream the device puts out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputReadings {
    /// Measured bitrate, never the configured one.
    pub bitrate: Option<Bitrate>,
    /// Measured pictures per second, never the configured ones.
    pub fps: Option<f64>,
    /// Pictures dropped since the stream started.
    pub dropped_frames: Option<u64>,
    /// How long the device has been streaming.
    #[serde(default, rename = "duration_seconds", with = "optional_seconds")]
    pub duration: Option<Duration>,
    /// The device's own text for what it streams.
    pub format: Option<String>,
}

/// Readings of the device's network port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReadings {
    /// Whether the device believes it is connected.
    pub connected: Option<bool>,
    /// The device's own text for its link.
    pub link: Option<String>,
    /// Link errors since boot.
    pub link_errors: Option<u64>,
}

/// Which unit this is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// Model.
    pub product: Option<String>,
    /// The name an operator gave it on its own page.
    pub name: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Running firmware.
    pub firmware: Option<String>,
}

/// One recording medium.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumReadings {
    /// Stable name within the device, for example `primary`.
    pub slot: String,
    /// Kind of medium, for example `sd`, `usb`, `smb`, `nfs`.
    pub kind: Option<String>,
    /// Volume name.
    pub volume: Option<String>,
    /// Whether the device can see it.
    pub mounted: Option<bool>,
    /// Whether the device would record on it.
    pub ready: Option<bool>,
    /// Free space in percent.
    pub free_percent: Option<u8>,
    /// Free space in bytes.
    pub free_bytes: Option<u64>,
    /// Size in bytes.
    pub total_bytes: Option<u64>,
}

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlarmCategory {
    /// The stream itself.
    Stream,
    /// Picture or sound at the input.
    Input,
    /// Recording and its media.
    Storage,
    /// Network and name resolution.
    Network,
    /// Heat.
    Thermal,
    /// Hardware, software, boot.
    System,
    /// The device's own scheduler.
    Schedule,
    /// Settings that contradict each other.
    Configuration,
}

impl AlarmCategory {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Input => "input",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Thermal => "thermal",
            Self::System => "system",
            Self::Schedule => "schedule",
            Self::Configuration => "configuration",
        }
    }
}

/// An alarm the device raises itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable snake_case name, the same for every driver where the meaning is the same.
    pub code: String,
    /// What it is about.
    pub category: AlarmCategory,
    /// How bad it is.
    pub severity: Severity,
    /// The device's own text. Untrusted: escape it before showing it.
    pub message: String,
}

/// Codes of alarms that policies act on. Drivers map their device's alarms to these.
pub mod alarm_code {
    /// The device gave up or keeps failing to publish.
    pub const STREAMING_FAILED: &str = "streaming_failed";
    /// Pictures are being dropped.
    pub const DROPPED_FRAMES: &str = "dropped_frames";
    /// Pictures are being skipped.
    pub const FRAMES_SKIPPED: &str = "frames_skipped";
    /// The network cannot carry the stream.
    pub const NETWORK_TOO_SLOW: &str = "network_too_slow";
    /// There is no picture at the input.
    pub const NO_VIDEO_INPUT: &str = "no_video_input";
    /// There is no sound at the input.
    pub const NO_AUDIO_INPUT: &str = "no_audio_input";
    /// A recording failed.
    pub const RECORDING_FAILED: &str = "recording_failed";
    /// The device is close to shutting down from heat.
    pub const NEAR_OVER_TEMPERATURE: &str = "near_over_temperature";
}

/// Everything a device reports at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EncoderStatus {
    /// What the streaming engine is doing.
    pub stream_state: DeviceStreamState,
    /// What the recorder is doing.
    pub record_state: DeviceRecordState,
    /// The signal at the selected input.
    pub input: Option<InputSignal>,
    /// The settings the device holds.
    pub active: Option<ActiveConfig>,
    /// Readings of the machine.
    pub system: SystemReadings,
    /// Readings of the stream.
    pub output: OutputReadings,
    /// Readings of the network port.
    pub network: NetworkReadings,
    /// Which unit this is.
    pub identity: DeviceIdentity,
    /// Recording media.
    pub media: Vec<MediumReadings>,
    /// Alarms that are active now.
    pub alarms: Vec<Alarm>,
    /// Whether the device serves its medium over the network instead of recording and streaming.
    pub serves_files: Option<bool>,
}

impl EncoderStatus {
    /// The active alarm of that code.
    pub fn alarm(&self, code: &str) -> Option<&Alarm> {
        self.alarms.iter().find(|alarm| alarm.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_of_seconds() {
        let mut status = EncoderStatus::default();
        status.system.uptime = Some(Duration::from_secs(90));
        status.active = Some(ActiveConfig {
            keyframe_interval: Some(Duration::from_millis(500)),
            ..ActiveConfig::default()
        });
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["system"]["uptime_seconds"], 90);
        assert_eq!(json["active"]["keyframe_interval_seconds"], 0.5);
        assert!(json["output"]["duration_seconds"].is_null());
        assert_eq!(
            serde_json::from_value::<EncoderStatus>(json).unwrap(),
            status
        );
        assert_eq!(
            serde_json::from_str::<EncoderStatus>(r#"{"system": {}}"#).unwrap(),
            EncoderStatus::default()
        );
    }
}
