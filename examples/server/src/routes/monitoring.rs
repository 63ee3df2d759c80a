//! Monitoring.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use encoder_core::model::EncoderId;
use encoder_core::{Error, ErrorKind};

use crate::extract::Id;
use crate::overview;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{
    AssignmentsDto, FigureDto, FiguresDto, LoadBalancerDto, MonitoringStatusDto, PerformanceDto,
    StreamCountsDto, StreamOverviewDto,
};

/// The server at a glance.
#[utoipa::path(get, path = "/api/monitoring/status", tag = "monitoring",
    responses((status = 200, body = MonitoringStatusDto)))]
pub(crate) async fn status(State(state): State<AppState>) -> Json<MonitoringStatusDto> {
    let manager = state.manager();
    let requests = state.traffic().snapshot();
    Json(MonitoringStatusDto {
        status: overview::word(&state).to_owned(),
        timestamp: manager.clock().now().into(),
        encoders: manager.fleet_counts().into(),
        streams: StreamCountsDto::of(&manager.streams()),
        active_alerts: overview::active_alerts(&state).len(),
        performance: PerformanceDto {
            uptime_seconds: state.uptime().as_secs_f64(),
            requests: requests.count,
            mean_response_ms: requests.mean_ms,
            events: manager.events().last_id(),
            system: overview::system(&state).await,
        },
        components: overview::components(&state).await,
    })
}

/// Every figure as JSON.
#[utoipa::path(get, path = "/api/monitoring/metrics", tag = "monitoring",
    responses((status = 200, body = FiguresDto)))]
pub(crate) async fn figures(State(state): State<AppState>) -> Result<Json<FiguresDto>, Problem> {
    let metrics = state.manager().metrics().clone();
    let gathered = tokio::task::spawn_blocking(move || {
        let families = metrics.registry().gather();
        families.iter().map(FigureDto::from).collect()
    });
    let failed = |error| Error::new(ErrorKind::Unexpected, "no metrics").with_source(error);
    Ok(Json(FiguresDto {
        timestamp: state.manager().clock().now().into(),
        metrics: gathered.await.map_err(failed)?,
    }))
}

/// How the balancer sees the fleet.
#[utoipa::path(get, path = "/api/monitoring/load-balancer", tag = "monitoring",
    responses((status = 200, body = LoadBalancerDto)))]
pub(crate) async fn load_balancer(State(state): State<AppState>) -> Json<LoadBalancerDto> {
    Json(state.manager().load_balancer().into())
}

/// How every active stream is doing, by id.
#[utoipa::path(get, path = "/api/monitoring/streams/health", tag = "monitoring",
    responses((status = 200, body = BTreeMap<String, StreamOverviewDto>)))]
pub(crate) async fn streams_health(
    State(state): State<AppState>,
) -> Json<BTreeMap<String, StreamOverviewDto>> {
    let streams = state.manager().streams().into_iter();
    let active = streams.filter(|view| view.record.state.is_active());
    Json(
        active
            .map(|view| (view.record.id.to_string(), view.into()))
            .collect(),
    )
}

/// What an encoder is meant to do.
#[utoipa::path(get, path = "/api/monitoring/streams/config/{encoder_id}", tag = "monitoring",
    params(("encoder_id" = String, Path, description = "The encoder's id")),
    responses((status = 200, body = AssignmentsDto)))]
pub(crate) async fn assignments(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<Json<AssignmentsDto>, Problem> {
    let manager = state.manager();
    manager.encoder(&id)?;
    Ok(Json(AssignmentsDto::new(&id, &manager.streams())))
}
