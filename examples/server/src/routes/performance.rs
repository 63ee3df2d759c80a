//! Performance of the server and of the encoders.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use encoder_core::model::{EncoderId, Timestamp};
use encoder_core::monitor::series::SeriesSubject;
use encoder_core::monitor::{PerSecond, PerformanceReport};
use encoder_core::{Error, ErrorKind};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::overview;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{
    LatenciesDto, PerformanceMonitorDto, QueuesDto, RatesDto, RouteLatencyDto, Span, SpanQuery,
};

/// Routes that are shown.
const ROUTES: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// What to show.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PerformanceQuery {
    /// Only this encoder, and its history.
    encoder_id: Option<String>,
}

/// How fast news travel and requests are answered, how much is told, what waits, what the process
/// uses, and where all that is heading. With `from`, `to`, `step` or `metric` also what was recorded.
#[utoipa::path(get, path = "/api/monitoring/performance", tag = "monitoring",
    params(PerformanceQuery, SpanQuery),
    responses((status = 200, body = PerformanceMonitorDto)))]
pub(crate) async fn performance(
    State(state): State<AppState>,
    Query(query): Query<PerformanceQuery>,
    Query(span): Query<SpanQuery>,
) -> Result<Json<PerformanceMonitorDto>, Problem> {
    let (encoder, span) = wanted(query, &span, state.manager().clock().now())?;
    let report = report(&state, encoder.clone()).await?;
    let subject = encoder.map_or(SeriesSubject::Manager, SeriesSubject::Encoder);
    let history = match span {
        Some(span) => Some(state.manager().history(&span.of(subject)).await?),
        None => None,
    };
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
        trends: report.trends.iter().map(Into::into).collect(),
        history: history.map(Into::into),
        encoders: report.encoders.into_iter().map(Into::into).collect(),
    }))
}

/// The encoder and the span, or everything that is wrong with them.
fn wanted(
    query: PerformanceQuery,
    span: &SpanQuery,
    now: Timestamp,
) -> Result<(Option<EncoderId>, Option<Span>), Problem> {
    let wrong = |_| Problem::invalid_field("encoder_id", "invalid_value", "cannot be an id");
    let encoder = query.encoder_id.map(|id| id.parse::<EncoderId>());
    match (encoder.transpose().map_err(wrong), span.read(now)) {
        (Ok(encoder), Ok(span)) => Ok((encoder, span)),
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem),
        (Err(mut encoder), Err(mut span)) => {
            encoder.errors.append(&mut span.errors);
            Err(Problem::invalid(std::mem::take(&mut encoder.errors)))
        }
    }
}

/// The report, with its trends drawn off the async threads.
async fn report(
    state: &AppState,
    encoder: Option<EncoderId>,
) -> Result<PerformanceReport, Problem> {
    let manager = state.manager().clone();
    let drawn = tokio::task::spawn_blocking(move || manager.performance(encoder.as_ref())).await;
    let failed = |error| Error::new(ErrorKind::Unexpected, "the report failed").with_source(error);
    Ok(drawn.map_err(failed)??)
}
