//! Streams on the wire.

use std::collections::BTreeMap;

use crate::model::{
    BackupReadiness, MASK, StreamConfig, StreamHealthReport, StreamView, Violation,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AdaptationDto, IngestReportDto, IssueDto, Time, name};

/// The encoder that publishes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Primary)]
pub struct PrimaryDto {
    /// The encoder.
    pub encoder_id: String,
    /// Where the stream is in its life on it.
    pub state: String,
}

/// The encoder that takes over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Backup)]
pub struct BackupDto {
    /// The encoder; `null` when none is held.
    pub encoder_id: Option<String>,
    /// Whether it could take over now.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

impl From<BackupReadiness> for BackupDto {
    fn from(backup: BackupReadiness) -> Self {
        Self {
            encoder_id: backup.encoder_id.map(String::from),
            ready: backup.ready,
            reasons: backup.reasons,
        }
    }
}

/// Encoding settings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamConfig)]
pub struct StreamConfigDto {
    /// Picture size.
    #[schema(example = "1920x1080")]
    pub resolution: String,
    /// Video bitrate in bits per second.
    pub bitrate: u64,
    /// Pictures per second.
    #[schema(value_type = f64)]
    pub fps: serde_json::Value,
    /// Time between key frames.
    #[schema(value_type = f64)]
    pub keyframe_interval_seconds: serde_json::Value,
    /// Audio bitrate in bits per second.
    pub audio_bitrate: u64,
}

impl From<&StreamConfig> for StreamConfigDto {
    fn from(config: &StreamConfig) -> Self {
        Self {
            resolution: config.resolution.to_string(),
            bitrate: config.bitrate.0,
            fps: number(config.fps.fps()),
            keyframe_interval_seconds: number(config.keyframe_interval.as_secs_f64()),
            audio_bitrate: config.audio_bitrate.0,
        }
    }
}

/// `30`, not `30.0`, where it is whole.
pub(super) fn number(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// A recommendation that was not followed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Warning)]
pub struct WarningDto {
    /// The field.
    pub field: String,
    /// Stable name of the recommendation.
    pub code: String,
    /// One line.
    pub message: String,
    /// A better value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended: Option<serde_json::Value>,
}

impl From<Violation> for WarningDto {
    fn from(violation: Violation) -> Self {
        Self {
            field: violation.field,
            code: violation.code,
            message: violation.message,
            recommended: violation.recommended,
        }
    }
}

/// Where a stream goes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Destination)]
pub struct DestinationDto {
    /// Server and application, without the key.
    pub url: String,
    /// Second address.
    pub backup_url: Option<String>,
    /// How the ingest treats a second publisher.
    pub personality: String,
    /// How long the ingest keeps a publisher that vanished.
    pub idle_timeout_seconds: Option<f64>,
}

/// A stream.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Stream)]
pub struct StreamDto {
    /// Its id.
    pub stream_id: String,
    /// Revision of the record in the store, for conditional writes; what the manager itself changes
    /// counts as well. Over HTTP its `ETag` is the same in quotes.
    pub revision: u64,
    /// Masked, except in the answer to init and with `?reveal=key`.
    pub stream_key: String,
    /// Where the encoder that is on air publishes.
    pub rtmp_url: String,
    /// `starting`, `live`, `degraded`, `failing_over`, `stopping`, `stopped` or `failed`.
    pub state: String,
    /// Title for people.
    pub name: Option<String>,
    /// The encoder that publishes.
    pub primary: PrimaryDto,
    /// The encoder that takes over.
    pub backup: BackupDto,
    /// `hot`, `warm`, `cold` or `none`.
    pub protection: String,
    /// Encoding settings, as asked for.
    pub config: StreamConfigDto,
    /// What it runs with instead; `null` while it runs with what was asked for.
    pub adaptation: Option<AdaptationDto>,
    /// Where it goes.
    pub destination: DestinationDto,
    /// Recommendations that the configuration does not follow.
    pub warnings: Vec<WarningDto>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Why it failed, when it did.
    pub failure: Option<String>,
    /// When it was accepted.
    pub created_at: Time,
    /// When it first went live.
    pub live_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
}

impl std::fmt::Debug for StreamDto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamDto")
            .field("stream_id", &self.stream_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl From<StreamView> for StreamDto {
    fn from(view: StreamView) -> Self {
        let record = view.record;
        Self {
            stream_id: record.id.to_string(),
            revision: view.revision,
            stream_key: MASK.to_owned(),
            rtmp_url: record.url(record.primary.slot).to_owned(),
            state: record.state.as_str().to_owned(),
            primary: PrimaryDto {
                encoder_id: record.primary.encoder_id.to_string(),
                state: record.state.as_str().to_owned(),
            },
            backup: view.backup.into(),
            protection: name(&record.protection),
            config: StreamConfigDto::from(&record.config),
            adaptation: record.adaptation.map(AdaptationDto::from),
            destination: DestinationDto {
                url: record.destination.url,
                backup_url: record.destination.backup_url,
                personality: name(&record.destination.personality),
                idle_timeout_seconds: record.destination.idle_timeout.map(|t| t.as_secs_f64()),
            },
            warnings: view.warnings.into_iter().map(WarningDto::from).collect(),
            name: record.name,
            labels: record.labels,
            failure: record.failure,
            created_at: record.created_at.into(),
            live_at: record.live_at.map(Time),
            updated_at: record.updated_at.into(),
        }
    }
}

impl StreamDto {
    /// With the stream key in clear, for its owner.
    pub fn revealed(view: StreamView) -> Self {
        let key = view.record.stream_key.clone();
        let mut document = Self::from(view);
        document.stream_key.clone_from(key.expose());
        document
    }
}

/// The answer to a change of a stream's configuration: the settings, by themselves and, as in a
/// stream, under `config`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamConfigAnswer)]
pub struct ConfigAnswer {
    /// The stream.
    pub stream_id: String,
    /// The settings.
    #[serde(flatten)]
    pub settings: StreamConfigDto,
    /// The settings, as in a stream.
    pub config: StreamConfigDto,
    /// Recommendations that they do not follow.
    pub warnings: Vec<WarningDto>,
    /// Whether the backup has them too.
    pub backup: BackupDto,
}

impl From<StreamView> for ConfigAnswer {
    fn from(view: StreamView) -> Self {
        let config = StreamConfigDto::from(&view.record.config);
        Self {
            stream_id: view.record.id.to_string(),
            settings: config.clone(),
            config,
            warnings: view.warnings.into_iter().map(WarningDto::from).collect(),
            backup: view.backup.into(),
        }
    }
}

/// How a stream is doing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamHealth)]
pub struct StreamHealthDto {
    /// The stream.
    pub stream_id: String,
    /// `healthy`, `degraded`, `failing` or `failed`.
    pub status: String,
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// The encoder that publishes.
    pub encoder_id: String,
    /// Processor load in percent.
    pub cpu_usage: Option<f64>,
    /// Memory in percent.
    pub memory_usage: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
    /// Pictures dropped since the stream started.
    pub dropped_frames: Option<u64>,
    /// Measured bits per second, by the device or else by the ingest.
    pub bitrate: Option<u64>,
    /// Measured pictures per second, by the device or else by the ingest.
    pub fps: Option<f64>,
    /// What arrives at the ingest; `null` when it is not watched or says nothing.
    pub ingest: Option<IngestReportDto>,
    /// The backup.
    pub backup: BackupDto,
    /// What is wrong.
    pub issues: Vec<IssueDto>,
    /// Number of the stream's latest live event.
    pub sequence: u64,
    /// When this was put together.
    pub updated_at: Time,
}

impl StreamHealthDto {
    /// From the report and the sequence of the stream's latest event.
    pub fn new(report: StreamHealthReport, sequence: u64) -> Self {
        Self {
            stream_id: report.stream_id.to_string(),
            status: name(&report.status),
            health_score: report.health_score.map(|health| health.value()),
            encoder_id: report.encoder_id.to_string(),
            cpu_usage: report.cpu_usage,
            memory_usage: report.memory_usage,
            temperature: report.temperature.map(|celsius| celsius.0),
            dropped_frames: report.dropped_frames,
            bitrate: report.bitrate.map(|bitrate| bitrate.0),
            fps: report.fps,
            ingest: report.ingest.map(IngestReportDto::from),
            backup: report.backup.into(),
            issues: report.issues.iter().map(IssueDto::from).collect(),
            sequence,
            updated_at: report.updated_at.into(),
        }
    }
}
