//! Health of encoders and of everything.

use axum::Json;
use axum::extract::State;
use encoder_core::model::EncoderId;

use crate::extract::Id;
use crate::overview;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{DetailedHealthDto, EncoderHealthAnswer, EncoderHealthDto};

/// How an encoder is doing.
#[utoipa::path(get, path = "/health/encoder/{id}", tag = "health",
    params(("id" = String, Path, description = "The encoder's id")),
    responses((status = 200, body = EncoderHealthAnswer)))]
pub(crate) async fn encoder(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
) -> Result<Json<EncoderHealthAnswer>, Problem> {
    let view = state.manager().encoder(&id)?;
    Ok(Json(EncoderHealthAnswer {
        timestamp: state.manager().clock().now().into(),
        encoder: view.into(),
    }))
}

/// How everything is doing.
#[utoipa::path(get, path = "/health/detailed", tag = "health",
    responses((status = 200, body = DetailedHealthDto)))]
pub(crate) async fn detailed(State(state): State<AppState>) -> Json<DetailedHealthDto> {
    let services = overview::components(&state).await;
    let encoders = state.manager().encoders().into_iter().map(|view| {
        let id = view.spec.id.to_string();
        (id, EncoderHealthDto::from(view))
    });
    Json(DetailedHealthDto {
        status: overview::word(&state).to_owned(),
        timestamp: state.manager().clock().now().into(),
        system: overview::system(&state).await,
        services,
        encoders: encoders.collect(),
    })
}
