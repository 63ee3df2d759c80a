//! Performance on the wire.

use encoder_core::wire::{
    EncoderPerformanceDto, HistoryDto, LatencyDto, QueuesDto, RatesDto, Time, TrendDto,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::system::ProcessFigures;
use crate::traffic::RouteSnapshot;

/// The answer of `GET /api/monitoring/performance`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = PerformanceMonitor)]
pub struct PerformanceMonitorDto {
    /// When.
    pub timestamp: Time,
    /// How long news and answers take.
    pub latency: LatenciesDto,
    /// How often things happen.
    pub rates: RatesDto,
    /// What waits.
    pub queues: QueuesDto,
    /// What the server's process uses.
    pub process: ProcessFigures,
    /// Where the manager's own figures are heading, one entry for each.
    pub trends: Vec<TrendDto>,
    /// What was recorded of the manager, or with `encoder_id` of the encoder; `null` without
    /// `from`, `to`, `step` and `metric`.
    pub history: Option<HistoryDto>,
    /// The encoders.
    pub encoders: Vec<EncoderPerformanceDto>,
}

/// How long news and answers take, over the last five minutes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Latencies)]
pub struct LatenciesDto {
    /// From the observation at a device to the socket of a client; `null` without a delivery.
    pub event_delivery: Option<LatencyDto>,
    /// The routes with the most requests since the start.
    pub api: Vec<RouteLatencyDto>,
}

/// The requests of one route.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RouteLatency)]
pub struct RouteLatencyDto {
    /// The route's template; `unmatched` for paths that nobody has.
    pub route: String,
    /// The method.
    pub method: String,
    /// Requests since the start.
    pub requests: u64,
    /// Those of them that failed by a fault of the server (5xx).
    pub failures: u64,
    /// Times to answer; `null` without a recent request.
    pub latency: Option<LatencyDto>,
}

impl From<RouteSnapshot> for RouteLatencyDto {
    fn from(route: RouteSnapshot) -> Self {
        Self {
            route: route.route,
            method: route.method,
            requests: route.count,
            failures: route.failures,
            latency: route.latency.map(LatencyDto::from),
        }
    }
}
