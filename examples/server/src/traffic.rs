//! Figures of the server's own requests.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

use crate::state::AppState;

/// Counts requests and measures answers.
#[derive(Debug)]
pub struct Traffic {
    requests: IntCounterVec,
    seconds: Histogram,
}

/// Requests so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficSnapshot {
    /// How many were answered.
    pub count: u64,
    /// Mean time to answer; `None` before the first.
    pub mean_ms: Option<f64>,
}

impl Traffic {
    /// Registers the figures. A second server on the same registry counts for itself, unseen.
    pub fn new(registry: &Registry) -> Self {
        let name = "encoder_server_requests_total";
        let options = Opts::new(name, "Requests, by route and status.");
        let requests = IntCounterVec::new(options, &["method", "route", "status"]);
        let name = "encoder_server_request_duration_seconds";
        let seconds = Histogram::with_opts(HistogramOpts::new(name, "Time to answer a request."));
        let traffic = Self {
            requests: requests.expect("names and labels are valid constants"),
            seconds: seconds.expect("names are valid constants"),
        };
        for result in [
            registry.register(Box::new(traffic.requests.clone())),
            registry.register(Box::new(traffic.seconds.clone())),
        ] {
            if let Err(error) = result {
                tracing::debug!(%error, "request figures are not registered");
            }
        }
        traffic
    }

    /// Requests so far.
    pub fn snapshot(&self) -> TrafficSnapshot {
        let count = self.seconds.get_sample_count();
        TrafficSnapshot {
            count,
            mean_ms: (count > 0).then(|| self.seconds.get_sample_sum() * 1000.0 / count as f64),
        }
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
    let status = response.status();
    let labels = [method.as_str(), route, status.as_str()];
    let traffic = state.traffic();
    traffic.requests.with_label_values(&labels).inc();
    traffic.seconds.observe(started.elapsed().as_secs_f64());
    response
}

const MUTATING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
