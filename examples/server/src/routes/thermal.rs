//! Heat and cooling.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use encoder_core::model::EncoderId;

use crate::extract::Id;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{ThermalAnswer, ThermalDto};

/// The heat of every encoder.
#[utoipa::path(get, path = "/api/monitoring/thermal/status", tag = "monitoring",
    responses((status = 200, body = ThermalAnswer)))]
pub(crate) async fn status(State(state): State<AppState>) -> Json<ThermalAnswer> {
    let manager = state.manager();
    let now = manager.clock().now().into();
    Json(ThermalAnswer::of(manager.thermals(), now))
}

/// The heat of an encoder.
#[utoipa::path(get, path = "/api/monitoring/thermal/{id}/temperature", tag = "monitoring",
    params(("id" = String, Path, description = "The encoder's id")),
    responses((status = 200, body = ThermalDto)))]
pub(crate) async fn temperature(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<Json<ThermalDto>, Problem> {
    Ok(Json(state.manager().thermal(&id)?.into()))
}

/// Cools an encoder for a period, whatever its readings say. A stream on it stays where it is. An
/// encoder that cools already answers 409.
#[utoipa::path(post, path = "/api/monitoring/thermal/{id}/cooldown", tag = "monitoring",
    params(("id" = String, Path, description = "The encoder's id")),
    responses((status = 202, body = ThermalDto)))]
pub(crate) async fn cooldown(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<(StatusCode, Json<ThermalDto>), Problem> {
    let view = state.manager().cool_down(&id)?;
    Ok((StatusCode::ACCEPTED, Json(view.into())))
}
