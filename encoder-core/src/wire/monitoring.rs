//! Monitoring on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{BackupDto, IssueDto, StreamConfigDto, Time, name};
use crate::model::{Alert, EncoderId, LoadBalancerReport, StreamRecord, StreamView};

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct AlertDto {
    /// Its id.
    pub alert_id: String,
    /// What it is about.
    pub category: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `firing`, `acknowledged` or `resolved`.
    pub state: String,
    /// The encoder concerned.
    pub encoder_id: Option<String>,
    /// The stream concerned.
    pub stream_id: Option<String>,
    /// Issue code.
    pub code: String,
    /// One line.
    pub summary: String,
    /// A few lines.
    pub description: String,
    /// What could be done.
    pub suggested_actions: Vec<String>,
    /// Since when.
    pub started_at: Time,
    /// Until when.
    pub resolved_at: Option<Time>,
}

impl From<Alert> for AlertDto {
    fn from(alert: Alert) -> Self {
        Self {
            alert_id: alert.alert_id.to_string(),
            category: alert.category,
            severity: alert.severity.as_str().to_owned(),
            state: name(&alert.state),
            encoder_id: alert.encoder_id.map(String::from),
            stream_id: alert.stream_id.map(String::from),
            code: alert.code,
            summary: alert.summary,
            description: alert.description,
            suggested_actions: alert.suggested_actions,
            started_at: alert.started_at.into(),
            resolved_at: alert.resolved_at.map(Time),
        }
    }
}

/// How the balancer sees the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LoadBalancer)]
pub struct LoadBalancerDto {
    /// Name of the policy.
    pub policy: String,
    /// One row per encoder.
    pub encoders: Vec<LoadBalancerRowDto>,
    /// How even the load is.
    pub distribution: DistributionDto,
}

/// One encoder as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LoadBalancerRow)]
pub struct LoadBalancerRowDto {
    /// The encoder.
    pub encoder_id: String,
    /// Operator's preference.
    pub weight: f64,
    /// Share of its capacity in use, 0 to 1.
    pub load: f64,
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// 0 to 100, higher is hotter.
    pub temperature_score: Option<f64>,
    /// Streams it holds.
    pub streams: u32,
    /// Whether it may take a stream now.
    pub eligible: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

/// How even the load is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LoadDistribution)]
pub struct DistributionDto {
    /// Variance of the loads.
    pub variance: f64,
    /// Highest load minus lowest.
    pub imbalance: f64,
}

impl From<LoadBalancerReport> for LoadBalancerDto {
    fn from(report: LoadBalancerReport) -> Self {
        let rows = report.encoders.into_iter().map(|row| LoadBalancerRowDto {
            encoder_id: row.encoder_id.to_string(),
            weight: row.weight,
            load: row.load,
            health_score: row.health_score.map(|health| health.value()),
            temperature_score: row.temperature_score.map(|heat| heat.value()),
            streams: row.streams,
            eligible: row.eligible,
            reasons: row.reasons,
        });
        Self {
            policy: report.policy,
            encoders: rows.collect(),
            distribution: DistributionDto {
                variance: report.distribution.variance,
                imbalance: report.distribution.imbalance,
            },
        }
    }
}

/// How many streams are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StreamCounts)]
pub struct StreamCountsDto {
    /// All of them, recently stopped ones included.
    pub total: usize,
    /// Those that hold encoders.
    pub active: usize,
    /// By state; states without a stream are left out.
    pub by_state: BTreeMap<String, usize>,
}

impl StreamCountsDto {
    /// Counts.
    pub fn of(streams: &[StreamView]) -> Self {
        let mut counts = Self {
            total: streams.len(),
            ..Self::default()
        };
        for stream in streams {
            let state = stream.record.state;
            counts.active += usize::from(state.is_active());
            *counts
                .by_state
                .entry(state.as_str().to_owned())
                .or_default() += 1;
        }
        counts
    }
}

/// How a stream is doing, for an overview.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamOverview)]
pub struct StreamOverviewDto {
    /// `healthy`, `degraded`, `failing` or `failed`.
    pub status: String,
    /// What is wrong.
    pub issues: Vec<IssueDto>,
    /// Its figures.
    pub metrics: StreamFiguresDto,
    /// Whether the backup could take over now.
    pub backup_available: bool,
    /// When the backup last confirmed the settings; `null` without a backup that did.
    pub last_config_sync: Option<Time>,
}

/// Figures of a stream, `null` where the device does not report them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StreamFigures)]
pub struct StreamFiguresDto {
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// Measured bits per second.
    pub bitrate: Option<u64>,
    /// Measured pictures per second.
    pub fps: Option<f64>,
    /// Pictures dropped since the stream started.
    pub dropped_frames: Option<u64>,
    /// Processor load of the encoder in percent.
    pub cpu_usage: Option<f64>,
    /// Memory of the encoder in percent.
    pub memory_usage: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
}

impl From<StreamView> for StreamOverviewDto {
    fn from(view: StreamView) -> Self {
        let health = view.health;
        Self {
            status: name(&health.status),
            issues: health.issues.iter().map(IssueDto::from).collect(),
            metrics: StreamFiguresDto {
                health_score: health.health_score.map(|health| health.value()),
                bitrate: health.bitrate.map(|bitrate| bitrate.0),
                fps: health.fps,
                dropped_frames: health.dropped_frames,
                cpu_usage: health.cpu_usage,
                memory_usage: health.memory_usage,
                temperature: health.temperature.map(|celsius| celsius.0),
            },
            backup_available: BackupDto::from(view.backup).ready,
            last_config_sync: view.last_config_sync.map(Time::from),
        }
    }
}

/// What an encoder is meant to do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderAssignments)]
pub struct AssignmentsDto {
    /// The encoder.
    pub primary_id: String,
    /// The backups of the streams it publishes.
    pub backup_ids: Vec<String>,
    /// The streams it publishes.
    pub active_streams: Vec<String>,
    /// The settings it publishes with; `null` when it publishes nothing.
    pub config: Option<StreamConfigDto>,
}

impl AssignmentsDto {
    /// What that encoder is meant to do, given all streams.
    pub fn new(id: &EncoderId, streams: &[StreamView]) -> Self {
        let records = streams.iter().map(|view| &view.record);
        let publishes =
            |record: &&StreamRecord| record.state.is_active() && record.primary.encoder_id == *id;
        let published: Vec<_> = records.filter(publishes).collect();
        let backups = published.iter().filter_map(|record| record.backup.as_ref());
        Self {
            primary_id: id.to_string(),
            backup_ids: backups
                .map(|backup| backup.encoder_id.to_string())
                .collect(),
            active_streams: published
                .iter()
                .map(|record| record.id.to_string())
                .collect(),
            config: published
                .first()
                .map(|record| StreamConfigDto::from(&record.config)),
        }
    }
}
