//! Telling encoders what to do.

use axum::Json;
use axum::extract::State;
use encoder_core::Error;
use encoder_core::model::{Action, EncoderId};
use futures::StreamExt;
use futures::stream;

use crate::extract::{Id, JsonBody};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{self, ActionDoc, BulkAnswer, BulkDoc, BulkResultDto, ControlDto};

/// Encoders that are told at the same time.
const BULK_CONCURRENCY: usize = 16;

/// Tells an encoder to do something.
#[utoipa::path(post, path = "/api/encoders/{id}/control", tag = "encoders",
    params(("id" = String, Path, description = "The encoder's id")),
    request_body = ActionDoc, responses((status = 200, body = ControlDto)))]
pub(crate) async fn control(
    State(state): State<AppState>,
    Id(id): Id<EncoderId>,
    JsonBody(body): JsonBody,
) -> Result<Json<ControlDto>, Problem> {
    let action = wire::action(body)?;
    let outcome = state.manager().control(&id, &action).await.map_err(named)?;
    Ok(Json(outcome.into()))
}

/// Tells several encoders to do the same thing. Each has a result of its own; the answer is 200
/// even when some of them fail.
#[utoipa::path(post, path = "/api/encoders/bulk", tag = "encoders", request_body = BulkDoc,
    responses((status = 200, body = BulkAnswer)))]
pub(crate) async fn bulk(
    State(state): State<AppState>,
    JsonBody(body): JsonBody,
) -> Result<Json<BulkAnswer>, Problem> {
    let (ids, action) = wire::bulk(body)?;
    let results = stream::iter(ids)
        .map(|id| one(state.clone(), id, action.clone()))
        .buffered(BULK_CONCURRENCY)
        .collect()
        .await;
    Ok(Json(BulkAnswer { results }))
}

async fn one(state: AppState, id: EncoderId, action: Action) -> BulkResultDto {
    match state.manager().control(&id, &action).await {
        Ok(outcome) => BulkResultDto {
            encoder_id: id.to_string(),
            status: 200,
            outcome: Some(outcome.into()),
            problem: None,
        },
        Err(error) => {
            let problem = Problem::from(named(error));
            BulkResultDto {
                encoder_id: id.to_string(),
                status: problem.status,
                outcome: None,
                problem: Some(problem),
            }
        }
    }
}

/// A driver that does not name the call that failed fails this one.
fn named(error: Error) -> Error {
    match error.operation() {
        Some(_) => error,
        None => error.with_operation("EncoderDriver::control"),
    }
}
