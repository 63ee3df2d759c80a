//! The live feed as JSON frames: `{"event": …, "data": …}`.
//!
//! A client with an `Authorization` header is let in or refused before the upgrade. A browser
//! cannot set one; its first frame must be `{"event": "auth", "data": {"token": …}}`. Without a
//! subscription the whole feed comes; the first `subscribe` narrows it. `integrity: true` next to
//! the token asks for signed messages; the answer names the nonce.

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::feed::Transport;
use super::{Integrity, Interest, Message, Session};
use crate::audit;
use crate::auth::guard;
use crate::auth::{Principal, Refusal};
use crate::limits::{self, Client};
use crate::problem::Problem;
use crate::state::AppState;

/// Close codes of our own, from the range for applications.
const UNAUTHORIZED: u16 = 4401;
const TOO_SLOW: u16 = 4408;
/// The server goes away, from the protocol itself.
const GOING_AWAY: u16 = 1001;

/// What the audit log calls a connection.
const CONNECT: &str = "GET /ws";

/// The live feed over WebSocket.
#[utoipa::path(get, path = "/ws", tag = "events", security((), ("api_key" = [])),
    responses((status = 101, description = "JSON frames `{event, data}`")))]
pub(crate) async fn upgrade(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let client = limits::client(&state, &request);
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &state).await;
    let upgrade = upgrade.map_err(|_| Problem::malformed("this path speaks WebSocket"))?;
    let principal = match guard::bearer(&parts.headers) {
        Some(_) => {
            let found = guard::identify(&state, &parts.headers, client).await;
            let note =
                |problem: &Problem| audit::refused_connection(&state, client, CONNECT, problem);
            Some(found.inspect_err(note)?)
        }
        None => None,
    };
    let limit = state.config().sockets.message_bytes;
    let upgrade = upgrade.max_message_size(limit).max_frame_size(limit);
    Ok(upgrade.on_upgrade(move |socket| {
        Connection {
            socket,
            state,
            client,
        }
        .serve(principal)
    }))
}

/// A client's frame.
#[derive(Debug, Deserialize)]
struct Said {
    event: String,
    #[serde(default)]
    data: Value,
    /// Comes back in the answer.
    #[serde(default)]
    id: Option<Value>,
}

struct Connection {
    socket: WebSocket,
    state: AppState,
    client: Client,
}

impl Connection {
    async fn serve(mut self, principal: Option<Principal>) {
        let session = match principal {
            Some(principal) => {
                Session::new(self.state.clone(), principal, None, Transport::WebSocket)
            }
            None => match self.authenticate().await {
                Ok(session) => session,
                Err(code) => return self.close(UNAUTHORIZED, &code).await,
            },
        };
        session.interests().add(Interest::All);
        let (code, reason) = self.converse(&session).await;
        self.close(code, reason).await;
    }

    /// The first frame must be the key.
    async fn authenticate(&mut self) -> Result<Session, String> {
        let timeout = self.state.config().sockets.auth_timeout;
        let first = tokio::time::timeout(timeout, self.socket.recv()).await;
        let Ok(Some(Ok(Frame::Text(text)))) = first else {
            return Err(Refusal::Missing.code().to_owned());
        };
        let said = serde_json::from_str::<Said>(&text).ok();
        let said = said.filter(|said| said.event == "auth");
        let token = said.as_ref().and_then(|said| said.data["token"].as_str());
        let token = token.ok_or(Refusal::Missing.code())?;
        let found = guard::authenticate(&self.state, token, self.client).await;
        let principal = found.map_err(|problem| {
            audit::refused_connection(&self.state, self.client, CONNECT, &problem);
            problem.code.clone()
        })?;
        let signed = said
            .as_ref()
            .is_some_and(|said| said.data["integrity"] == true);
        let integrity = signed.then(|| Integrity::new(token));
        let scope = principal.scope;
        let session = Session::new(
            self.state.clone(),
            principal,
            integrity,
            Transport::WebSocket,
        );
        let data = json!({"status": "ok", "scope": scope, "integrity": session.terms()});
        let welcome = json!({"event": "auth", "data": data});
        // A client that is gone already is noticed by the next read.
        let _ = self.socket.send(Frame::text(welcome.to_string())).await;
        Ok(session)
    }

    /// Until either side ends it. Returns what to close with.
    async fn converse(&mut self, session: &Session) -> (u16, &'static str) {
        let inbox = session.open(None);
        let over = session.until_over();
        tokio::pin!(over);
        let period = self.state.config().sockets.heartbeat;
        let mut heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        let mut narrowed = false;
        loop {
            let mut told = None;
            let frame = tokio::select! {
                code = &mut over => {
                    let status = if code == "shutting_down" { GOING_AWAY } else { UNAUTHORIZED };
                    return (status, code);
                }
                item = inbox.next() => match item {
                    Some(item) => {
                        let message = told.insert(session.seal(Message::from(item)));
                        Frame::text(text(message))
                    }
                    None => return (TOO_SLOW, "too_slow"),
                },
                said = self.socket.recv() => match said {
                    Some(Ok(Frame::Text(said))) => {
                        Frame::text(answer(session, &said, &mut narrowed))
                    }
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => return (1000, ""),
                    Some(Ok(_)) => continue,
                },
                _ = heartbeat.tick() => Frame::Ping(Vec::new().into()),
            };
            if self.socket.send(frame).await.is_err() {
                return (1000, "");
            }
            if let Some(message) = told {
                session.delivered(&message);
            }
        }
    }

    async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code,
            reason: reason.to_owned().into(),
        };
        // Closing is a courtesy; the client may be gone.
        let _ = self.socket.send(Frame::Close(Some(frame))).await;
    }
}

fn answer(session: &Session, said: &str, narrowed: &mut bool) -> String {
    let Ok(said) = serde_json::from_str::<Said>(said) else {
        return json!({"event": "ack", "data": session.complain()}).to_string();
    };
    if said.event == "subscribe" && !std::mem::replace(narrowed, true) {
        session.interests().remove(&Interest::All);
    }
    let ack = session.answer(&said.event, said.data);
    json!({"event": "ack", "id": said.id, "data": ack}).to_string()
}

fn text(message: &Message) -> String {
    serde_json::to_string(message).expect("messages are plain data")
}
