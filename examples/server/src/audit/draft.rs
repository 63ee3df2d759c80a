//! Entries about requests.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::{Actor, AuditEntry, AuditLog, Via};
use crate::auth::guard::Door;
use crate::auth::{Principal, Scope};
use crate::limits::{self, Client};
use crate::problem::{self, Problem};
use crate::state::AppState;

/// An entry whose outcome is not known yet. Dropped without one, because its client went away, it
/// is written without.
struct Draft {
    log: AuditLog,
    began: Instant,
    entry: Option<AuditEntry>,
}

impl Draft {
    async fn of(state: &AppState, parts: &mut Parts, client: Client) -> Self {
        let log = state.audit().clone();
        let route = parts.extensions.get::<MatchedPath>();
        let route = route.map_or("unknown path", MatchedPath::as_str);
        let action = format!("{} {route}", parts.method);
        let mut entry = AuditEntry::new(log.now(), Via::Api, action);
        entry.address = Some(client.address());
        entry.request_id = problem::id_of(&parts.headers);
        entry.actor = parts.extensions.get::<Principal>().map(Actor::from);
        entry.subject = named(parts, state).await;
        Self {
            log,
            began: state.manager().clock().instant(),
            entry: Some(entry),
        }
    }

    async fn end(mut self, now: Instant, outcome: Outcome) {
        let Some(mut entry) = self.entry.take() else {
            return;
        };
        let took = now.saturating_duration_since(self.began);
        entry.took_ms = u64::try_from(took.as_millis()).ok();
        entry.status = Some(outcome.status.as_u16());
        entry.code = outcome.code;
        if let Some(made) = outcome.made {
            entry.subject.insert("made".into(), made);
        }
        self.log.keep(entry).await;
    }
}

/// What an answer says about what became of a request.
struct Outcome {
    status: StatusCode,
    code: Option<String>,
    made: Option<String>,
}

impl Outcome {
    fn of(response: &Response) -> Self {
        let made = response.headers().get(LOCATION);
        let problem = response.extensions().get::<Problem>();
        Self {
            status: response.status(),
            code: problem.map(|problem| problem.code.clone()),
            made: made.and_then(|made| Some(made.to_str().ok()?.to_owned())),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            drop(self.log.keep_soon(entry));
        }
    }
}

/// What the route's parameters name.
async fn named(parts: &mut Parts, state: &AppState) -> BTreeMap<String, String> {
    let Ok(params) = RawPathParams::from_request_parts(parts, state).await else {
        return BTreeMap::new();
    };
    let params = params.iter();
    params
        .map(|(name, value)| (name.to_owned(), value.chars().take(200).collect()))
        .collect()
}

/// Keeps an entry about a request that changes something, is for an admin, or reveals a stream key,
/// before it is answered.
pub(crate) async fn keep(State(door): State<Door>, request: Request, next: Next) -> Response {
    let reveals = is_revealing(request.uri());
    if request.method().is_safe() && door.scope < Scope::Admin && !reveals {
        return next.run(request).await;
    }
    let state = door.state;
    let client = limits::client(&state, &request);
    let (mut parts, body) = request.into_parts();
    let mut draft = Draft::of(&state, &mut parts, client).await;
    if let Some(entry) = draft.entry.as_mut().filter(|_| reveals) {
        entry.subject.insert("reveal".into(), "key".into());
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    let outcome = Outcome::of(&response);
    draft.end(state.manager().clock().instant(), outcome).await;
    response
}

fn is_revealing(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "reveal=key")
}

/// Keeps an entry about a request whose key was refused, or does not reach. Not about those that
/// are shut out for having failed too often: nothing but the sender limits their number.
pub(crate) async fn refused(
    state: &AppState,
    request: Request,
    client: Client,
    response: Response,
) -> Response {
    let told = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    if told.contains(&response.status()) {
        let (mut parts, _) = request.into_parts();
        let draft = Draft::of(state, &mut parts, client).await;
        let outcome = Outcome::of(&response);
        draft.end(state.manager().clock().instant(), outcome).await;
    }
    response
}

/// Keeps an entry about a live connection whose key was refused.
pub(crate) fn refused_connection(
    state: &AppState,
    client: Client,
    action: &'static str,
    problem: &Problem,
) {
    if problem.status != StatusCode::UNAUTHORIZED.as_u16() {
        return;
    }
    let log = state.audit();
    let mut entry = AuditEntry::new(log.now(), Via::Api, action);
    entry.address = Some(client.address());
    entry.status = Some(problem.status);
    entry.code = Some(problem.code.clone());
    drop(log.keep_soon(entry));
}
