//! Encoders.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use encoder_core::model::{EncoderId, EncoderView};
use encoder_core::monitor::series::SeriesSubject;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::{Id, IfMatch, JsonBody, Query, etag};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{
    EncoderDto, EncoderFiguresDto, EncoderHistoryDto, EncoderRequestDoc, EncoderStatusDto,
    FleetCountsDto, Page, PageQuery, SpanQuery, encoder_spec,
};

/// Every encoder, by id.
#[utoipa::path(get, path = "/api/encoders", tag = "encoders", params(PageQuery),
    responses((status = 200, body = Page<EncoderDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<EncoderDto>>, Problem> {
    page.cut(state.manager().encoders(), |view| view.spec.id.as_str())
        .map(Json)
}

/// One encoder.
#[utoipa::path(get, path = "/api/encoders/{id}", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id")),
    responses((status = 200, body = EncoderDto, headers(("ETag" = String)))))]
pub(crate) async fn get(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<Response, Problem> {
    Ok(shown(&state, state.manager().encoder(&id)?))
}

/// Registers an encoder.
#[utoipa::path(post, path = "/api/encoders", tag = "encoders", request_body = EncoderRequestDoc,
    responses((status = 201, body = EncoderDto, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn add(
    State(state): State<AppState>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let view = state
        .manager()
        .add_encoder(encoder_spec(body, None)?)
        .await?;
    let location: [(HeaderName, String); 1] =
        [(LOCATION, format!("/api/encoders/{}", view.spec.id))];
    Ok((StatusCode::CREATED, location, shown(&state, view)).into_response())
}

/// Changes an encoder. What is left out gets its default, except the password, which stays.
#[utoipa::path(put, path = "/api/encoders/{id}", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id"),
        ("If-Match" = Option<String>, Header,
            description = "The ETag it must still have: its `revision` in quotes")),
    request_body = EncoderRequestDoc,
    responses((status = 200, body = EncoderDto, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let known = state.manager().encoder(&id)?;
    let spec = encoder_spec(body, Some(&known.spec))?;
    let expect = if_match.expect(known.revision);
    Ok(shown(
        &state,
        state.manager().update_encoder(spec, expect).await?,
    ))
}

/// How to remove an encoder.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemoveQuery {
    /// Move its streams away first, instead of refusing while it serves one.
    #[serde(default)]
    drain: bool,
}

/// Removes an encoder.
#[utoipa::path(delete, path = "/api/encoders/{id}", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id"), RemoveQuery),
    responses((status = 204)))]
pub(crate) async fn remove(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    state.manager().remove_encoder(&id, query.drain).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How an encoder is.
#[utoipa::path(get, path = "/api/encoders/{id}/status", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id")),
    responses((status = 200, body = EncoderStatusDto)))]
pub(crate) async fn status(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<Json<EncoderStatusDto>, Problem> {
    let view = state.manager().encoder(&id)?;
    let streams = state.manager().streams();
    let publishes = streams
        .iter()
        .map(|stream| &stream.record)
        .find(|record| record.state.is_active() && record.primary.encoder_id == id);
    Ok(Json(EncoderStatusDto::new(
        view,
        publishes.map(|record| &record.id),
    )))
}

/// The figures of an encoder, as it last reported them. With `from`, `to`, `step` or `metric` those
/// that were recorded over that time instead.
#[utoipa::path(get, path = "/api/encoders/{id}/metrics", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id"), SpanQuery),
    responses((status = 200, body = EncoderFiguresDto)))]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
    Query(query): Query<SpanQuery>,
) -> Result<Json<EncoderFiguresDto>, Problem> {
    let manager = state.manager();
    let present = manager.encoder(&id)?;
    let Some(span) = query.read(manager.clock().now())? else {
        return Ok(Json(EncoderFiguresDto::Now(Box::new(present.into()))));
    };
    let query = span.of(SeriesSubject::Encoder(id.clone()));
    let history = manager.history(&query).await?;
    let history = EncoderHistoryDto::new(&id, history);
    Ok(Json(EncoderFiguresDto::Past(history)))
}

/// How many encoders are in which state.
#[utoipa::path(get, path = "/api/encoders/system/status", tag = "encoders",
    responses((status = 200, body = FleetCountsDto)))]
pub(crate) async fn system_status(State(state): State<AppState>) -> Json<FleetCountsDto> {
    Json(state.manager().fleet_counts().into())
}

fn shown(state: &AppState, view: EncoderView) -> Response {
    let capability = state.manager().capability(&view.spec.id).ok();
    let revision = view.revision;
    let document = EncoderDto::from(view);
    let document = match &capability {
        Some(capability) => document.with_capability(capability),
        None => document,
    };
    (etag(revision), Json(document)).into_response()
}
