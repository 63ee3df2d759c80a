//! The live feed: one stream of events, three ways to get it.
//!
//! Every connection has an [`Inbox`](feed::Inbox) of its own between the manager's bus and its
//! socket. A client that does not keep up fills its inbox and loses its oldest health updates, is
//! told how many, and holds nobody else up.

pub(crate) mod feed;
mod integrity;
mod session;
pub(crate) mod socketio;
pub(crate) mod sse;
pub(crate) mod websocket;

pub(crate) use integrity::Integrity;
pub(crate) use session::{Interest, Session};

use std::time::Instant;

use encoder_core::model::Event;
use serde::Serialize;
use serde_json::{Value, json};

use feed::Item;

/// Name of the event that tells of lost ones.
pub(crate) const LAGGED: &str = "lagged";

/// A message to the client: its event's name and its data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Message {
    /// The event's name.
    pub(crate) event: &'static str,
    /// What it says.
    pub(crate) data: Value,
    /// Its place in the whole feed, for `Last-Event-ID`.
    #[serde(skip)]
    pub(crate) id: Option<u64>,
    /// When a device showed it, where one did.
    #[serde(skip)]
    pub(crate) observed: Option<Instant>,
}

impl From<Item> for Message {
    fn from(item: Item) -> Self {
        match item {
            Item::Event(event) => Self::from(event.as_ref()),
            Item::Lagged { lost, resync } => Self {
                event: LAGGED,
                data: json!({"lost": lost, "resync": resync}),
                id: None,
                observed: None,
            },
        }
    }
}

impl From<&Event> for Message {
    fn from(event: &Event) -> Self {
        Self {
            event: event.kind.name(),
            data: serde_json::to_value(event).expect("events are plain data"),
            id: Some(event.id),
            observed: event.observed,
        }
    }
}
