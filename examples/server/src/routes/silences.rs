//! Alerts that nobody is told of for a while.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use encoder_core::model::SilenceId;

use crate::auth::Principal;
use crate::extract::{Id, JsonBody};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{SilenceDto, SilenceRequestDoc, SilencesDto, silence_request};

/// Silences that hold, will hold, or ended in the last week; newest first.
#[utoipa::path(get, path = "/api/monitoring/silences", tag = "monitoring",
    operation_id = "list_silences", responses((status = 200, body = SilencesDto)))]
pub(crate) async fn list(State(state): State<AppState>) -> Json<SilencesDto> {
    let now = state.manager().clock().now();
    let silences = state.manager().silences().into_iter();
    let items = silences.map(|silence| SilenceDto::new(silence, now));
    Json(SilencesDto {
        items: items.collect(),
    })
}

/// Tells nobody of some alerts for a while. They open and resolve as ever.
#[utoipa::path(post, path = "/api/monitoring/silences", tag = "monitoring",
    operation_id = "add_silence", request_body = SilenceRequestDoc,
    responses((status = 201, body = SilenceDto)))]
pub(crate) async fn add(
    State(state): State<AppState>,
    principal: Principal,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<SilenceDto>), Problem> {
    let now = state.manager().clock().now();
    let silence = silence_request(body, &principal.name, now)?;
    let silence = state.manager().silence_alerts(silence).await?;
    Ok((StatusCode::CREATED, Json(SilenceDto::new(silence, now))))
}

/// Ends a silence now. Alerts that still hold are told then.
#[utoipa::path(delete, path = "/api/monitoring/silences/{id}", tag = "monitoring",
    operation_id = "end_silence",
    params(("id" = String, Path, description = "The silence's id")),
    responses((status = 200, body = SilenceDto)))]
pub(crate) async fn end(
    State(state): State<AppState>,
    Id(id): Id<SilenceId>,
) -> Result<Json<SilenceDto>, Problem> {
    let silence = state.manager().end_silence(&id).await?;
    let now = state.manager().clock().now();
    Ok(Json(SilenceDto::new(silence, now)))
}
