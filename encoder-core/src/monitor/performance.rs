//! Figures of the manager and of what it asks its devices.

use super::FeedRates;
use super::forecast::{Forecast, Heading, Silence};
use super::series::Metric;
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
    /// Where the manager's own figures are heading; one entry for each, also for those that
    /// nobody records.
    pub trends: Vec<MetricOutlook>,
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

/// The manager's own figures as they are recorded.
pub(crate) fn readings(feed: &FeedRates, queues: QueueDepths) -> Vec<(Metric, f64)> {
    let events = feed.events.values();
    let latency = feed.delivery.as_ref().map(|delivery| delivery.p99_ms);
    let mut readings = vec![
        (
            Metric::EventsPerSecond,
            events.map(|rates| rates.published.one_minute).sum(),
        ),
        (Metric::EventBacklog, queues.event_bus as f64),
        (Metric::StreamCommands, queues.stream_commands as f64),
    ];
    readings.extend(latency.map(|ms| (Metric::EventLatencyMs, ms)));
    readings.extend(queues.store.map(|count| (Metric::StoreQueue, count as f64)));
    readings
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

/// Where one figure is heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricOutlook {
    /// The figure.
    pub metric: Metric,
    /// The trend and its continuation, or why there is none.
    pub heading: Result<Heading, Silence>,
    /// The last reading, from which a forecast counts.
    pub last_at: Timestamp,
}

impl MetricOutlook {
    pub(crate) fn new(
        metric: Metric,
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
