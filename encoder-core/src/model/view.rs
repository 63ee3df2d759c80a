//! What clients may see of encoders and streams. No secrets in here, except where masked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Assessment, Bitrate, BurstState, Celsius, ConnectionHealth, CoolingEntry, CoolingState,
    EncoderId, EncoderSpec, EncoderState, EncoderStatus, Health, Heat, Issue, Resolution,
    StreamCondition, StreamId, StreamRecord, SubScores, ThermalView, Timestamp, Violation,
};

/// An encoder with everything known about it now.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderView {
    /// As registered.
    pub spec: EncoderSpec,
    /// Revision of the registration in the store, for conditional writes.
    pub revision: u64,
    /// One word.
    pub state: EncoderState,
    /// The latest readings; `None` until the device answered once.
    pub status: Option<EncoderStatus>,
    /// When it last answered.
    pub last_seen_at: Option<Timestamp>,
    /// What the health policy concludes.
    pub assessment: Assessment,
    /// Connection quality.
    pub connection: ConnectionHealth,
    /// How hot, by whatever is known of it.
    pub heat: Option<Heat>,
    /// Its cooling; `None` while it has its whole share of load.
    pub cooling: Option<CoolingState>,
    /// The budget for requests to it.
    pub burst: BurstState,
    /// Streams that hold it, as primary or backup.
    pub streams: Vec<StreamId>,
}

/// Readings of the device, `null` where it gives none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceReadings {
    /// Processor load in percent.
    pub cpu_usage: Option<f64>,
    /// Memory in percent.
    pub memory_usage: Option<f64>,
    /// Temperature.
    pub temperature: Option<Celsius>,
    /// Fan speed in revolutions per minute.
    pub fan_speed: Option<f64>,
    /// Seconds since boot.
    pub uptime: Option<f64>,
}

/// Heat as clients see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThermalReport {
    /// Heat; `null` while nothing is known of it.
    pub temperature_score: Option<Heat>,
    /// Whether the encoder is relieved of load.
    pub cooling_active: bool,
    /// Where its cooling stands.
    #[serde(default)]
    pub cooling: Option<CoolingState>,
}

/// How an encoder is doing: the body of a `health_update` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderHealthReport {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// One word.
    pub status: EncoderState,
    /// Readings.
    pub device_status: DeviceReadings,
    /// Connection quality.
    pub connection_health: ConnectionHealth,
    /// Heat.
    pub thermal_status: ThermalReport,
    /// The overall score.
    pub health_score: Option<Health>,
    /// What it is made of.
    #[serde(default, rename = "health_parts")]
    pub parts: SubScores,
    /// What is wrong.
    pub issues: Vec<Issue>,
}

impl EncoderView {
    /// The readings, `None` where the device gives none.
    pub fn readings(&self) -> DeviceReadings {
        let system = self
            .status
            .as_ref()
            .map(|status| status.system.clone())
            .unwrap_or_default();
        DeviceReadings {
            cpu_usage: system.cpu_percent,
            memory_usage: system.memory_percent,
            temperature: system.temperature,
            fan_speed: system.fan_rpm,
            uptime: system.uptime.map(|uptime| uptime.as_secs_f64()),
        }
    }

    /// Its heat, with what was recorded of its cooling.
    pub(crate) fn thermal(
        &self,
        cooling: Option<CoolingState>,
        history: Vec<CoolingEntry>,
    ) -> ThermalView {
        ThermalView {
            encoder_id: self.spec.id.clone(),
            temperature: self.readings().temperature,
            temperature_score: self.heat,
            cooling,
            burst: self.burst.clone(),
            history,
        }
    }

    /// The body of a `health_update` event.
    pub fn health_report(&self) -> EncoderHealthReport {
        EncoderHealthReport {
            encoder_id: self.spec.id.clone(),
            status: self.state,
            device_status: self.readings(),
            connection_health: self.connection.clone(),
            thermal_status: ThermalReport {
                temperature_score: self.heat,
                cooling_active: self.cooling.is_some(),
                cooling: self.cooling.clone(),
            },
            health_score: self.assessment.health,
            parts: self.assessment.parts,
            issues: self.assessment.issues.clone(),
        }
    }
}

/// Whether the backup could take over now, and why not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReadiness {
    /// The encoder held as backup; `None` for `cold`, `none`, or when none is free.
    pub encoder_id: Option<EncoderId>,
    /// Whether it could take over now.
    pub ready: bool,
    /// Why not, one line each.
    pub reasons: Vec<String>,
}

/// A stream with everything known about it now.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamView {
    /// The record, key included; show it masked.
    pub record: StreamRecord,
    /// Revision of the record in the store, for conditional writes.
    pub revision: u64,
    /// The backup.
    pub backup: BackupReadiness,
    /// How it is doing.
    pub health: StreamHealthReport,
    /// Recommendations that the configuration does not follow.
    pub warnings: Vec<Violation>,
    /// When the backup last confirmed that it holds the settings; `None` without a backup that did.
    pub last_config_sync: Option<Timestamp>,
}

/// How a stream is doing: the body of a `stream_health` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamHealthReport {
    /// The stream.
    pub stream_id: StreamId,
    /// One word.
    pub status: StreamCondition,
    /// The score of the encoder that publishes.
    pub health_score: Option<Health>,
    /// The encoder that publishes.
    pub encoder_id: EncoderId,
    /// Processor load in percent.
    pub cpu_usage: Option<f64>,
    /// Memory in percent.
    pub memory_usage: Option<f64>,
    /// Temperature.
    pub temperature: Option<Celsius>,
    /// Pictures dropped since the stream started.
    pub dropped_frames: Option<u64>,
    /// Measured bitrate: the device's own measurement, or else the ingest's.
    pub bitrate: Option<Bitrate>,
    /// Measured pictures per second: the device's own measurement, or else the ingest's.
    pub fps: Option<f64>,
    /// What arrives at the ingest; `None` without a witness, or while it says nothing.
    pub ingest: Option<IngestReport>,
    /// The backup.
    pub backup: BackupReadiness,
    /// What is wrong.
    pub issues: Vec<Issue>,
    /// When this was put together.
    pub updated_at: Timestamp,
}

/// What an [`IngestWitness`](crate::IngestWitness) sees of a stream, at its latest look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestReport {
    /// Name of the witness.
    pub witness: String,
    /// Whether media arrives: bytes are being received or, at an ingest that counts none, somebody
    /// publishes.
    pub receiving: bool,
    /// Since when without a pause; `None` while nothing arrives.
    pub since: Option<Timestamp>,
    /// Bitrate, as the ingest measures it.
    pub bitrate: Option<Bitrate>,
    /// Pictures per second, as the ingest tells them.
    pub fps: Option<f64>,
    /// Picture size, as the ingest tells it.
    pub resolution: Option<Resolution>,
    /// How many publish it; `None` where the ingest tells of no publishers.
    pub publishers: Option<usize>,
    /// The encoder that publishes it, when exactly one could be meant.
    pub encoder_id: Option<EncoderId>,
    /// How long the present publisher has been connected.
    pub connected_for_seconds: Option<f64>,
    /// When the witness looked.
    pub seen_at: Timestamp,
}

/// How many encoders are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetCounts {
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

/// How the balancer sees the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerReport {
    /// Name of the policy.
    pub policy: String,
    /// One row per encoder.
    pub encoders: Vec<LoadBalancerRow>,
    /// How even the load is.
    pub distribution: LoadDistribution,
}

/// One encoder as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerRow {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// Operator's preference.
    pub weight: f64,
    /// Share of its capacity in use, 0 to 1.
    pub load: f64,
    /// Its score.
    pub health_score: Option<Health>,
    /// Its heat.
    pub temperature_score: Option<Heat>,
    /// Streams it holds.
    pub streams: u32,
    /// Whether it may take a stream now.
    pub eligible: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

/// How even the load is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadDistribution {
    /// Variance of the loads.
    pub variance: f64,
    /// Highest load minus lowest.
    pub imbalance: f64,
}

/// Labels and everything else a stream carries that no policy reads.
pub type Labels = BTreeMap<String, String>;
