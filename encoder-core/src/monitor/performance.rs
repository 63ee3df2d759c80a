//! Figures of the manager and of what it asks its devices.

use super::FeedRates;
use super::forecast::{Forecast, Heading, Silence};
use crate::model::{EncoderId, EncoderView, LatencyDistribution, Timestamp};
use crate::trend::Band;

/// Figures of the manager itself and of each encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct PerformanceReport {
    /// When.
    pub at: Timestamp,
    /// The live feed.
    pub feed: FeedRates,
    /// What waits inside the manager.
    pub queues: QueueDepths,
    /// The encoders, by name.
    pub encoders: Vec<EncoderPerformance>,
}

/// What waits inside the manager now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepths {
    /// Events that some subscriber of the bus has not taken yet.
    pub event_bus: usize,
    /// Commands that wait for the tasks of all streams.
    pub stream_commands: usize,
    /// Commands that wait for the task with the most of them.
    pub stream_commands_max: usize,
    /// Commands that wait for the store; `None` for a store without a queue.
    pub store: Option<usize>,
}

/// How an encoder answers, and where its figures are heading.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderPerformance {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// Times to answer of the most recent requests; `None` before the first answer.
    pub latency: Option<LatencyDistribution>,
    /// Share of the most recent requests that failed; `None` before the first one.
    pub error_rate: Option<f64>,
    /// One entry for each figure, also for those that the device does not report.
    pub trends: Vec<MetricOutlook>,
}

impl EncoderPerformance {
    pub(crate) fn new(view: EncoderView, trends: Vec<MetricOutlook>) -> Self {
        Self {
            encoder_id: view.spec.id,
            latency: view.connection.latency,
            error_rate: view.connection.error_rate,
            trends,
        }
    }
}

/// A figure of an encoder whose trend is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TrendMetric {
    /// Median time to answer, in milliseconds.
    LatencyMs,
    /// °C.
    Temperature,
    /// Processor load in percent.
    CpuPercent,
    /// Memory in use in percent.
    MemoryPercent,
    /// Use of the fullest medium in percent.
    StoragePercent,
}

impl TrendMetric {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LatencyMs => "latency_ms",
            Self::Temperature => "temperature",
            Self::CpuPercent => "cpu_percent",
            Self::MemoryPercent => "memory_percent",
            Self::StoragePercent => "storage_percent",
        }
    }
}

/// Where one figure is heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricOutlook {
    /// The figure.
    pub metric: TrendMetric,
    /// The trend and its continuation, or why there is none.
    pub heading: Result<Heading, Silence>,
    /// The last reading, from which a forecast counts.
    pub last_at: Timestamp,
}

impl MetricOutlook {
    pub(crate) fn new(
        metric: TrendMetric,
        heading: Result<Heading, Silence>,
        last_at: Timestamp,
    ) -> Self {
        Self {
            metric,
            heading,
            last_at,
        }
    }

    /// Change per hour, with its interval.
    pub fn slope_per_hour(&self) -> Option<Band> {
        let slope = self.heading.ok()?.trend.slope;
        Some(Band {
            low: slope.low * 3600.0,
            expected: slope.expected * 3600.0,
            high: slope.high * 3600.0,
        })
    }

    /// The forecast, and when it is for.
    pub fn forecast(&self) -> Option<(Timestamp, Forecast)> {
        let forecast = self.heading.ok()?.forecast;
        Some((self.last_at.plus(forecast.ahead), forecast))
    }
}
