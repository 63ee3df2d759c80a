//! Scores and connections on the wire.

use crate::model::{
    ConnectionHealth, ConnectionPattern, ConnectionPool, LatencyDistribution, Prediction,
    Reconnects, SubScores,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{IssueDto, Time};

/// What a score is made of, each 0 to 100, higher is better; `null` where there is nothing to judge.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SubScores)]
pub struct SubScoresDto {
    /// Processor, memory and temperature.
    pub system: Option<f64>,
    /// Stream and input.
    pub stream: Option<f64>,
    /// The fullest medium.
    pub storage: Option<f64>,
    /// How the device answers.
    pub connection: Option<f64>,
}

impl From<SubScores> for SubScoresDto {
    fn from(parts: SubScores) -> Self {
        Self {
            system: parts.system.map(|health| health.value()),
            stream: parts.stream.map(|health| health.value()),
            storage: parts.storage.map(|health| health.value()),
            connection: parts.connection.map(|health| health.value()),
        }
    }
}

/// Connection quality, measured by the manager.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ConnectionHealth)]
pub struct ConnectionHealthDto {
    /// 0 to 100, higher is better.
    pub health_score: Option<f64>,
    /// Median time to answer.
    pub latency_ms: Option<f64>,
    /// Share of failed requests, 0 to 1.
    pub error_rate: Option<f64>,
    /// How the times to answer are distributed; `null` without any answer.
    pub latency: Option<LatencyDto>,
    /// 1 less the share of requests that turned out differently from the one before.
    pub stability: Option<f64>,
    /// How often it came back.
    pub reconnects: ReconnectsDto,
    /// What it does again and again.
    pub patterns: Vec<ConnectionPatternDto>,
    /// What is wrong with the connection.
    pub issues: Vec<IssueDto>,
    /// The next threshold that will be crossed; `null` with too little data, or without a trend.
    pub prediction: Option<PredictionDto>,
    /// The connections that are kept open; `null` for drivers that keep none.
    pub pool: Option<ConnectionPoolDto>,
}

impl From<ConnectionHealth> for ConnectionHealthDto {
    fn from(connection: ConnectionHealth) -> Self {
        let patterns = connection.patterns.into_iter();
        Self {
            health_score: connection.health_score.map(|health| health.value()),
            latency_ms: connection.latency_ms,
            error_rate: connection.error_rate,
            latency: connection.latency.map(LatencyDto::from),
            stability: connection.stability,
            reconnects: connection.reconnects.into(),
            patterns: patterns.map(ConnectionPatternDto::from).collect(),
            issues: connection.issues.iter().map(IssueDto::from).collect(),
            prediction: connection.prediction.map(PredictionDto::from),
            pool: connection.pool.map(ConnectionPoolDto::from),
        }
    }
}

/// Times to answer the most recent requests, by nearest rank.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LatencyDistribution)]
pub struct LatencyDto {
    /// Half of the answers took at most this long.
    pub p50_ms: f64,
    /// Nine of ten did.
    pub p90_ms: f64,
    /// Ninety-nine of a hundred did.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// How many answers there were.
    pub samples: usize,
}

impl From<LatencyDistribution> for LatencyDto {
    fn from(latency: LatencyDistribution) -> Self {
        Self {
            p50_ms: latency.p50_ms,
            p90_ms: latency.p90_ms,
            p99_ms: latency.p99_ms,
            max_ms: latency.max_ms,
            samples: latency.samples,
        }
    }
}

/// How often a connection came back since the encoder is watched.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Reconnects)]
pub struct ReconnectsDto {
    /// The device's event feed was lost and came up again.
    pub event_feed: u64,
    /// The device answered after at least one request without an answer.
    pub after_silence: u64,
    /// The latest of both.
    pub last_at: Option<Time>,
}

impl From<Reconnects> for ReconnectsDto {
    fn from(reconnects: Reconnects) -> Self {
        Self {
            event_feed: reconnects.event_feed,
            after_silence: reconnects.after_silence,
            last_at: reconnects.last_at.map(Time),
        }
    }
}

/// Something that a connection does again and again.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ConnectionPattern)]
pub struct ConnectionPatternDto {
    /// `periodic_loss`, `slow_degradation`, `flapping` or `time_of_day_load`.
    pub pattern: String,
    /// One line for people.
    pub message: String,
    /// Beginning of the data that shows it.
    pub since: Time,
    /// The figures that show it, one each.
    pub evidence: Vec<String>,
}

impl From<ConnectionPattern> for ConnectionPatternDto {
    fn from(pattern: ConnectionPattern) -> Self {
        Self {
            pattern: pattern.kind.as_str().to_owned(),
            message: pattern.message,
            since: pattern.since.into(),
            evidence: pattern.evidence,
        }
    }
}

/// When a figure that rises now will reach its threshold, if nothing changes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Prediction)]
pub struct PredictionDto {
    /// `latency_ms`, `error_rate` or `temperature`.
    pub metric: String,
    /// The threshold, in the figure's unit.
    pub threshold: f64,
    /// Best guess.
    pub expected_at: Time,
    /// Not before.
    pub earliest_at: Time,
    /// Not after; `null` when that is too far ahead to tell.
    pub latest_at: Option<Time>,
    /// How sure the interval is, between 0 and 1.
    pub confidence: f64,
    /// Readings it is based on.
    pub samples: usize,
    /// How long they reach back.
    pub based_on_seconds: f64,
}

impl From<Prediction> for PredictionDto {
    fn from(prediction: Prediction) -> Self {
        Self {
            metric: prediction.metric.as_str().to_owned(),
            threshold: prediction.threshold,
            expected_at: prediction.expected_at.into(),
            earliest_at: prediction.earliest_at.into(),
            latest_at: prediction.latest_at.map(Time),
            confidence: prediction.confidence,
            samples: prediction.samples,
            based_on_seconds: prediction.based_on_seconds,
        }
    }
}

/// The connections that a driver keeps open to one device, as far as answers show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ConnectionPool)]
pub struct ConnectionPoolDto {
    /// Open now.
    pub open: usize,
    /// Of these, with a request under way.
    pub in_use: usize,
    /// Of these, waiting for the next request.
    pub idle: usize,
    /// Opened since the driver was made.
    pub opened: u64,
    /// Requests that went over a connection that was open already.
    pub reused: u64,
    /// Closed since the driver was made, for whatever reason.
    pub closed: u64,
    /// Of these, at the end of their lifetime.
    pub retired: u64,
    /// Of these, because a request failed on them or the device had gone.
    pub broken: u64,
    /// Age of the oldest open one.
    pub oldest_age_seconds: Option<f64>,
    /// Most idle ones that are kept.
    pub max_idle: usize,
    /// How long an idle one is kept.
    pub idle_timeout_seconds: f64,
    /// How long one is used before another takes its place.
    pub lifetime_seconds: f64,
    /// What the latest failed request failed on.
    pub last_error: Option<String>,
    /// How long ago that was.
    pub last_error_age_seconds: Option<f64>,
}

impl From<ConnectionPool> for ConnectionPoolDto {
    fn from(pool: ConnectionPool) -> Self {
        Self {
            open: pool.open,
            in_use: pool.in_use,
            idle: pool.idle,
            opened: pool.opened,
            reused: pool.reused,
            closed: pool.closed,
            retired: pool.retired,
            broken: pool.broken,
            oldest_age_seconds: pool.oldest_age_seconds,
            max_idle: pool.max_idle,
            idle_timeout_seconds: pool.idle_timeout_seconds,
            lifetime_seconds: pool.lifetime_seconds,
            last_error: pool.last_error,
            last_error_age_seconds: pool.last_error_age_seconds,
        }
    }
}
