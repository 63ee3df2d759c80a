//! The door for the ingest: one secret, one route.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use encoder_core::model::Secret;
use subtle::ConstantTimeEq;

use crate::auth::guard::bearer;
use crate::limits;
use crate::problem::Problem;
use crate::state::AppState;

/// The one path behind this door.
pub(crate) const AUTHORIZE: &str = "/api/ingest/authorize";

/// Lets the ingest through. It never has to pay for others who guess from its address: the secret
/// is long enough not to be guessed.
pub(crate) async fn enter(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Some(secret) = &state.config().ingest.secret else {
        return not_configured().into_response();
    };
    if !presents(request.headers(), secret) {
        let client = limits::client(&state, &request);
        let refusal = state
            .limits()
            .note_failed_auth(client)
            .unwrap_or_else(wrong);
        return refusal.into_response();
    }
    let standing = state.limits().check_ingest();
    if let Some(problem) = standing.refusal() {
        return standing.mark(problem.into_response());
    }
    standing.mark(next.run(request).await)
}

/// Whether the request comes from the ingest.
pub(crate) fn is_ingest(state: &AppState, request: &Request) -> bool {
    let secret = state.config().ingest.secret.as_ref();
    request.uri().path() == AUTHORIZE
        && secret.is_some_and(|secret| presents(request.headers(), secret))
}

fn presents(headers: &HeaderMap, secret: &Secret) -> bool {
    let given = bearer(headers).unwrap_or_default();
    given.as_bytes().ct_eq(secret.expose().as_bytes()).into()
}

fn wrong() -> Problem {
    let detail = "this is not the secret under ingest.secret; API keys do not open this route";
    Problem::new(StatusCode::UNAUTHORIZED, "ingest_secret_wrong", detail)
}

fn not_configured() -> Problem {
    let detail = "nobody can be authorized before ingest.secret is set";
    Problem::new(StatusCode::NOT_FOUND, "ingest_not_configured", detail)
}
