//! The live feed over Socket.IO 5.
//!
//! A key comes in `auth: {token}` or in the `Authorization` header, and is checked before the
//! connection stands: a refused client sees the code in `connect_error` and no event at all.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, Extension, SocketRef, State, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{SendError, SocketError, SocketIo};
use tokio_util::sync::CancellationToken;

use super::feed::Transport;
use super::{Integrity, Message, Session};
use crate::audit;
use crate::auth::Principal;
use crate::auth::guard;
use crate::limits;
use crate::state::AppState;

/// Pause before a full connection is tried again; it tells nobody when it has room.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// The Socket.IO server as a layer, and the handle that closes it.
pub(crate) fn layer(state: &AppState) -> (SocketIoLayer, SocketIo) {
    let sockets = &state.config().sockets;
    let (layer, io) = SocketIo::builder()
        .with_state(state.clone())
        .max_payload(sockets.message_bytes as u64)
        .ws_max_message_size(sockets.message_bytes)
        .ws_max_frame_size(sockets.message_bytes)
        .connect_timeout(sockets.auth_timeout)
        .build_layer();
    io.ns("/", connected.with(admit));
    (layer, io)
}

/// Why a client is refused; its text is what the client sees.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

async fn admit(
    socket: SocketRef,
    TryData(auth): TryData<Value>,
    State(state): State<AppState>,
) -> Result<(), Refused> {
    let auth = auth.ok();
    let principal = identify(&socket, auth.as_ref(), &state).await?;
    let signed = auth.as_ref().is_some_and(|auth| auth["integrity"] == true);
    let integrity = match token(&socket, auth.as_ref()) {
        Some(token) if signed => Some(Integrity::new(token)),
        _ => None,
    };
    let session = Arc::new(Session::new(
        state,
        principal,
        integrity,
        Transport::SocketIo,
    ));
    socket.extensions.insert(Joined {
        session,
        gone: CancellationToken::new(),
    });
    // Before the client learns that it is connected, or its first message might find nobody.
    socket.on_fallback(said);
    socket.on_disconnect(async |Extension(joined): Extension<Joined>| joined.gone.cancel());
    Ok(())
}

async fn identify(
    socket: &SocketRef,
    auth: Option<&Value>,
    state: &AppState,
) -> Result<Principal, Refused> {
    let parts = socket.req_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip());
    let client = limits::client_of(state.limits(), peer, &parts.headers);
    let found = match auth.and_then(|auth| auth["token"].as_str()) {
        Some(token) => guard::authenticate(state, token, client).await,
        None => guard::identify(state, &parts.headers, client).await,
    };
    found.map_err(|problem| {
        audit::refused_connection(state, client, "connect /socket.io", &problem);
        Refused(problem.code.clone())
    })
}

/// The key a client presents.
fn token<'a>(socket: &'a SocketRef, auth: Option<&'a Value>) -> Option<&'a str> {
    let given = auth.and_then(|auth| auth["token"].as_str());
    given.or_else(|| guard::bearer(&socket.req_parts().headers))
}

/// One connection's session, and the signal that it is gone.
#[derive(Clone)]
struct Joined {
    session: Arc<Session>,
    gone: CancellationToken,
}

async fn connected(
    socket: SocketRef,
    Extension(joined): Extension<Joined>,
    State(state): State<AppState>,
) {
    state
        .tasks()
        .spawn("socket.io client", deliver(socket, joined));
}

/// Any message of the client; each is acknowledged, whatever is in it.
async fn said(
    Event(event): Event,
    TryData(body): TryData<Value>,
    Extension(joined): Extension<Joined>,
    ack: AckSender,
) {
    let answer = match body {
        Ok(body) => joined.session.answer(&event, body),
        Err(_) => joined.session.complain(),
    };
    // The client may be gone, or have asked for no answer.
    let _ = ack.send(&answer);
}

/// Brings events to the client until either side ends it.
async fn deliver(socket: SocketRef, joined: Joined) {
    let inbox = joined.session.open(None);
    let over = joined.session.until_over();
    tokio::pin!(over);
    if let Some(data) = joined.session.terms() {
        let event = "integrity";
        emit(
            &socket,
            &Message {
                event,
                data,
                id: None,
                observed: None,
            },
        )
        .await;
    }
    let code = loop {
        let message = tokio::select! {
            () = joined.gone.cancelled() => return,
            code = &mut over => break code,
            item = inbox.next() => match item {
                Some(item) => joined.session.seal(Message::from(item)),
                None => break "too_slow",
            },
        };
        let sent = tokio::select! {
            () = joined.gone.cancelled() => return,
            code = &mut over => break code,
            sent = emit(&socket, &message) => sent,
        };
        if !sent {
            return;
        }
        joined.session.delivered(&message);
    };
    let farewell = joined.session.seal(Message {
        event: "end",
        data: json!({"code": code}),
        id: None,
        observed: None,
    });
    // A client that takes nothing any more cannot be told; it is cut off all the same.
    let _ = tokio::time::timeout(Duration::from_secs(1), emit(&socket, &farewell)).await;
    let _ = socket.disconnect();
}

/// Sends one message, waiting while the connection is full. Returns whether it still stands.
async fn emit(socket: &SocketRef, message: &Message) -> bool {
    loop {
        match socket.emit(message.event, &message.data) {
            Ok(()) => return true,
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                tokio::time::sleep(FULL_PAUSE).await;
            }
            Err(error) => {
                tracing::debug!(%error, event = message.event, "live event not sent");
                return !matches!(error, SendError::Socket(SocketError::Closed));
            }
        }
    }
}
