//! Performance of the server and of the encoders.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use encoder_core::model::EncoderId;
use encoder_core::monitor::PerSecond;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::overview;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{LatenciesDto, PerformanceMonitorDto, QueuesDto, RatesDto, RouteLatencyDto};

/// Routes that are shown.
const ROUTES: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Which encoders to show.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PerformanceQuery {
    /// Only this encoder.
    encoder_id: Option<String>,
}

/// How fast news travel and requests are answered, how much is told, what waits, what the process
/// uses, and where the figures of the encoders are heading.
#[utoipa::path(get, path = "/api/monitoring/performance", tag = "monitoring",
    params(PerformanceQuery),
    responses((status = 200, body = PerformanceMonitorDto)))]
pub(crate) async fn performance(
    State(state): State<AppState>,
    Query(query): Query<PerformanceQuery>,
) -> Result<Json<PerformanceMonitorDto>, Problem> {
    let wrong = |_| Problem::invalid_field("encoder_id", "invalid_value", "cannot be an id");
    let encoder = query.encoder_id.map(|id| id.parse::<EncoderId>());
    let encoder = encoder.transpose().map_err(wrong)?;
    let report = state.manager().performance(encoder.as_ref())?;
    let now = state.manager().clock().instant();
    let requests = PerSecond {
        one_minute: state.traffic().per_second(now, MINUTE),
        five_minutes: state.traffic().per_second(now, MINUTE * 5),
    };
    let routes = state.traffic().busiest(now, ROUTES).into_iter();
    let waiting = state.inboxes().waiting();
    Ok(Json(PerformanceMonitorDto {
        timestamp: report.at.into(),
        latency: LatenciesDto {
            event_delivery: report.feed.delivery.map(Into::into),
            api: routes.map(RouteLatencyDto::from).collect(),
        },
        rates: RatesDto::new(&report, requests),
        queues: QueuesDto {
            clients: waiting.clients,
            client_events_total: waiting.total,
            client_events_max: waiting.max,
            event_bus: report.queues.event_bus,
            stream_commands_total: report.queues.stream_commands,
            stream_commands_max: report.queues.stream_commands_max,
            store: report.queues.store,
        },
        process: overview::process(&state).await,
        encoders: report.encoders.into_iter().map(Into::into).collect(),
    }))
}
