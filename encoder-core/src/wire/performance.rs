//! Performance on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{LatencyDto, Time};
use crate::monitor::{EncoderPerformance, EventRates, MetricOutlook, PerSecond, PerformanceReport};

/// How often something happens, per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = PerSecond)]
pub struct PerSecondDto {
    /// Mean of the last minute.
    pub one_minute: f64,
    /// Mean of the last five minutes.
    pub five_minutes: f64,
}

impl From<PerSecond> for PerSecondDto {
    fn from(rate: PerSecond) -> Self {
        let round = |rate: f64| (rate * 1000.0).round() / 1000.0;
        Self {
            one_minute: round(rate.one_minute),
            five_minutes: round(rate.five_minutes),
        }
    }
}

/// How often things happen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Rates)]
pub struct RatesDto {
    /// Live events, by name; kinds that never occurred are left out.
    pub events: BTreeMap<String, EventRatesDto>,
    /// Messages of clients of the live feed.
    pub client_messages: PerSecondDto,
    /// The same since the start.
    pub client_messages_total: u64,
    /// How often a client was told that events are missing, since the start.
    pub sequence_gaps_total: u64,
    /// Requests answered.
    pub requests: PerSecondDto,
}

/// One kind of live event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EventRates)]
pub struct EventRatesDto {
    /// Put on the bus.
    pub published: PerSecondDto,
    /// Handed to clients' sockets; several clients count several times.
    pub delivered: PerSecondDto,
    /// Left out for clients that do not keep up.
    pub dropped: PerSecondDto,
    /// Since the start.
    pub published_total: u64,
    /// Since the start.
    pub delivered_total: u64,
    /// Since the start.
    pub dropped_total: u64,
}

impl From<EventRates> for EventRatesDto {
    fn from(rates: EventRates) -> Self {
        Self {
            published: rates.published.into(),
            delivered: rates.delivered.into(),
            dropped: rates.dropped.into(),
            published_total: rates.published_total,
            delivered_total: rates.delivered_total,
            dropped_total: rates.dropped_total,
        }
    }
}

/// What waits now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Queues)]
pub struct QueuesDto {
    /// Open connections of the live feed.
    pub clients: usize,
    /// Events that wait for all clients.
    pub client_events_total: usize,
    /// Events that wait for the slowest client.
    pub client_events_max: usize,
    /// Events that some part of the manager or some connection has not taken yet.
    pub event_bus: usize,
    /// Commands that wait for the tasks of all streams.
    pub stream_commands_total: usize,
    /// Commands that wait for the task with the most of them.
    pub stream_commands_max: usize,
    /// Commands that wait for the store; `null` for a store without a queue.
    pub store: Option<usize>,
}

/// How an encoder answers, and where its figures are heading.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderPerformance)]
pub struct EncoderPerformanceDto {
    /// The encoder.
    pub encoder_id: String,
    /// Median time to answer; `null` before the first answer.
    pub latency_ms: Option<f64>,
    /// Times to answer of the most recent requests; `null` before the first answer.
    pub latency: Option<LatencyDto>,
    /// Share of the most recent requests that failed; `null` before the first one.
    pub error_rate: Option<f64>,
    /// One entry for each figure.
    pub trends: Vec<TrendDto>,
}

impl From<EncoderPerformance> for EncoderPerformanceDto {
    fn from(encoder: EncoderPerformance) -> Self {
        let latency = encoder.latency.map(LatencyDto::from);
        Self {
            encoder_id: encoder.encoder_id.to_string(),
            latency_ms: latency.as_ref().map(|latency| latency.p50_ms),
            latency,
            error_rate: encoder.error_rate,
            trends: encoder.trends.iter().map(TrendDto::from).collect(),
        }
    }
}

/// Where a figure is heading, or why that cannot be said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Trend)]
pub struct TrendDto {
    /// The figure, by the name that it is recorded under.
    pub metric: String,
    /// The line; `null` when there is none.
    pub trend: Option<SlopeDto>,
    /// Its continuation; `null` when nothing can be said.
    pub forecast: Option<ForecastDto>,
    /// Why not: `noise` or `too_little_data`.
    pub reason: Option<String>,
}

/// Change per hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Slope)]
pub struct SlopeDto {
    /// Best guess.
    pub slope_per_hour: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// What a figure will be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub struct ForecastDto {
    /// When.
    pub at: Time,
    /// Lower end of the interval.
    pub low: f64,
    /// Best guess.
    pub expected: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// How often readings lie in such an interval, 0 to 1.
    pub confidence: f64,
}

impl From<&MetricOutlook> for TrendDto {
    fn from(outlook: &MetricOutlook) -> Self {
        let trend = outlook.slope_per_hour().map(|slope| SlopeDto {
            slope_per_hour: slope.expected,
            low: slope.low,
            high: slope.high,
        });
        let forecast = outlook.forecast().map(|(at, forecast)| ForecastDto {
            at: at.into(),
            low: forecast.value.low,
            expected: forecast.value.expected,
            high: forecast.value.high,
            confidence: forecast.confidence,
        });
        let reason = outlook.heading.err();
        Self {
            metric: outlook.metric.as_str().to_owned(),
            trend,
            forecast,
            reason: reason.map(|reason| reason.as_str().to_owned()),
        }
    }
}

impl RatesDto {
    /// From the feed's figures and the rate of requests.
    pub fn new(report: &PerformanceReport, requests: PerSecond) -> Self {
        let feed = &report.feed;
        let events = feed.events.iter();
        Self {
            events: events
                .map(|(name, rates)| ((*name).to_owned(), (*rates).into()))
                .collect(),
            client_messages: feed.client_messages.into(),
            client_messages_total: feed.client_messages_total,
            sequence_gaps_total: feed.gaps_total,
            requests: requests.into(),
        }
    }
}

/// What a manager knows of its own performance; a server adds what it knows of its clients.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ManagerPerformance)]
pub struct ManagerPerformanceDto {
    /// When.
    pub timestamp: Time,
    /// How long news of a device take to the feed; `null` before the first.
    pub event_delivery: Option<LatencyDto>,
    /// How often each kind of event happens; kinds that never occurred are left out.
    pub events: BTreeMap<String, EventRatesDto>,
    /// Events that some part of the manager or some feed has not taken yet.
    pub event_bus: usize,
    /// Commands that wait for the tasks of all streams.
    pub stream_commands_total: usize,
    /// Commands that wait for the task with the most of them.
    pub stream_commands_max: usize,
    /// Commands that wait for the store; `null` for a store without a queue.
    pub store: Option<usize>,
    /// Where the manager's own figures are heading.
    pub trends: Vec<TrendDto>,
    /// The same of each encoder.
    pub encoders: Vec<EncoderPerformanceDto>,
}

impl From<PerformanceReport> for ManagerPerformanceDto {
    fn from(report: PerformanceReport) -> Self {
        let rates = |(name, rates): (&&str, &EventRates)| ((*name).to_owned(), (*rates).into());
        Self {
            timestamp: report.at.into(),
            event_delivery: report.feed.delivery.map(LatencyDto::from),
            events: report.feed.events.iter().map(rates).collect(),
            event_bus: report.queues.event_bus,
            stream_commands_total: report.queues.stream_commands,
            stream_commands_max: report.queues.stream_commands_max,
            store: report.queues.store,
            trends: report.trends.iter().map(TrendDto::from).collect(),
            encoders: report.encoders.into_iter().map(Into::into).collect(),
        }
    }
}
