//! Recording media and restarts on the wire.

use crate::model::{Growth, MediumReport, RebootReport, RecordingSwitch, StorageReport, Timestamp};
use crate::trend::Band;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Time, name};

/// Recording media of the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Storage)]
pub struct StorageDto {
    /// When this was put together.
    pub timestamp: Time,
    /// One for each encoder.
    pub encoders: Vec<EncoderStorageDto>,
}

impl StorageDto {
    /// The document of these reports.
    pub fn new(timestamp: Timestamp, reports: Vec<StorageReport>) -> Self {
        Self {
            timestamp: timestamp.into(),
            encoders: reports.into_iter().map(Into::into).collect(),
        }
    }
}

/// Recording and media of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderStorage)]
pub struct EncoderStorageDto {
    /// The encoder.
    pub encoder_id: String,
    /// What its recorder does, such as `idle`, `recording` or `failing`.
    pub recording_state: String,
    /// Since when it was seen to record; `null` while it does not.
    pub recording_since: Option<Time>,
    /// Its media; empty when the device does not tell.
    pub media: Vec<StorageMediumDto>,
    /// The latest switches of the recording medium, newest last.
    pub switches: Vec<RecordingSwitchDto>,
    /// What a person could do, most urgent first.
    pub recommendations: Vec<String>,
    /// Its restarts.
    pub reboots: RebootsDto,
}

impl From<StorageReport> for EncoderStorageDto {
    fn from(report: StorageReport) -> Self {
        Self {
            encoder_id: report.encoder_id.to_string(),
            recording_state: name(&report.record_state),
            recording_since: report.recording_since.map(Time),
            media: report.media.into_iter().map(Into::into).collect(),
            switches: report.switches.into_iter().map(Into::into).collect(),
            recommendations: report.recommendations,
            reboots: report.reboots.into(),
        }
    }
}

/// A recording medium.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageMedium)]
pub struct StorageMediumDto {
    /// Stable name within the device, such as `primary`.
    pub slot: String,
    /// Kind of medium, such as `sd`, `usb`, `smb` or `nfs`.
    pub kind: Option<String>,
    /// Volume name.
    pub volume: Option<String>,
    /// `absent`, `mounting`, `ready`, `low`, `full`, `slow`, `unwritable` or `damaged`; `null` when
    /// the device does not tell.
    pub state: Option<String>,
    /// Whether the device can see it.
    pub mounted: Option<bool>,
    /// Whether the device would record on it.
    pub ready: Option<bool>,
    /// Free space in percent.
    pub free_percent: Option<u8>,
    /// Used space in percent.
    pub used_percent: Option<f64>,
    /// Free space in bytes.
    pub free_bytes: Option<u64>,
    /// Size in bytes.
    pub total_bytes: Option<u64>,
    /// How much recordings take per hour since the present one began; `null` while there are too
    /// few readings, or they merely scatter.
    pub growth_bytes_per_hour: Option<BandDto>,
    /// When it is full, counted from the last reading; `null` when that is not foreseeable.
    pub time_to_full: Option<TimeToFullDto>,
}

impl From<MediumReport> for StorageMediumDto {
    fn from(report: MediumReport) -> Self {
        let readings = report.readings;
        let growth = report.growth;
        Self {
            slot: readings.slot,
            kind: readings.kind,
            volume: readings.volume,
            state: report.state.map(|state| state.as_str().to_owned()),
            mounted: readings.mounted,
            ready: readings.ready,
            free_percent: readings.free_percent,
            used_percent: report.used_percent,
            free_bytes: readings.free_bytes,
            total_bytes: readings.total_bytes,
            growth_bytes_per_hour: growth.map(|growth| growth.bytes_per_hour.into()),
            time_to_full: growth.and_then(TimeToFullDto::of),
        }
    }
}

/// A figure with the interval that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageBand)]
pub struct BandDto {
    /// Lower end.
    pub low: f64,
    /// Best guess.
    pub expected: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Band> for BandDto {
    fn from(band: Band) -> Self {
        Self {
            low: band.low,
            expected: band.expected,
            high: band.high,
        }
    }
}

/// When a medium is full.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = TimeToFull)]
pub struct TimeToFullDto {
    /// Not before.
    pub earliest_seconds: f64,
    /// Best guess.
    pub expected_seconds: f64,
    /// Not after; `null` when that lies beyond what can be forecast.
    pub latest_seconds: Option<f64>,
}

impl TimeToFullDto {
    fn of(growth: Growth) -> Option<Self> {
        growth.time_to_full.map(|full| Self {
            earliest_seconds: full.earliest_seconds,
            expected_seconds: full.expected_seconds,
            latest_seconds: full.latest_seconds,
        })
    }
}

/// A switch of the recording medium.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RecordingSwitch)]
pub struct RecordingSwitchDto {
    /// When it was over.
    pub at: Time,
    /// The former medium.
    pub from: String,
    /// The other medium.
    pub to: String,
    /// The state of the former one, such as `full`.
    pub reason: String,
    /// `switched`, `not_resumed`, `reverted`, `failed`, or `proposed` when only observed.
    pub outcome: String,
    /// Whether the manager stopped the recording for it; otherwise the device had stopped by itself.
    pub stopped_recording: bool,
    /// How long the recording whose file ended was seen to run.
    pub closed_file_seconds: f64,
    /// How large that file is at least, by the free space of its medium; `null` when not seen.
    pub closed_file_bytes: Option<u64>,
    /// One line for people.
    pub message: String,
}

impl From<RecordingSwitch> for RecordingSwitchDto {
    fn from(switch: RecordingSwitch) -> Self {
        Self {
            at: switch.at.into(),
            from: switch.from,
            to: switch.to,
            reason: switch.reason.as_str().to_owned(),
            outcome: name(&switch.outcome),
            stopped_recording: switch.stopped_recording,
            closed_file_seconds: switch.closed_file.duration.as_secs_f64(),
            closed_file_bytes: switch.closed_file.bytes,
            message: switch.message,
        }
    }
}

/// The restarts of a device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Reboots)]
pub struct RebootsDto {
    /// Whether it restarts again and again, and gets no streams.
    pub looping: bool,
    /// When it is trusted again if it stays up; `null` when it is.
    pub trusted_at: Option<Time>,
    /// The latest ones, oldest first.
    pub recent: Vec<RebootDto>,
}

impl From<RebootReport> for RebootsDto {
    fn from(report: RebootReport) -> Self {
        let recent = report.recent.into_iter().map(|reboot| RebootDto {
            at: reboot.at.into(),
            evidence: reboot.evidence,
        });
        Self {
            looping: report.is_loop,
            trusted_at: report.trusted_at.map(Time),
            recent: recent.collect(),
        }
    }
}

/// A restart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Reboot)]
pub struct RebootDto {
    /// When it was noticed.
    pub at: Time,
    /// What told it.
    pub evidence: Vec<String>,
}
