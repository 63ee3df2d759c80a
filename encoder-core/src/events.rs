//! The event bus: numbered, bounded, and honest about loss.
//!
//! Every event gets a place in the whole feed and a place among the events of its subject. A
//! bounded ring keeps the recent past, so that a client that was away can catch up, and a client
//! that was away too long is told so instead of silently missing something.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::broadcast;

use crate::model::{Event, EventKind, Subject, Timestamp};
use crate::monitor::FeedMeter;

/// What a subscriber receives.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// An event.
    Event(Arc<Event>),
    /// So many events were lost because the subscriber was slow. Resynchronise by reading.
    Lagged(u64),
}

/// Distributes events to any number of subscribers.
#[derive(Clone, Debug)]
pub struct EventBus(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sender: broadcast::Sender<Arc<Event>>,
    feed: Mutex<Feed>,
    capacity: usize,
    meter: FeedMeter,
}

#[derive(Debug, Default)]
struct Feed {
    last_id: u64,
    sequences: HashMap<Subject, u64>,
    recent: VecDeque<Arc<Event>>,
}

impl EventBus {
    /// A bus that keeps the last `capacity` events for slow and returning subscribers.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let (sender, _) = broadcast::channel(capacity);
        Self(Arc::new(Shared {
            sender,
            feed: Mutex::default(),
            capacity,
            meter: FeedMeter::new(),
        }))
    }

    /// Numbers an event and hands it to every subscriber. Never blocks.
    pub fn publish(&self, subject: Subject, timestamp: Timestamp, kind: EventKind) -> Arc<Event> {
        self.publish_observed(subject, timestamp, kind, None)
    }

    /// As [`publish`](Self::publish), for news of an encoder that its watcher saw at that moment.
    pub fn publish_observed(
        &self,
        subject: Subject,
        timestamp: Timestamp,
        kind: EventKind,
        observed: Option<Instant>,
    ) -> Arc<Event> {
        self.0.meter.published(kind.name());
        let mut feed = self.feed();
        feed.last_id += 1;
        let sequence = feed.sequences.entry(subject.clone()).or_insert(0);
        *sequence += 1;
        let sequence = *sequence;
        let event = Arc::new(Event {
            id: feed.last_id,
            sequence,
            timestamp,
            observed,
            subject,
            kind,
        });
        if feed.recent.len() >= self.0.capacity {
            feed.recent.pop_front();
        }
        feed.recent.push_back(Arc::clone(&event));
        // Sending inside the lock keeps the order of the feed; without a receiver it fails, and
        // nobody misses anything.
        let _ = self.0.sender.send(Arc::clone(&event));
        event
    }

    /// Everything from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.0.sender.subscribe(),
        }
    }

    /// Everything after the event of that id: the recent past, then from now on. The first part
    /// is `None` when the past no longer reaches back so far.
    pub fn resume(&self, after: u64) -> (Option<Vec<Arc<Event>>>, Subscription) {
        let feed = self.feed();
        let subscription = self.subscribe();
        let oldest = feed
            .recent
            .front()
            .map_or(feed.last_id + 1, |event| event.id);
        let missed = (after <= feed.last_id && after + 1 >= oldest).then(|| {
            feed.recent
                .iter()
                .filter(|event| event.id > after)
                .cloned()
                .collect()
        });
        (missed, subscription)
    }

    /// Sequence of the subject's latest event; 0 when there was none.
    pub fn sequence(&self, subject: &Subject) -> u64 {
        self.feed().sequences.get(subject).copied().unwrap_or(0)
    }

    /// Forgets the numbering of a subject that is gone for good, so that a long life with many
    /// streams does not fill the memory. Should the subject come back, it counts from 1 again.
    pub fn forget(&self, subject: &Subject) {
        self.feed().sequences.remove(subject);
    }

    /// Place of the latest event in the whole feed.
    pub fn last_id(&self) -> u64 {
        self.feed().last_id
    }

    /// Figures of the feed, and where to tell what became of the events at the clients.
    pub fn meter(&self) -> &FeedMeter {
        &self.0.meter
    }

    /// Events that some subscriber has not taken yet.
    pub fn backlog(&self) -> usize {
        self.0.sender.len()
    }

    fn feed(&self) -> std::sync::MutexGuard<'_, Feed> {
        self.0.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscriber's end of the bus.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Event>>,
}

impl Subscription {
    /// The next event; `None` when the bus is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        match self.receiver.recv().await {
            Ok(event) => Some(Delivery::Event(event)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Delivery::Lagged(lost)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests;
