//! The live feed for another language: events as JSON, in batches, honest about loss.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::FutureExt;
use serde::Serialize;

use crate::error::Result;
use crate::events::{Delivery, EventBus, Subscription};
use crate::model::{EncoderId, Event, StreamId, Subject};
use crate::wire::Fields;

/// What one consumer is told.
///
/// Opened with `{stream_id?, encoder_id?, after?}`: events of that stream and that encoder, or all of
/// them; from after the event of that id, as far as it is remembered, or from now on.
///
/// An event is `{"id", "event", "data"}`, its data being what the server's live feed carries. A
/// consumer that falls further behind than the manager remembers (`event_capacity`) gets
/// `{"event": "lagged", "data": {"lost"}}` in place of what it lost, and should read again what it
/// shows; `lost` counts the events of all subjects, or is `null` where `after` lies too far back to
/// count.
#[derive(Debug)]
pub struct EventFeed {
    subscription: Subscription,
    interests: Vec<Subject>,
    last_id: u64,
    ready: VecDeque<String>,
}

impl EventFeed {
    pub(super) fn open(bus: &EventBus, mut fields: Fields) -> Result<Self> {
        let stream = fields.optional::<StreamId>("stream_id");
        let encoder = fields.optional::<EncoderId>("encoder_id");
        let after = fields.optional::<u64>("after");
        fields.finish(Some(()))?;
        let interests = [stream.map(Subject::Stream), encoder.map(Subject::Encoder)];
        let after = after.unwrap_or_else(|| bus.last_id());
        let (missed, subscription) = bus.resume(after);
        let mut feed = Self {
            subscription,
            interests: interests.into_iter().flatten().collect(),
            last_id: after,
            ready: VecDeque::new(),
        };
        match missed {
            Some(events) => events.iter().for_each(|event| feed.take_event(event)),
            None => {
                feed.last_id = bus.last_id();
                feed.admit(None);
            }
        }
        Ok(feed)
    }

    /// The next events, in order, as soon as there is one and at most `most` of them; empty when the
    /// feed is over. Cancel-safe.
    pub async fn next(&mut self, most: usize) -> Vec<String> {
        while self.ready.is_empty() {
            match self.subscription.next().await {
                Some(delivery) => self.take(delivery),
                None => return Vec::new(),
            }
        }
        while self.ready.len() < most {
            match self.subscription.next().now_or_never() {
                Some(Some(delivery)) => self.take(delivery),
                _ => break,
            }
        }
        let count = most.max(1).min(self.ready.len());
        self.ready.drain(..count).collect()
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Event(event) => self.take_event(&event),
            // The subscription goes on with the oldest event that is remembered.
            Delivery::Lagged(lost) => self.admit(Some(lost)),
        }
    }

    fn admit(&mut self, lost: Option<u64>) {
        self.push(&Frame {
            id: None,
            event: "lagged",
            data: &Lost { lost },
        });
    }

    fn take_event(&mut self, event: &Arc<Event>) {
        // After catching up, the subscription repeats what was published in between.
        if event.id <= self.last_id {
            return;
        }
        self.last_id = event.id;
        if self.interests.is_empty() || self.interests.contains(&event.subject) {
            self.push(&Frame {
                id: Some(event.id),
                event: event.kind.name(),
                data: event.as_ref(),
            });
        }
    }

    fn push<T: Serialize>(&mut self, frame: &Frame<'_, T>) {
        match serde_json::to_string(frame) {
            Ok(text) => self.ready.push_back(text),
            Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
        }
    }
}

#[derive(Serialize)]
struct Frame<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    event: &'a str,
    data: &'a T,
}

#[derive(Serialize)]
struct Lost {
    lost: Option<u64>,
}
