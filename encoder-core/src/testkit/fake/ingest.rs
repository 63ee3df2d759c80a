//! An ingest without a network: who may publish where, and what happened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{EncoderId, Personality, PublishTarget, Secret};

/// What happened at an ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestEvent {
    /// When.
    pub at: Instant,
    /// Whose connection it was.
    pub encoder: EncoderId,
    /// The address, without the key.
    pub url: String,
    /// What.
    pub kind: IngestEventKind,
}

/// What became of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IngestEventKind {
    /// It connected and is on air.
    Published,
    /// It was turned away, because another one is connected.
    Refused,
    /// Another one took its place, or the ingest was told to drop it.
    Kicked,
    /// It closed its connection.
    Closed,
    /// It fell silent; the connection is still held open.
    Vanished,
    /// Its silent connection was given up.
    TimedOut,
}

/// A place to publish to, shared by several fake encoders. Clones are the same ingest.
///
/// It tells streams apart by address and key together, and has at most one publisher for each.
/// With [`Personality::Separate`] the two addresses of a stream differ; a second publisher at the
/// same one takes over. Like a real one it cannot tell a returning encoder from another: with
/// [`Personality::Reject`] even the connection that an encoder itself left behind keeps it out.
#[derive(Clone, Debug)]
pub struct FakeIngest(Arc<Mutex<Ingest>>);

#[derive(Debug)]
struct Ingest {
    personality: Personality,
    idle_timeout: Option<Duration>,
    keeps_closed: bool,
    slots: HashMap<Slot, Publisher>,
    history: Vec<IngestEvent>,
    contentions: usize,
}

/// Address and key.
type Slot = (String, Secret);

#[derive(Debug)]
struct Publisher {
    encoder: EncoderId,
    kicked: CancellationToken,
    connected_at: Instant,
    vanished_at: Option<Instant>,
    /// When media stopped to arrive although the encoder goes on.
    stalled_at: Option<Instant>,
}

/// A publisher as a witness sees it.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) target: PublishTarget,
    pub(super) encoder: EncoderId,
    pub(super) bytes: u64,
    pub(super) connected_for: Duration,
}

/// Bytes per second that a publisher sends.
const RATE: f64 = 1_000_000.0;

/// An encoder's end of an accepted connection.
#[derive(Debug)]
pub(super) struct Connection {
    ingest: FakeIngest,
    slot: Slot,
    encoder: EncoderId,
    kicked: CancellationToken,
}

impl FakeIngest {
    /// An ingest that treats a second publisher like that, and keeps one that vanished for 10 s.
    pub fn new(personality: Personality) -> Self {
        Self(Arc::new(Mutex::new(Ingest {
            personality,
            idle_timeout: Some(Duration::from_secs(10)),
            keeps_closed: false,
            slots: HashMap::new(),
            history: Vec::new(),
            contentions: 0,
        })))
    }

    /// Sets how long a publisher that vanished is kept; `None` is for ever.
    #[must_use]
    pub fn with_idle_timeout(self, timeout: Option<Duration>) -> Self {
        self.lock().idle_timeout = timeout;
        self
    }

    /// Makes it slow to notice a connection that was closed in good order: it keeps that as long as
    /// one that vanished.
    #[must_use]
    pub fn keeping_closed(self) -> Self {
        self.lock().keeps_closed = true;
        self
    }

    /// The encoder that is connected there, be it silent.
    pub fn publisher(&self, target: &PublishTarget) -> Option<EncoderId> {
        let mut ingest = self.lock();
        ingest.drop_idle(Instant::now());
        let publisher = ingest.slots.get(&slot(target));
        publisher.map(|publisher| publisher.encoder.clone())
    }

    /// The encoder whose packets arrive there now: connected and not silent.
    pub fn on_air(&self, target: &PublishTarget) -> Option<EncoderId> {
        let ingest = self.lock();
        let publisher = ingest.slots.get(&slot(target));
        publisher
            .filter(|publisher| publisher.vanished_at.is_none())
            .map(|publisher| publisher.encoder.clone())
    }

    /// Everything that happened, in order of time.
    pub fn history(&self) -> Vec<IngestEvent> {
        let mut ingest = self.lock();
        ingest.drop_idle(Instant::now());
        ingest.history.clone()
    }

    /// Encoder and what became of it, in order: the history without times, for comparing.
    pub fn order(&self) -> Vec<(String, IngestEventKind)> {
        let history = self.history().into_iter();
        history
            .map(|event| (event.encoder.to_string(), event.kind))
            .collect()
    }

    /// How often an encoder tried to publish where another one was connected and not silent:
    /// two publishers at once, whatever the ingest made of it.
    pub fn contentions(&self) -> usize {
        self.lock().contentions
    }

    /// Nothing arrives of that stream from now on, while the connection stays and the encoder does
    /// not notice. A publisher that connects anew is received again.
    pub fn stall(&self, target: &PublishTarget) {
        if let Some(publisher) = self.lock().slots.get_mut(&slot(target)) {
            publisher.stalled_at.get_or_insert(Instant::now());
        }
    }

    /// Ends whoever publishes there, be it silent.
    pub fn drop_publisher(&self, target: &PublishTarget) {
        let (now, slot) = (Instant::now(), slot(target));
        let mut ingest = self.lock();
        ingest.drop_idle(now);
        if let Some(dropped) = ingest.slots.remove(&slot) {
            dropped.kicked.cancel();
            ingest.note(now, &dropped.encoder, &slot, IngestEventKind::Kicked);
        }
    }

    pub(super) fn publishing(&self) -> Vec<Publishing> {
        let now = Instant::now();
        let mut ingest = self.lock();
        ingest.drop_idle(now);
        let slots = ingest.slots.iter();
        slots
            .map(|((url, stream_key), publisher)| Publishing {
                target: PublishTarget {
                    url: url.clone(),
                    stream_key: stream_key.clone(),
                },
                encoder: publisher.encoder.clone(),
                bytes: publisher.bytes(now),
                connected_for: now.duration_since(publisher.connected_at),
            })
            .collect()
    }

    pub(super) fn connect(
        &self,
        encoder: &EncoderId,
        target: &PublishTarget,
    ) -> Option<Connection> {
        let now = Instant::now();
        let slot = slot(target);
        let mut ingest = self.lock();
        ingest.drop_idle(now);
        let present = ingest.slots.get(&slot);
        let is_taken = present.is_some();
        let is_sending = present.is_some_and(|publisher| publisher.vanished_at.is_none());
        ingest.contentions += usize::from(is_sending);
        if is_taken && ingest.personality == Personality::Reject {
            ingest.note(now, encoder, &slot, IngestEventKind::Refused);
            return None;
        }
        if let Some(replaced) = ingest.slots.remove(&slot) {
            replaced.kicked.cancel();
            ingest.note(now, &replaced.encoder, &slot, IngestEventKind::Kicked);
        }
        let kicked = CancellationToken::new();
        ingest.note(now, encoder, &slot, IngestEventKind::Published);
        let publisher = Publisher {
            encoder: encoder.clone(),
            kicked: kicked.clone(),
            connected_at: now,
            vanished_at: None,
            stalled_at: None,
        };
        ingest.slots.insert(slot.clone(), publisher);
        Some(Connection {
            ingest: self.clone(),
            slot,
            encoder: encoder.clone(),
            kicked,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ingest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ingest {
    fn note(&mut self, at: Instant, encoder: &EncoderId, slot: &Slot, kind: IngestEventKind) {
        let event = IngestEvent {
            at,
            encoder: encoder.clone(),
            url: slot.0.clone(),
            kind,
        };
        // Timeouts are noticed late and belong where they fell due.
        let place = self.history.partition_point(|earlier| earlier.at <= at);
        self.history.insert(place, event);
    }

    fn drop_idle(&mut self, now: Instant) {
        let Some(timeout) = self.idle_timeout else {
            return;
        };
        let due = self.slots.iter().filter_map(|(slot, publisher)| {
            let due = publisher.vanished_at?.checked_add(timeout)?;
            (due <= now).then(|| (slot.clone(), due))
        });
        for (slot, due) in due.collect::<Vec<_>>() {
            if let Some(publisher) = self.slots.remove(&slot) {
                publisher.kicked.cancel();
                self.note(due, &publisher.encoder, &slot, IngestEventKind::TimedOut);
            }
        }
    }
}

impl Publisher {
    fn bytes(&self, now: Instant) -> u64 {
        let ends = [self.vanished_at, self.stalled_at];
        let end = ends.into_iter().flatten().fold(now, Instant::min);
        (end.duration_since(self.connected_at).as_secs_f64() * RATE) as u64
    }
}

impl Connection {
    /// Cancelled when the ingest ended the connection.
    pub(super) fn kicked(&self) -> &CancellationToken {
        &self.kicked
    }

    /// Closes the connection in good order.
    pub(super) fn close(self) {
        let mut ingest = self.ingest.lock();
        if self.kicked.is_cancelled() {
            return;
        }
        self.kicked.cancel();
        if ingest.keeps_closed {
            if let Some(publisher) = ingest.slots.get_mut(&self.slot) {
                publisher.vanished_at = Some(Instant::now());
            }
        } else {
            ingest.slots.remove(&self.slot);
        }
        ingest.note(
            Instant::now(),
            &self.encoder,
            &self.slot,
            IngestEventKind::Closed,
        );
    }

    /// Stops sending without a word.
    pub(super) fn vanish(self) {
        let now = Instant::now();
        let mut ingest = self.ingest.lock();
        if self.kicked.is_cancelled() {
            return;
        }
        if let Some(publisher) = ingest.slots.get_mut(&self.slot) {
            publisher.vanished_at = Some(now);
        }
        ingest.note(now, &self.encoder, &self.slot, IngestEventKind::Vanished);
    }
}

fn slot(target: &PublishTarget) -> Slot {
    (target.url.clone(), target.stream_key.clone())
}
