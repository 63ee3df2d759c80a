//! Recording media.

use axum::Json;
use axum::extract::State;
use encoder_core::model::EncoderId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::StorageDto;

/// Whose media are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StorageQuery {
    /// Only this encoder.
    #[serde(alias = "encoder")]
    #[param(value_type = Option<String>)]
    encoder_id: Option<EncoderId>,
}

/// Recording media of every encoder, what was done about them, and the devices' restarts.
#[utoipa::path(get, path = "/api/monitoring/storage", tag = "monitoring",
    params(StorageQuery), responses((status = 200, body = StorageDto)))]
pub(crate) async fn storage(
    State(state): State<AppState>,
    Query(query): Query<StorageQuery>,
) -> Result<Json<StorageDto>, Problem> {
    let manager = state.manager();
    let reports = manager.storage(query.encoder_id.as_ref())?;
    Ok(Json(StorageDto::new(manager.clock().now(), reports)))
}
