//! Starting streams, once per idempotency key.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use encoder_core::Result;
use encoder_core::model::{StreamId, StreamRequest, StreamView};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::auth::Principal;
use crate::extract::{JsonBody, Query};
use crate::idempotency::{Answer, MAX_KEY_LENGTH, Ticket, Turn};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{self, StreamDto, StreamRequestDoc};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// When to answer.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InitQuery {
    /// `live` answers only once the device itself reports that it streams.
    wait: Option<String>,
}

/// Starts a stream.
#[utoipa::path(post, path = "/api/streams/init", tag = "streams",
    params(InitQuery, ("Idempotency-Key" = Option<String>, Header,
        description = "The same key and body within 24 hours returns the first answer")),
    request_body = StreamRequestDoc,
    responses((status = 201, body = StreamDto, headers(("Location" = String)))))]
pub(crate) async fn init(
    State(state): State<AppState>,
    Query(query): Query<InitQuery>,
    principal: Principal,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let wait = match query.wait.as_deref() {
        None => false,
        Some("live") => true,
        Some(_) => {
            return Err(Problem::invalid_field(
                "wait",
                "invalid_value",
                "must be `live`",
            ));
        }
    };
    let Some(key) = idempotency_key(&headers)? else {
        let request = read(&state, body)?;
        let view = state.manager().start_stream(request).await?;
        return Ok(respond(&settle(&state, view, wait).await));
    };
    let once = Once {
        key,
        owner: principal.key_id,
        body,
        wait,
    };
    // A client that hangs up must not leave a half-done run behind: it goes on as a task.
    let (done, answer) = tokio::sync::oneshot::channel();
    let worker = state.clone();
    state.tasks().spawn("start stream once", async move {
        // The client may be gone by now; the answer is kept for its repetition.
        let _ = done.send(once.run(&worker).await);
    });
    match answer.await {
        Ok(answer) => answer.map(|answer| respond(&answer)),
        Err(_) => Err(encoder_core::Error::new(
            encoder_core::ErrorKind::Unexpected,
            "the task that starts the stream ended early",
        )
        .into()),
    }
}

/// A request that must have one effect and one answer.
struct Once {
    owner: String,
    key: String,
    body: Value,
    wait: bool,
}

impl Once {
    async fn run(self, state: &AppState) -> Result<Answer, Problem> {
        let ticket = match state
            .answers()
            .begin(&self.owner, &self.key, &self.body)
            .await?
        {
            Turn::Run(ticket) => ticket,
            Turn::Replay(answer) => return Ok(answer),
            Turn::Reused => {
                let detail = "this Idempotency-Key came with another body before";
                return Err(Problem::new(
                    StatusCode::CONFLICT,
                    "idempotency_key_reused",
                    detail,
                ));
            }
        };
        let started = match read(state, self.body) {
            Ok(request) => start(state, &ticket, request).await,
            Err(problem) => Err(problem),
        };
        match started {
            Ok(view) => {
                let answer = settle(state, view, self.wait).await;
                state.answers().finish(ticket, answer.clone()).await?;
                Ok(answer)
            }
            Err(problem) => {
                // Nothing was started, so a repetition may try again.
                state.answers().abandon(ticket).await?;
                Err(problem)
            }
        }
    }
}

fn read(state: &AppState, body: Value) -> Result<StreamRequest, Problem> {
    let defaults = &state.manager().config().stream_defaults;
    Ok(wire::stream_request(body, defaults)?)
}

async fn start(
    state: &AppState,
    ticket: &Ticket,
    request: StreamRequest,
) -> Result<StreamView, Problem> {
    let id: &StreamId = &ticket.stream_id;
    if ticket.resumed
        && let Ok(view) = state.manager().stream(id)
    {
        return Ok(view);
    }
    Ok(state.manager().start_stream_as(id.clone(), request).await?)
}

/// The answer for a stream that was accepted: at once, or when it is live.
async fn settle(state: &AppState, view: StreamView, wait: bool) -> Answer {
    let waited = if wait {
        let deadline = state.config().limits.wait_live;
        state.manager().wait_live(&view.record.id, deadline).await
    } else {
        Ok(view)
    };
    match waited {
        Ok(view) => Answer {
            status: StatusCode::CREATED.as_u16(),
            body: document(&StreamDto::revealed(view)),
        },
        Err(error) => {
            let problem = Problem::from(error);
            Answer {
                status: problem.status,
                body: document(&problem),
            }
        }
    }
}

fn document<T: serde::Serialize>(document: &T) -> Value {
    serde_json::to_value(document).expect("wire documents are plain data")
}

fn respond(answer: &Answer) -> Response {
    if let Some(problem) = Problem::recall(answer.status, &answer.body) {
        return problem.into_response();
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::CREATED);
    let id = answer.body["stream_id"].as_str().unwrap_or_default();
    let location = [(LOCATION, format!("/api/streams/{id}"))];
    (status, location, Json(&answer.body)).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY_LENGTH => Ok(Some(key.to_owned())),
        _ => {
            let message = format!("must be 1 to {MAX_KEY_LENGTH} visible ASCII characters");
            Err(Problem::invalid_field(
                "Idempotency-Key",
                "invalid_value",
                message,
            ))
        }
    }
}
