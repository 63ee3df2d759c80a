//! Health of encoders on the wire.

use crate::model::{
    DeviceReadings, DeviceStreamState, EncoderHealthReport, EncoderView, ThermalReport,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ConnectionHealthDto, CoolingDto, IssueDto, SubScoresDto, Time};

/// Readings of the device, `null` where it gives none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DeviceStatus)]
pub struct DeviceStatusDto {
    /// Processor load in percent.
    pub cpu_usage: Option<f64>,
    /// Memory in percent.
    pub memory_usage: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
    /// Revolutions per minute.
    pub fan_speed: Option<f64>,
    /// Seconds since boot.
    pub uptime: Option<f64>,
}

impl From<DeviceReadings> for DeviceStatusDto {
    fn from(readings: DeviceReadings) -> Self {
        Self {
            cpu_usage: readings.cpu_usage,
            memory_usage: readings.memory_usage,
            temperature: readings.temperature.map(|celsius| celsius.0),
            fan_speed: readings.fan_speed,
            uptime: readings.uptime,
        }
    }
}

/// Heat.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ThermalStatus)]
pub struct ThermalStatusDto {
    /// 0 to 100, higher is hotter; `null` while nothing is known of it.
    pub temperature_score: Option<f64>,
    /// Whether the encoder is relieved of load.
    pub cooling_active: bool,
    /// Where its cooling stands; `null` while it has its whole share of load.
    pub cooling: Option<CoolingDto>,
}

impl From<ThermalReport> for ThermalStatusDto {
    fn from(report: ThermalReport) -> Self {
        Self {
            temperature_score: report.temperature_score.map(|heat| heat.value()),
            cooling_active: report.cooling_active,
            cooling: report.cooling.map(CoolingDto::from),
        }
    }
}

/// What the device puts out now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamingStatus)]
pub struct StreamingDto {
    /// Whether it publishes; `null` until it answered once.
    pub active: Option<bool>,
    /// Measured bits per second.
    pub bitrate: Option<u64>,
    /// The device's own text for what it streams.
    pub format: Option<String>,
}

/// How an encoder is doing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderHealth)]
pub struct EncoderHealthDto {
    /// The encoder.
    pub encoder_id: String,
    /// `online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`.
    pub status: String,
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// What the score is made of.
    pub health_parts: SubScoresDto,
    /// Readings.
    pub device_status: DeviceStatusDto,
    /// What it puts out.
    pub streaming: StreamingDto,
    /// Connection quality.
    pub connection_health: ConnectionHealthDto,
    /// Heat.
    pub thermal_status: ThermalStatusDto,
    /// What is wrong.
    pub issues: Vec<IssueDto>,
}

impl From<EncoderView> for EncoderHealthDto {
    fn from(view: EncoderView) -> Self {
        let EncoderHealthReport {
            encoder_id,
            status,
            device_status,
            connection_health,
            thermal_status,
            health_score,
            parts,
            issues,
        } = view.health_report();
        let output = view.status.as_ref().map(|status| &status.output);
        let state = view.status.as_ref().map(|status| status.stream_state);
        Self {
            encoder_id: encoder_id.to_string(),
            status: status.as_str().to_owned(),
            health_score: health_score.map(|health| health.value()),
            health_parts: parts.into(),
            device_status: device_status.into(),
            streaming: StreamingDto {
                active: state.map(|state| state == DeviceStreamState::Streaming),
                bitrate: output
                    .and_then(|output| output.bitrate)
                    .map(|bitrate| bitrate.0),
                format: output.and_then(|output| output.format.clone()),
            },
            connection_health: connection_health.into(),
            thermal_status: thermal_status.into(),
            issues: issues.iter().map(IssueDto::from).collect(),
        }
    }
}

/// The answer of `GET /health/encoder/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderHealthAnswer)]
pub struct EncoderHealthAnswer {
    /// When.
    pub timestamp: Time,
    /// How it is doing.
    pub encoder: EncoderHealthDto,
}
