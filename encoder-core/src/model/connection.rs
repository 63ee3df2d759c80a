//! The connection to an encoder as data: how it is, what it does again and again, and where it is
//! heading.

use serde::{Deserialize, Serialize};

use super::{Health, Issue, Timestamp};

/// Connection quality, measured by the manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionHealth {
    /// 0 to 100; `None` without any request yet.
    pub health_score: Option<Health>,
    /// Median time to answer, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Share of failed requests, 0 to 1.
    pub error_rate: Option<f64>,
    /// How the times to answer are distributed; `None` without any answer.
    #[serde(default)]
    pub latency: Option<LatencyDistribution>,
    /// 1 less the share of requests that turned out differently from the one before, where the
    /// outcome is answered or not: 1 never changes, 0 changes every time. `None` before the second
    /// request.
    #[serde(default)]
    pub stability: Option<f64>,
    /// How often it came back.
    #[serde(default)]
    pub reconnects: Reconnects,
    /// What it does again and again.
    #[serde(default)]
    pub patterns: Vec<ConnectionPattern>,
    /// What is wrong with the connection.
    pub issues: Vec<Issue>,
    /// The next threshold that will be crossed; `None` with too little data, or without a trend.
    pub prediction: Option<Prediction>,
    /// The connections that are kept open; `None` where the driver keeps none or cannot tell.
    #[serde(default)]
    pub pool: Option<ConnectionPool>,
}

/// Times to answer in milliseconds, by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyDistribution {
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

impl LatencyDistribution {
    /// Nearest ranks over `samples` ascending values, told in milliseconds by their places: the
    /// smallest that this share of all does not exceed. `None` of nothing.
    pub(crate) fn of_sorted(samples: usize, value: impl Fn(usize) -> f64) -> Option<Self> {
        let last = samples.checked_sub(1)?;
        let rank = |percent: usize| value(((samples * percent).div_ceil(100).max(1) - 1).min(last));
        Some(Self {
            p50_ms: rank(50),
            p90_ms: rank(90),
            p99_ms: rank(99),
            max_ms: rank(100),
            samples,
        })
    }
}

/// How often a connection came back since the encoder is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnects {
    /// The device's event feed was lost and came up again.
    pub event_feed: u64,
    /// The device gave a sign of life after at least one request without an answer.
    pub after_silence: u64,
    /// The latest of both.
    pub last_at: Option<Timestamp>,
}

/// What a connection may do again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PatternKind {
    /// Requests are lost at a regular period.
    PeriodicLoss,
    /// Answers take ever longer.
    SlowDegradation,
    /// Up and down again and again.
    Flapping,
    /// Slow at certain hours of the day.
    TimeOfDayLoad,
}

impl PatternKind {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PeriodicLoss => "periodic_loss",
            Self::SlowDegradation => "slow_degradation",
            Self::Flapping => "flapping",
            Self::TimeOfDayLoad => "time_of_day_load",
        }
    }
}

/// Something that a connection does again and again, with what shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionPattern {
    /// What.
    #[serde(rename = "pattern")]
    pub kind: PatternKind,
    /// One line for people.
    pub message: String,
    /// Beginning of the data that shows it.
    pub since: Timestamp,
    /// The figures that show it, such as `period_seconds=60.0` and `periods=7`.
    pub evidence: Vec<String>,
}

/// What a prediction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PredictedMetric {
    /// Median time to answer, in milliseconds.
    LatencyMs,
    /// Share of failed requests, 0 to 1.
    ErrorRate,
    /// Temperature in °C.
    Temperature,
}

impl PredictedMetric {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LatencyMs => "latency_ms",
            Self::ErrorRate => "error_rate",
            Self::Temperature => "temperature",
        }
    }
}

/// When a figure that rises now will reach its threshold, if nothing changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Which figure.
    pub metric: PredictedMetric,
    /// The threshold, in the figure's unit.
    pub threshold: f64,
    /// Best guess.
    pub expected_at: Timestamp,
    /// Not before.
    pub earliest_at: Timestamp,
    /// Not after; `None` when that is too far ahead to tell.
    pub latest_at: Option<Timestamp>,
    /// How sure the interval is, between 0 and 1.
    pub confidence: f64,
    /// Readings it is based on.
    pub samples: usize,
    /// How long they reach back.
    pub based_on_seconds: f64,
}

/// The connections that a driver keeps open to one device, as far as answers show it: a connection
/// is known from its first answer, and one that the device closes is missed at the next request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionPool {
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
    /// What the latest request failed on, if one did.
    pub last_error: Option<String>,
    /// How long ago that was.
    pub last_error_age_seconds: Option<f64>,
}
