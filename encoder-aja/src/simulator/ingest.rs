//! Where simulated streams arrive: who publishes what, and what a second publisher meets.
//!
//! The ingest never calls a device. It marks a publication as dropped and wakes its owner, so that
//! two devices fighting for one key cannot block each other.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How an ingest treats a second publisher of the same URL and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personality {
    /// The newcomer is accepted and the other one dropped.
    Takeover,
    /// The newcomer is refused.
    Reject,
    /// Both are accepted.
    Separate,
    /// Both are dropped.
    DropBoth,
}

/// A destination shared by simulated devices; clones are the same destination.
///
/// ```
/// use std::time::Duration;
/// use encoder_aja::simulator::{Personality, SimulatedIngest};
///
/// let ingest = SimulatedIngest::new(Personality::Reject)
///     .with_idle_timeout(Duration::from_secs(30));
/// assert!(ingest.publishers("rtmp://ingest.example/live", "key").is_empty());
/// ```
#[derive(Clone)]
pub struct SimulatedIngest {
    personality: Personality,
    idle_timeout: Duration,
    book: Arc<Mutex<Book>>,
}

impl fmt::Debug for SimulatedIngest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The book is kept by stream key.
        f.debug_struct("SimulatedIngest")
            .field("personality", &self.personality)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

/// Somebody publishing now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publisher {
    /// The serial number of the device.
    pub serial: String,
    /// Since when.
    pub since: Instant,
    /// Since when no media arrives, for a publisher that vanished without stopping.
    pub silent_since: Option<Instant>,
}

/// Something that happened at the ingest.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestRecord {
    /// When.
    pub at: Instant,
    /// The serial number of the device.
    pub serial: String,
    /// The URL published to, without the key.
    pub url: String,
    /// The stream key; hidden in debug output.
    pub key: String,
    /// What happened.
    pub what: IngestChange,
}

impl fmt::Debug for IngestRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IngestRecord")
            .field("at", &self.at)
            .field("serial", &self.serial)
            .field("url", &self.url)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

/// The things that happen at an ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngestChange {
    /// A publisher was accepted.
    Accepted,
    /// A publisher was refused.
    Refused,
    /// A publisher stopped.
    Stopped,
    /// A publisher was dropped by the ingest.
    Dropped,
    /// No media arrives from a publisher that has not stopped.
    Vanished,
    /// A vanished publisher was given up.
    TimedOut,
}

#[derive(Default)]
struct Book {
    publishing: HashMap<(String, String), Vec<Entry>>,
    history: Vec<IngestRecord>,
    refuses_everybody: bool,
    refused_keys: HashSet<(String, String)>,
}

struct Entry {
    publisher: Publisher,
    dropped: Arc<AtomicBool>,
    owner: Arc<Notify>,
}

/// A device's hold on its key. It ends by [`stop`](Self::stop) or [`vanish`](Self::vanish).
#[derive(Debug)]
pub(super) struct Publication {
    ingest: SimulatedIngest,
    place: Place,
    dropped: Arc<AtomicBool>,
}

/// Who publishes where.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) serial: String,
    pub(super) url: String,
    pub(super) key: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("serial", &self.serial)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl SimulatedIngest {
    /// An ingest with this personality and an idle timeout of ten seconds.
    #[must_use]
    pub fn new(personality: Personality) -> Self {
        Self {
            personality,
            idle_timeout: Duration::from_secs(10),
            book: Arc::default(),
        }
    }

    /// Sets how long a publisher that vanished without stopping still holds its key.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// The personality.
    #[must_use]
    pub fn personality(&self) -> Personality {
        self.personality
    }

    /// Who holds the key now, vanished publishers within the idle timeout included.
    #[must_use]
    pub fn publishers(&self, url: &str, key: &str) -> Vec<Publisher> {
        let mut book = self.lock();
        book.give_up_vanished(self.idle_timeout, Instant::now());
        let entries = book.publishing.get(&(url.to_owned(), key.to_owned()));
        let entries = entries.into_iter().flatten();
        entries.map(|entry| entry.publisher.clone()).collect()
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn history(&self) -> Vec<IngestRecord> {
        let mut book = self.lock();
        book.give_up_vanished(self.idle_timeout, Instant::now());
        book.history.clone()
    }

    /// The largest number of publishers that ever sent media at once, by the history; a vanished
    /// one sends none.
    #[must_use]
    pub fn most_publishers(&self, url: &str, key: &str) -> usize {
        let mut present: Vec<String> = Vec::new();
        let mut most = 0;
        for record in self.history() {
            if record.url != url || record.key != key || record.what == IngestChange::Refused {
                continue;
            }
            match record.what {
                IngestChange::Accepted => present.push(record.serial),
                _ => present.retain(|serial| *serial != record.serial),
            }
            most = most.max(present.len());
        }
        most
    }

    /// Drops every publisher of the key, as an ingest does that restarts.
    pub fn drop_publishers(&self, url: &str, key: &str) {
        let (serial, url, key) = (String::new(), url.to_owned(), key.to_owned());
        let place = Place { serial, url, key };
        self.lock().drop_all(&place, Instant::now());
    }

    /// Refuses every newcomer from now on, or accepts them again.
    pub fn refuse_everybody(&self, refuse: bool) {
        self.lock().refuses_everybody = refuse;
    }

    /// Refuses every newcomer at this address with this key from now on, and drops who is there; or
    /// accepts them again.
    pub fn refuse_key(&self, url: &str, key: &str, refuse: bool) {
        self.lock()
            .refused_keys
            .remove(&(url.to_owned(), key.to_owned()));
        if refuse {
            let address = (url.to_owned(), key.to_owned());
            self.lock().refused_keys.insert(address);
            self.drop_publishers(url, key);
        }
    }

    /// Asks for a place; `None` is a refusal.
    pub(super) fn publish(
        &self,
        place: Place,
        now: Instant,
        owner: &Arc<Notify>,
    ) -> Option<Publication> {
        let mut book = self.lock();
        book.give_up_vanished(self.idle_timeout, now);
        // A device that comes back takes its own old place.
        book.remove(&place, now, IngestChange::Dropped);
        let taken = book
            .publishing
            .get(&place.address())
            .is_some_and(|entries| !entries.is_empty());
        let refuses = book.refuses_everybody || book.refused_keys.contains(&place.address());
        if refuses || (taken && self.personality == Personality::Reject) {
            book.note(&place, now, IngestChange::Refused);
            return None;
        }
        let drops_others = taken && self.personality != Personality::Separate;
        if drops_others {
            book.drop_all(&place, now);
        }
        let dropped = book.accept(&place, now, owner);
        if drops_others && self.personality == Personality::DropBoth {
            book.drop_all(&place, now);
        }
        Some(Publication {
            ingest: self.clone(),
            place,
            dropped,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn address(&self) -> (String, String) {
        (self.url.clone(), self.key.clone())
    }
}

impl Publication {
    /// Whether the ingest has ended it.
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    /// Ends it properly.
    pub(super) fn stop(self, now: Instant) {
        if !self.is_dropped() {
            self.ingest
                .lock()
                .remove(&self.place, now, IngestChange::Stopped);
        }
    }

    /// Ends it without a word: the ingest keeps the place until its idle timeout.
    pub(super) fn vanish(self, now: Instant) {
        if !self.is_dropped() {
            self.ingest.lock().vanish(&self.place, now);
        }
    }
}

impl Book {
    fn note(&mut self, place: &Place, at: Instant, what: IngestChange) {
        self.history.push(IngestRecord {
            at,
            serial: place.serial.clone(),
            url: place.url.clone(),
            key: place.key.clone(),
            what,
        });
    }

    fn accept(&mut self, place: &Place, now: Instant, owner: &Arc<Notify>) -> Arc<AtomicBool> {
        let dropped = Arc::new(AtomicBool::new(false));
        let entry = Entry {
            publisher: Publisher {
                serial: place.serial.clone(),
                since: now,
                silent_since: None,
            },
            dropped: Arc::clone(&dropped),
            owner: Arc::clone(owner),
        };
        self.publishing
            .entry(place.address())
            .or_default()
            .push(entry);
        self.note(place, now, IngestChange::Accepted);
        dropped
    }

    fn remove(&mut self, place: &Place, now: Instant, what: IngestChange) {
        let Some(entries) = self.publishing.get_mut(&place.address()) else {
            return;
        };
        let before = entries.len();
        entries.retain(|entry| entry.publisher.serial != place.serial);
        if entries.len() < before {
            self.note(place, now, what);
        }
    }

    fn drop_all(&mut self, place: &Place, now: Instant) {
        let entries = self.publishing.remove(&place.address()).unwrap_or_default();
        for entry in entries {
            entry.dropped.store(true, Ordering::Release);
            entry.owner.notify_one();
            let lost = Place {
                serial: entry.publisher.serial,
                ..place.clone()
            };
            self.note(&lost, now, IngestChange::Dropped);
        }
    }

    fn vanish(&mut self, place: &Place, now: Instant) {
        let entries = self.publishing.get_mut(&place.address());
        let own = entries
            .into_iter()
            .flatten()
            .find(|entry| entry.publisher.serial == place.serial);
        if let Some(entry) = own {
            entry.publisher.silent_since = Some(now);
            self.note(place, now, IngestChange::Vanished);
        }
    }

    fn give_up_vanished(&mut self, idle_timeout: Duration, now: Instant) {
        let mut lost = Vec::new();
        for ((url, key), entries) in &mut self.publishing {
            entries.retain(|entry| {
                let end = entry
                    .publisher
                    .silent_since
                    .map(|since| since + idle_timeout);
                let Some(at) = end.filter(|end| *end <= now) else {
                    return true;
                };
                let place = Place {
                    serial: entry.publisher.serial.clone(),
                    url: url.clone(),
                    key: key.clone(),
                };
                lost.push((at, place));
                false
            });
        }
        lost.sort_by_key(|(at, _)| *at);
        for (at, place) in lost {
            self.note(&place, at, IngestChange::TimedOut);
        }
    }
}
