//! Figures of the server's own requests.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use encoder_core::metrics::{Declaration, Metrics};
use encoder_core::model::LatencyDistribution;
use encoder_core::monitor::{LatencyWindow, Rate};
use prometheus::{HistogramVec, IntCounterVec};

use crate::state::AppState;

/// Requests of one route that quantiles are taken from, if they are recent.
const KEPT: usize = 512;
const RECENT: Duration = Duration::from_secs(300);

/// Bounds for the time to answer.
const ANSWER_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

const REQUESTS: Declaration = Declaration::counter(
    "encoder_server_requests_total",
    &["method", "route", "status"],
    "Requests, by route and status.",
);
const SECONDS: Declaration = Declaration::histogram(
    "encoder_server_request_duration_seconds",
    &["method", "route", "status_class"],
    &ANSWER_SECONDS,
    "Time to answer a request, by route and class of status.",
);

/// Counts requests and measures answers.
#[derive(Debug)]
pub struct Traffic {
    requests: IntCounterVec,
    seconds: HistogramVec,
    routes: Mutex<BTreeMap<(String, String), Route>>,
    rate: Mutex<Rate>,
}

/// The requests of one route and method.
#[derive(Debug)]
struct Route {
    window: LatencyWindow,
    count: u64,
    failures: u64,
    took: Duration,
}

/// Requests so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficSnapshot {
    /// How many were answered.
    pub count: u64,
    /// Mean time to answer; `None` before the first.
    pub mean_ms: Option<f64>,
}

/// The requests of one route and method.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSnapshot {
    /// The route's template.
    pub route: String,
    /// The method.
    pub method: String,
    /// How many were answered since the start.
    pub count: u64,
    /// How many of them failed by a fault of the server (5xx).
    pub failures: u64,
    /// Times to answer of the recent ones; `None` without any.
    pub latency: Option<LatencyDistribution>,
}

impl Traffic {
    /// Adds the figures to the metrics. A second server on the same metrics counts for itself,
    /// unseen.
    pub fn new(metrics: &Metrics, now: Instant) -> Self {
        Self {
            requests: metrics.counters(REQUESTS),
            seconds: metrics.histograms(SECONDS),
            routes: Mutex::default(),
            rate: Mutex::new(Rate::since(now)),
        }
    }

    fn note(&self, method: &str, route: &str, status: StatusCode, now: Instant, took: Duration) {
        let labels = [method, route, status.as_str()];
        self.requests.with_label_values(&labels).inc();
        let labels = [method, route, class(status)];
        self.seconds
            .with_label_values(&labels)
            .observe(took.as_secs_f64());
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.count(now, 1);
        drop(rate);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (route.to_owned(), method.to_owned());
        let noted = routes.entry(key).or_insert_with(|| Route {
            window: LatencyWindow::new(KEPT, RECENT),
            count: 0,
            failures: 0,
            took: Duration::ZERO,
        });
        noted.window.observe(now, took);
        noted.count += 1;
        noted.took += took;
        noted.failures += u64::from(status.is_server_error());
    }

    /// Requests so far.
    pub fn snapshot(&self) -> TrafficSnapshot {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = routes.values().map(|noted| noted.count).sum();
        let took: Duration = routes.values().map(|noted| noted.took).sum();
        TrafficSnapshot {
            count,
            mean_ms: (count > 0).then(|| took.as_secs_f64() * 1000.0 / count as f64),
        }
    }

    /// Requests per second over that span.
    pub fn per_second(&self, now: Instant, span: Duration) -> f64 {
        let rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.per_second(now, span)
    }

    /// The routes with the most requests, at most `limit` of them.
    pub fn busiest(&self, now: Instant, limit: usize) -> Vec<RouteSnapshot> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = routes.iter().collect();
        // Stable, so that equals stay in the order of their names.
        all.sort_by_key(|(_, noted)| Reverse(noted.count));
        let busiest = all.into_iter().take(limit);
        busiest
            .map(|((route, method), noted)| RouteSnapshot {
                route: route.clone(),
                method: method.clone(),
                count: noted.count,
                failures: noted.failures,
                latency: noted.window.distribution(now),
            })
            .collect()
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Notes every request under its route; paths nobody has share one label, so that a scanner
/// cannot fill the memory with names.
pub async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let method = request.method().clone();
    let response = next.run(request).await;
    let method = if method.is_safe() || MUTATING.contains(&method.as_str()) {
        method.as_str().to_owned()
    } else {
        "OTHER".to_owned()
    };
    let route = route.as_deref().unwrap_or("unmatched");
    let now = state.manager().clock().instant();
    let took = started.elapsed();
    state
        .traffic()
        .note(&method, route, response.status(), now, took);
    response
}

const MUTATING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_routes_come_first_with_their_latencies() {
        let now = Instant::now();
        let traffic = Traffic::new(&Metrics::new(), now);
        let note = |route, status: u16, millis| {
            let status = StatusCode::from_u16(status).unwrap();
            traffic.note("GET", route, status, now, Duration::from_millis(millis));
        };
        note("/api/streams", 200, 2);
        note("/api/encoders", 200, 4);
        note("/api/encoders", 503, 6);
        note("/api/alerts", 404, 1);
        let busiest = traffic.busiest(now, 2);
        let routes: Vec<_> = busiest.iter().map(|seen| seen.route.as_str()).collect();
        assert_eq!(routes, ["/api/encoders", "/api/alerts"]);
        assert_eq!((busiest[0].count, busiest[0].failures), (2, 1));
        assert_eq!(busiest[0].latency.unwrap().max_ms, 6.0);
        assert_eq!(traffic.busiest(now + RECENT * 2, 1)[0].latency, None);
        assert_eq!(traffic.snapshot().count, 4);
    }
}
