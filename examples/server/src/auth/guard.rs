//! The door: who asks, whether they may, and how often.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Principal, Refusal, Scope};
use crate::audit;
use crate::limits::{self, Client, Use};
use crate::problem::Problem;
use crate::state::AppState;

/// What a group of routes asks for.
#[derive(Clone, Debug)]
pub struct Door {
    /// The server.
    pub state: AppState,
    /// The scope a key must have.
    pub scope: Scope,
}

/// Lets a request through when its key has the scope and has asked for little enough.
pub async fn enter(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let client = limits::client(&door.state, &request);
    let principal = match identify(&door.state, request.headers(), client).await {
        Ok(principal) => principal,
        Err(problem) => {
            return audit::refused(&door.state, request, client, problem.into_response()).await;
        }
    };
    let usage = Use::of(request.method());
    let standing = door.state.limits().check_key(&principal.key_id, usage);
    if let Some(problem) = standing.refusal() {
        return standing.mark(problem.into_response());
    }
    let held = principal.scope;
    request.extensions_mut().insert(principal);
    if held < door.scope {
        let refusal = insufficient(door.scope, held).into_response();
        let refusal = audit::refused(&door.state, request, client, refusal).await;
        return standing.mark(refusal);
    }
    standing.mark(next.run(request).await)
}

/// Who sends these headers.
///
/// # Errors
/// A problem with status 401, 429 or 503.
pub async fn identify(
    state: &AppState,
    headers: &HeaderMap,
    client: Client,
) -> Result<Principal, Problem> {
    let Some(text) = bearer(headers) else {
        return Err(refused(state, client, Refusal::Missing));
    };
    authenticate(state, text, client).await
}

/// Who presents this key. Failures count against the address; when it has failed too often, only
/// keys that were accepted lately are looked at.
///
/// # Errors
/// A problem with status 401, 429 or 503.
pub async fn authenticate(
    state: &AppState,
    text: &str,
    client: Client,
) -> Result<Principal, Problem> {
    if let Some(problem) = state.limits().shut_out(client)
        && !state.keys().is_cached(text)
    {
        return Err(problem);
    }
    match state.keys().authenticate(text).await {
        Ok(principal) => Ok(principal),
        Err(refusal) => Err(refused(state, client, refusal)),
    }
}

/// The problem for a refusal, or the one for too many of them.
fn refused(state: &AppState, client: Client, refusal: Refusal) -> Problem {
    if refusal == Refusal::Unavailable {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Problem::new(status, refusal.code(), refusal.detail()).with_retry_after(5);
    }
    match state.limits().note_failed_auth(client) {
        Some(problem) => problem,
        None => Problem::new(StatusCode::UNAUTHORIZED, refusal.code(), refusal.detail()),
    }
}

/// The problem for a key that does not reach.
pub fn insufficient(needed: Scope, held: Scope) -> Problem {
    let detail = format!("this needs the scope `{needed}`; the key has `{held}`");
    Problem::new(StatusCode::FORBIDDEN, "scope_insufficient", detail)
}

/// The key in an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (kind, key) = value.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
