//! Encoders on the wire.

use std::collections::BTreeMap;

use crate::Capability;
use crate::model::{ControlOutcome, EncoderView, FleetCounts, MediumReadings, StreamId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DeviceStatusDto, IssueDto, SubScoresDto, Time, name};

/// A registered encoder. The password is write-only.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Encoder)]
pub struct EncoderDto {
    /// Its id.
    pub encoder_id: String,
    /// Revision of the registration in the store, for conditional writes. Over HTTP its `ETag` is the
    /// same in quotes.
    pub revision: u64,
    /// Title for people.
    pub name: Option<String>,
    /// Which driver speaks to it.
    pub driver: String,
    /// Base address.
    pub address: String,
    /// Failure domain.
    pub site: Option<String>,
    /// Operator's preference.
    pub weight: f64,
    /// How many streams it may carry at once.
    pub capacity: u32,
    /// Takes no new streams.
    pub maintenance: bool,
    /// `off`, `observe` or `on`, where this encoder shall be repaired less than the others; `null`
    /// leaves it to the manager's settings.
    pub auto_remediation: Option<String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// `online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`.
    pub status: String,
    /// When it last answered.
    pub last_seen_at: Option<Time>,
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// Streams that hold it, as primary or backup.
    pub streams: Vec<String>,
    /// What is wrong.
    pub issues: Vec<IssueDto>,
    /// What it can do and tell.
    pub capability: Option<serde_json::Value>,
}

impl EncoderDto {
    /// Adds what the driver can do.
    #[must_use]
    pub fn with_capability(mut self, capability: &Capability) -> Self {
        self.capability = serde_json::to_value(capability).ok();
        self
    }
}

impl From<EncoderView> for EncoderDto {
    fn from(view: EncoderView) -> Self {
        Self {
            encoder_id: view.spec.id.to_string(),
            revision: view.revision,
            name: view.spec.name,
            driver: view.spec.driver,
            address: view.spec.address,
            site: view.spec.site,
            weight: view.spec.weight,
            capacity: view.spec.capacity,
            maintenance: view.spec.maintenance,
            auto_remediation: view
                .spec
                .auto_remediation
                .map(|mode| mode.as_str().to_owned()),
            labels: view.spec.labels,
            status: view.state.as_str().to_owned(),
            last_seen_at: view.last_seen_at.map(Time),
            health_score: view.assessment.health.map(|health| health.value()),
            streams: view.streams.iter().map(ToString::to_string).collect(),
            issues: view.assessment.issues.iter().map(IssueDto::from).collect(),
            capability: None,
        }
    }
}

/// Figures of an encoder, `null` where the device does not report them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderMetrics)]
pub struct EncoderMetricsDto {
    /// The encoder.
    pub encoder_id: String,
    /// When the device answered with these.
    pub timestamp: Option<Time>,
    /// Processor load in percent.
    pub cpu_usage: Option<f64>,
    /// Memory in percent.
    pub memory_usage: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
    /// 0 to 100, higher is hotter.
    pub temperature_score: Option<f64>,
    /// Revolutions per minute.
    pub fan_speed: Option<f64>,
    /// Seconds since boot.
    pub uptime: Option<f64>,
    /// Measured output in bits per second.
    pub bitrate: Option<u64>,
    /// Measured pictures per second.
    pub fps: Option<f64>,
    /// Pictures dropped since the stream started.
    pub dropped_frames: Option<u64>,
    /// How long it has been streaming.
    pub stream_duration_seconds: Option<f64>,
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// What the score is made of.
    pub health_parts: SubScoresDto,
    /// Median time to answer.
    pub latency_ms: Option<f64>,
    /// Share of failed requests, 0 to 1.
    pub error_rate: Option<f64>,
    /// Whether there is a usable picture at the input.
    pub input_present: Option<bool>,
    /// The device's name for the input format.
    pub input_format: Option<String>,
    /// Whether the device believes its network is connected.
    pub network_connected: Option<bool>,
    /// Link errors since boot.
    pub network_errors: Option<u64>,
    /// Recording media.
    pub media: Vec<MediumDto>,
    /// Alarms the device raises itself.
    pub alarms: Vec<AlarmDto>,
}

impl From<EncoderView> for EncoderMetricsDto {
    fn from(view: EncoderView) -> Self {
        let readings = DeviceStatusDto::from(view.readings());
        let status = view.status.unwrap_or_default();
        let input = status.input.as_ref();
        Self {
            encoder_id: view.spec.id.to_string(),
            timestamp: view.last_seen_at.map(Time),
            cpu_usage: readings.cpu_usage,
            memory_usage: readings.memory_usage,
            temperature: readings.temperature,
            temperature_score: view.heat.map(|heat| heat.value()),
            fan_speed: readings.fan_speed,
            uptime: readings.uptime,
            bitrate: status.output.bitrate.map(|bitrate| bitrate.0),
            fps: status.output.fps,
            dropped_frames: status.output.dropped_frames,
            stream_duration_seconds: status.output.duration.map(|span| span.as_secs_f64()),
            health_score: view.assessment.health.map(|health| health.value()),
            health_parts: view.assessment.parts.into(),
            latency_ms: view.connection.latency_ms,
            error_rate: view.connection.error_rate,
            input_present: input.map(|input| input.present),
            input_format: input.and_then(|input| input.format.clone()),
            network_connected: status.network.connected,
            network_errors: status.network.link_errors,
            media: status.media.into_iter().map(MediumDto::from).collect(),
            alarms: status.alarms.into_iter().map(AlarmDto::from).collect(),
        }
    }
}

/// One recording medium.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Medium)]
pub struct MediumDto {
    /// Name within the device.
    pub slot: String,
    /// For example `sd`, `usb`, `nfs`.
    pub kind: Option<String>,
    /// Whether the device would record on it.
    pub ready: Option<bool>,
    /// Free space in percent.
    pub free_percent: Option<u8>,
    /// Free space in bytes.
    pub free_bytes: Option<u64>,
    /// Size in bytes.
    pub total_bytes: Option<u64>,
}

impl From<MediumReadings> for MediumDto {
    fn from(medium: MediumReadings) -> Self {
        Self {
            slot: medium.slot,
            kind: medium.kind,
            ready: medium.ready,
            free_percent: medium.free_percent,
            free_bytes: medium.free_bytes,
            total_bytes: medium.total_bytes,
        }
    }
}

/// An alarm of the device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmDto {
    /// Stable name.
    pub code: String,
    /// What it is about.
    pub category: String,
    /// How bad it is.
    pub severity: String,
    /// The device's own text.
    pub message: String,
}

impl From<crate::model::Alarm> for AlarmDto {
    fn from(alarm: crate::model::Alarm) -> Self {
        Self {
            category: name(&alarm.category),
            severity: alarm.severity.as_str().to_owned(),
            code: alarm.code,
            message: alarm.message,
        }
    }
}

/// How an encoder is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderStatus)]
pub struct EncoderStatusDto {
    /// The encoder.
    pub encoder_id: String,
    /// `online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`.
    pub status: String,
    /// What its streaming engine is doing.
    pub streaming_state: String,
    /// What its recorder is doing.
    pub recording_state: String,
    /// The stream it publishes.
    pub stream_id: Option<String>,
    /// Running firmware.
    pub firmware: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// When it last answered.
    pub last_seen_at: Option<Time>,
    /// Its figures.
    pub current_metrics: EncoderMetricsDto,
}

impl EncoderStatusDto {
    /// From the view and the stream it publishes.
    pub fn new(view: EncoderView, publishes: Option<&StreamId>) -> Self {
        let status = view.status.clone().unwrap_or_default();
        Self {
            encoder_id: view.spec.id.to_string(),
            status: view.state.as_str().to_owned(),
            streaming_state: name(&status.stream_state),
            recording_state: name(&status.record_state),
            stream_id: publishes.map(ToString::to_string),
            firmware: status.identity.firmware,
            serial: status.identity.serial,
            last_seen_at: view.last_seen_at.map(Time),
            current_metrics: view.into(),
        }
    }
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ControlOutcome)]
pub struct ControlDto {
    /// The encoder.
    pub encoder_id: String,
    /// The action.
    pub action: String,
    /// The device took it.
    pub accepted: bool,
    /// The device was seen in the wanted state.
    pub confirmed: bool,
    /// The state it was seen in.
    pub state: String,
}

impl From<ControlOutcome> for ControlDto {
    fn from(outcome: ControlOutcome) -> Self {
        Self {
            encoder_id: outcome.encoder_id.to_string(),
            action: outcome.action,
            accepted: outcome.accepted,
            confirmed: outcome.confirmed,
            state: outcome.state,
        }
    }
}

/// How many encoders are in which state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = FleetCounts)]
pub struct FleetCountsDto {
    /// All of them.
    pub total: usize,
    /// Well.
    pub online: usize,
    /// With trouble.
    pub degraded: usize,
    /// Publishing.
    pub streaming: usize,
    /// Relieved of load.
    pub cooling: usize,
    /// Taken out.
    pub maintenance: usize,
    /// Silent.
    pub offline: usize,
    /// Not heard of yet.
    pub unknown: usize,
}

impl From<FleetCounts> for FleetCountsDto {
    fn from(counts: FleetCounts) -> Self {
        Self {
            total: counts.total,
            online: counts.online,
            degraded: counts.degraded,
            streaming: counts.streaming,
            cooling: counts.cooling,
            maintenance: counts.maintenance,
            offline: counts.offline,
            unknown: counts.unknown,
        }
    }
}
