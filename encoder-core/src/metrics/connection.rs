//! What can be read of the way to an encoder.

use super::declare::{Declaration, Unit};
use super::encoder::{Of, REQUEST_SECONDS, counter, gauge};

pub(super) static READINGS: [Of; 15] = [
    Of::measured(REQUEST_SECONDS, |sample| sample.answers.clone()),
    Of::several(
        Declaration::counter(
            "encoder_request_failures_total",
            &["encoder_id", "kind"],
            "Status polls that failed, by kind of error.",
        ),
        |sample, to| {
            for (kind, count) in &sample.counted.failures {
                to.put(&[kind], *count as f64);
            }
        },
    ),
    Of::one(
        gauge(
            "encoder_connection_health_score",
            Unit::Score,
            "How well it answers, higher is better.",
        ),
        |sample| {
            sample
                .view
                .connection
                .health_score
                .map(|health| health.value())
        },
    ),
    Of::one(
        gauge(
            "encoder_connection_stability_ratio",
            Unit::Ratio,
            "1 never changes between answered and not, 0 changes with every request.",
        ),
        |sample| sample.view.connection.stability,
    ),
    Of::one(
        gauge(
            "encoder_connection_latency_p50_seconds",
            Unit::Seconds,
            "Median time to answer a recent request.",
        ),
        |sample| Some(sample.view.connection.latency?.p50_ms / 1000.0),
    ),
    Of::one(
        gauge(
            "encoder_connection_latency_p99_seconds",
            Unit::Seconds,
            "Time to answer that 99 of 100 recent requests did not exceed.",
        ),
        |sample| Some(sample.view.connection.latency?.p99_ms / 1000.0),
    ),
    Of::one(
        counter(
            "encoder_connection_feed_reconnects_total",
            "Times its event feed came up again.",
        ),
        |sample| Some(sample.view.connection.reconnects.event_feed as f64),
    ),
    Of::one(
        counter(
            "encoder_connection_returns_total",
            "Times it answered again after silence.",
        ),
        |sample| Some(sample.view.connection.reconnects.after_silence as f64),
    ),
    Of::one(
        gauge(
            "encoder_connection_patterns",
            Unit::Count,
            "Patterns that its connection shows.",
        ),
        |sample| Some(sample.view.connection.patterns.len() as f64),
    ),
    Of::one(
        gauge(
            "encoder_pool_open_connections",
            Unit::Count,
            "Connections to it that are open.",
        ),
        |sample| Some(sample.pool()?.open as f64),
    ),
    Of::one(
        gauge(
            "encoder_pool_idle_connections",
            Unit::Count,
            "Of these, waiting for the next request.",
        ),
        |sample| Some(sample.pool()?.idle as f64),
    ),
    Of::one(
        counter(
            "encoder_pool_connections_opened_total",
            "Connections opened since its driver was made.",
        ),
        |sample| Some(sample.pool()?.opened as f64),
    ),
    Of::one(
        counter(
            "encoder_pool_connections_closed_total",
            "Connections closed since its driver was made.",
        ),
        |sample| Some(sample.pool()?.closed as f64),
    ),
    Of::one(
        counter(
            "encoder_pool_requests_reused_total",
            "Requests over a connection that was open already.",
        ),
        |sample| Some(sample.pool()?.reused as f64),
    ),
    Of::one(
        gauge(
            "encoder_pool_oldest_connection_seconds",
            Unit::Seconds,
            "Age of the oldest open one.",
        ),
        |sample| sample.pool()?.oldest_age_seconds,
    ),
];
