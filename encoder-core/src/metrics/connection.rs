//! What can be read of the way to an encoder.

use super::Reading;
use crate::model::{ConnectionPool, EncoderView, LatencyDistribution};

fn latency(view: &EncoderView) -> Option<LatencyDistribution> {
    view.connection.latency
}

fn pool(view: &EncoderView) -> Option<&ConnectionPool> {
    view.connection.pool.as_ref()
}

pub(super) const READINGS: [Reading; 13] = [
    (
        "encoder_connection_health_score",
        "How well it answers, 0 to 100, higher is better.",
        |view| view.connection.health_score.map(|health| health.value()),
    ),
    (
        "encoder_connection_stability",
        "1 never changes between answered and not, 0 changes with every request.",
        |view| view.connection.stability,
    ),
    (
        "encoder_connection_latency_p50_seconds",
        "Median time to answer a recent request.",
        |view| Some(latency(view)?.p50_ms / 1000.0),
    ),
    (
        "encoder_connection_latency_p99_seconds",
        "Time to answer that 99 of 100 recent requests did not exceed.",
        |view| Some(latency(view)?.p99_ms / 1000.0),
    ),
    (
        "encoder_connection_feed_reconnects",
        "Times its event feed came up again.",
        |view| Some(view.connection.reconnects.event_feed as f64),
    ),
    (
        "encoder_connection_returns",
        "Times it answered again after silence.",
        |view| Some(view.connection.reconnects.after_silence as f64),
    ),
    (
        "encoder_connection_patterns",
        "Patterns that its connection shows.",
        |view| Some(view.connection.patterns.len() as f64),
    ),
    (
        "encoder_pool_open_connections",
        "Connections to it that are open.",
        |view| Some(pool(view)?.open as f64),
    ),
    (
        "encoder_pool_idle_connections",
        "Of these, waiting for the next request.",
        |view| Some(pool(view)?.idle as f64),
    ),
    (
        "encoder_pool_opened_connections",
        "Connections opened since its driver was made.",
        |view| Some(pool(view)?.opened as f64),
    ),
    (
        "encoder_pool_closed_connections",
        "Connections closed since its driver was made.",
        |view| Some(pool(view)?.closed as f64),
    ),
    (
        "encoder_pool_reused_requests",
        "Requests over a connection that was open already.",
        |view| Some(pool(view)?.reused as f64),
    ),
    (
        "encoder_pool_oldest_connection_seconds",
        "Age of the oldest open one.",
        |view| pool(view)?.oldest_age_seconds,
    ),
];
