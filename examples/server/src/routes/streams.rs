//! Streams, once they are started.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use encoder_core::model::{StreamId, Subject};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::guard::insufficient;
use crate::auth::{Principal, Scope};
use crate::extract::{Id, IfMatch, JsonBody, OptionalJsonBody, Query, etag};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{
    self, ConfigAnswer, ConfigPatchDoc, FailoverDto, FailoverRequestDoc, Page, PageQuery,
    StreamDto, StreamHealthDto, TimelineDto,
};

/// Every stream, by id, recently stopped ones included.
#[utoipa::path(get, path = "/api/streams", tag = "streams", params(PageQuery),
    responses((status = 200, body = Page<StreamDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StreamDto>>, Problem> {
    page.cut(state.manager().streams(), |view| view.record.id.as_str())
        .map(Json)
}

/// What to show of a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowQuery {
    /// `key` shows the stream key in clear; needs the scope `control`.
    reveal: Option<String>,
}

/// One stream.
#[utoipa::path(get, path = "/api/streams/{id}", tag = "streams",
    params(("id" = String, Path, description = "The stream's id"), ShowQuery),
    responses((status = 200, body = StreamDto, headers(("ETag" = String)))))]
pub(crate) async fn get(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
    Query(query): Query<ShowQuery>,
    principal: Principal,
) -> Result<Response, Problem> {
    let reveal = match query.reveal.as_deref() {
        None => false,
        Some("key") if principal.scope >= Scope::Control => true,
        Some("key") => return Err(insufficient(Scope::Control, principal.scope)),
        Some(_) => {
            return Err(Problem::invalid_field(
                "reveal",
                "invalid_value",
                "must be `key`",
            ));
        }
    };
    let view = state.manager().stream(&id)?;
    let tag = etag(view.revision);
    let document = if reveal {
        StreamDto::revealed(view)
    } else {
        StreamDto::from(view)
    };
    Ok((tag, Json(document)).into_response())
}

/// How a stream is doing.
#[utoipa::path(get, path = "/api/streams/{id}/health", tag = "streams",
    params(("id" = String, Path, description = "The stream's id")),
    responses((status = 200, body = StreamHealthDto)))]
pub(crate) async fn health(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
) -> Result<Json<StreamHealthDto>, Problem> {
    // The sequence first: an event in between is then seen twice rather than never.
    let sequence = state
        .manager()
        .events()
        .sequence(&Subject::Stream(id.clone()));
    let view = state.manager().stream(&id)?;
    Ok(Json(StreamHealthDto::new(view.health, sequence)))
}

/// Everything that happened to a stream, and why.
#[utoipa::path(get, path = "/api/streams/{id}/timeline", tag = "streams",
    params(("id" = String, Path, description = "The stream's id"), PageQuery),
    responses((status = 200, body = Page<TimelineDto>)))]
pub(crate) async fn timeline(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TimelineDto>>, Problem> {
    let entries = state.manager().timeline(&id).await?;
    let numbered: Vec<_> = entries
        .into_iter()
        .map(|entry| (format!("{:020}", entry.number), entry))
        .collect();
    let Page { items, next_cursor } = page.cut(numbered, |(number, _)| number)?;
    let items = items
        .into_iter()
        .map(|(_, entry): (String, _)| TimelineDto::from(entry))
        .collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Changes the encoding settings. The backup gets them before the answer, or the answer says
/// why it is not ready.
#[utoipa::path(put, path = "/api/streams/{id}/config", tag = "streams",
    params(("id" = String, Path, description = "The stream's id"),
        ("If-Match" = Option<String>, Header,
            description = "The ETag it must still have: its `revision` in quotes")),
    request_body = ConfigPatchDoc,
    responses((status = 200, body = ConfigAnswer, headers(("ETag" = String)))))]
pub(crate) async fn configure(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let known = state.manager().stream(&id)?;
    let patch = wire::config_patch(body)?;
    let expect = if_match.expect(known.revision);
    let view = state.manager().update_stream(&id, patch, expect).await?;
    Ok((etag(view.revision), Json(ConfigAnswer::from(view))).into_response())
}

/// Stops a stream and releases its encoders. Stopping it twice changes nothing.
#[utoipa::path(delete, path = "/api/streams/{id}", tag = "streams",
    params(("id" = String, Path, description = "The stream's id")),
    responses((status = 200, body = StreamDto)))]
pub(crate) async fn stop(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
) -> Result<Json<StreamDto>, Problem> {
    Ok(Json(state.manager().stop_stream(&id).await?.into()))
}

/// Moves a stream to another encoder.
#[utoipa::path(post, path = "/api/streams/{id}/failover", tag = "streams",
    params(("id" = String, Path, description = "The stream's id")),
    request_body(content = FailoverRequestDoc),
    responses((status = 202, body = FailoverDto)))]
pub(crate) async fn failover(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<(StatusCode, Json<FailoverDto>), Problem> {
    let request = wire::failover_request(body)?;
    let accepted = state.manager().failover(&id, request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted.into())))
}

/// Rehearses a failover: moves the stream, measures, and returns to the original encoder.
#[utoipa::path(post, path = "/api/streams/{id}/drill", tag = "streams",
    params(("id" = String, Path, description = "The stream's id")),
    request_body(content = FailoverRequestDoc),
    responses((status = 202, body = FailoverDto)))]
pub(crate) async fn drill(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<(StatusCode, Json<FailoverDto>), Problem> {
    let request = wire::failover_request(body)?;
    let accepted = state.manager().drill(&id, request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted.into())))
}
