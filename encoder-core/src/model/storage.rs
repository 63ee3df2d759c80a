//! Recording media and what was done about them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeviceRecordState, EncoderId, MediumReadings, Timestamp, seconds};
use crate::trend::Band;

/// How a recording medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumState {
    /// The device does not see it.
    Absent,
    /// The device sees it and would not record on it yet.
    Mounting,
    /// The device would record on it.
    Ready,
    /// It would, and there is little room.
    Low,
    /// Nothing is left.
    Full,
    /// It does not keep up with the recording.
    Slow,
    /// It is write-protected, or of a format that the device does not write.
    Unwritable,
    /// The device calls it damaged or not formatted.
    Damaged,
}

impl MediumState {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Mounting => "mounting",
            Self::Ready => "ready",
            Self::Low => "low",
            Self::Full => "full",
            Self::Slow => "slow",
            Self::Unwritable => "unwritable",
            Self::Damaged => "damaged",
        }
    }

    /// Whether a recording could begin there.
    pub const fn takes_recordings(self) -> bool {
        matches!(self, Self::Ready | Self::Low)
    }
}

/// When a medium is full, counted from the last reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeToFull {
    /// Not before.
    pub earliest_seconds: f64,
    /// Best guess.
    pub expected_seconds: f64,
    /// Not after; `None` when that lies beyond what can be forecast.
    pub latest_seconds: Option<f64>,
}

/// How fast a medium fills.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Bytes per hour that recordings take, with the interval; negative while room is gained.
    pub bytes_per_hour: Band,
    /// When it is full; `None` while that lies beyond what can be forecast, or it does not fill.
    pub time_to_full: Option<TimeToFull>,
}

/// A medium with everything known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediumReport {
    /// As the device reads it.
    #[serde(flatten)]
    pub readings: MediumReadings,
    /// Used space in percent.
    pub used_percent: Option<f64>,
    /// How it is; `None` when the device does not tell.
    pub state: Option<MediumState>,
    /// How fast it fills since the recording began; `None` while there are too few readings.
    pub growth: Option<Growth>,
}

/// The file that was closed for a switch, as far as it was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClosedFile {
    /// How long the recording was seen to run.
    #[serde(rename = "duration_seconds", with = "seconds")]
    pub duration: Duration,
    /// By how much the free space of its medium was seen to shrink meanwhile: at least its size.
    pub bytes: Option<u64>,
}

/// What became of a switch of the recording medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchOutcome {
    /// Recording goes on with the other medium.
    Switched,
    /// The other medium was taken, and the recording did not begin again.
    NotResumed,
    /// The other medium did not become ready; the device has the former one again.
    Reverted,
    /// The device refused, and what it holds now is not known.
    Failed,
    /// It would have been done, were it not for the setting `storage.switch: observe`.
    Proposed,
}

/// A switch of the recording medium.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingSwitch {
    /// When it was over.
    pub at: Timestamp,
    /// The former medium.
    pub from: String,
    /// The other medium.
    pub to: String,
    /// What was wrong with the former one.
    pub reason: MediumState,
    /// Whether the manager stopped the recording for it; otherwise the device had stopped by itself.
    pub stopped_recording: bool,
    /// The file that ended with it.
    pub closed_file: ClosedFile,
    /// What became of it.
    pub outcome: SwitchOutcome,
    /// One line for people.
    pub message: String,
}

/// A restart of a device that nobody is known to have asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// When it was noticed.
    pub at: Timestamp,
    /// What told it.
    pub evidence: Vec<String>,
}

/// The restarts of a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RebootReport {
    /// Whether it restarts again and again, and is not trusted yet.
    pub is_loop: bool,
    /// When it is trusted again if it stays up.
    pub trusted_at: Option<Timestamp>,
    /// The latest ones, oldest first.
    pub recent: Vec<Reboot>,
}

/// Recording and media of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageReport {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// What its recorder does.
    pub record_state: DeviceRecordState,
    /// Since when it was seen to record.
    pub recording_since: Option<Timestamp>,
    /// Its media; empty when the device does not tell.
    pub media: Vec<MediumReport>,
    /// The latest switches, newest last.
    pub switches: Vec<RecordingSwitch>,
    /// What a person could do.
    pub recommendations: Vec<String>,
    /// Its restarts.
    pub reboots: RebootReport,
}
