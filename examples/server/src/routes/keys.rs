//! API keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::{Id, JsonBody, Query};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{KeyDto, KeyRequestDoc, NewKeyDto, Page, PageQuery, key_request};

/// Every API key, revoked and expired ones included. Never the keys themselves.
#[utoipa::path(get, path = "/api/keys", tag = "keys", params(PageQuery),
    responses((status = 200, body = Page<KeyDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<KeyDto>>, Problem> {
    let records = state.keys().list().await?;
    page.cut(records, |record| &record.id).map(Json)
}

/// Makes an API key. The answer is the only place where it appears.
#[utoipa::path(post, path = "/api/keys", tag = "keys", request_body = KeyRequestDoc,
    responses((status = 201, body = NewKeyDto)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<NewKeyDto>), Problem> {
    let wish = key_request(body)?;
    let (record, key) = state
        .keys()
        .create(&wish.name, wish.scope, wish.expires_at)
        .await?;
    Ok((StatusCode::CREATED, Json(NewKeyDto::reveal(record, &key))))
}

/// Revokes an API key at once; its open connections are closed.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyDto)))]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    Id(id): Id<String>,
) -> Result<Json<KeyDto>, Problem> {
    Ok(Json(state.keys().revoke(&id).await?.into()))
}
