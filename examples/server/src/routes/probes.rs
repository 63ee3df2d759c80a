//! Probes for supervisors and Prometheus.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use encoder_core::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemDocument};
use crate::state::AppState;

/// A probe's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, body = Alive)))]
pub(crate) async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whether the server takes work: it holds its lease, its store works, and it is not draining.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, body = Alive), (status = 503, body = ProblemDocument)))]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Json<Alive>, Problem> {
    if state.is_ready() {
        return Ok(Json(Alive { status: "ok" }));
    }
    let detail = "the server does not take work now";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).with_retry_after(5))
}

/// Every figure in the Prometheus text format. Put together off the async threads, because a
/// large fleet has many.
#[utoipa::path(get, path = "/metrics", tag = "monitoring",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let manager = state.manager().clone();
    let rendered = tokio::task::spawn_blocking(move || manager.render_metrics()).await;
    let failed = |error| Error::new(ErrorKind::Unexpected, "no metrics").with_source(error);
    let text = rendered.map_err(failed)?;
    Ok(([(CONTENT_TYPE, kind)], text))
}
