//! The live feed as server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::unfold;
use serde::Deserialize;
use utoipa::IntoParams;

use super::feed::{Inbox, Transport};
use super::{Interest, Message, Session};
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

/// Which events are wanted; everything when nothing is named.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// Only this stream, or with an encoder also this stream.
    stream_id: Option<String>,
    /// Only this encoder, or with a stream also this encoder.
    encoder_id: Option<String>,
}

type Feed = Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

/// The live feed. `Last-Event-ID` resumes it; a `lagged` event tells what was lost.
#[utoipa::path(get, path = "/api/events", tag = "events",
    params(FeedQuery, ("Last-Event-ID" = Option<u64>, Header,
        description = "The id of the last event that arrived")),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(state): State<AppState>,
    principal: Principal,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Sse<axum::response::sse::KeepAliveStream<Feed>>, Problem> {
    let heartbeat = state.config().sockets.heartbeat;
    let session = Session::new(state, principal, None, Transport::Sse);
    for interest in query.interests()? {
        session.check(&interest)?;
        session.interests().add(interest);
    }
    let after = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let session = Arc::new(session);
    let inbox = session.open(after);
    let told = Arc::clone(&session);
    let over: BoxFuture<'static, &'static str> =
        Box::pin(async move { session.until_over().await });
    let feed: Feed = Box::pin(unfold(Some((inbox, told, over)), next));
    Ok(Sse::new(feed).keep_alive(KeepAlive::new().interval(heartbeat)))
}

type Open = Option<(Inbox, Arc<Session>, BoxFuture<'static, &'static str>)>;

async fn next(open: Open) -> Option<(Result<Event, Infallible>, Open)> {
    let (inbox, session, mut over) = open?;
    tokio::select! {
        code = &mut over => {
            let event = Event::default().event("end").data(format!("{{\"code\":\"{code}\"}}"));
            Some((Ok(event), None))
        }
        item = inbox.next() => {
            let message = Message::from(item?);
            // The body is only asked for more when the connection has room.
            session.delivered(&message);
            let event = Event::default().event(message.event).data(message.data.to_string());
            let event = match message.id {
                Some(id) => event.id(id.to_string()),
                None => event,
            };
            Some((Ok(event), Some((inbox, session, over))))
        }
    }
}

impl FeedQuery {
    fn interests(&self) -> Result<Vec<Interest>, Problem> {
        let wrong = |field| Problem::invalid_field(field, "invalid_value", "cannot be an id");
        let mut interests = Vec::new();
        if let Some(id) = &self.stream_id {
            interests.push(Interest::Stream(
                id.parse().map_err(|_| wrong("stream_id"))?,
            ));
        }
        if let Some(id) = &self.encoder_id {
            interests.push(Interest::Encoder(
                id.parse().map_err(|_| wrong("encoder_id"))?,
            ));
        }
        if interests.is_empty() {
            interests.push(Interest::All);
        }
        Ok(interests)
    }
}
