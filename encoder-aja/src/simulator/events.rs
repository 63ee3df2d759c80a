//! The connections of the long poll: who listens, and what each has not read yet.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::assumptions::{Assumptions, TooManyConnections};
use super::catalogue::ParameterIndex;

/// One parameter having changed.
pub(super) struct Change {
    pub(super) index: ParameterIndex,
    pub(super) value: String,
    /// Grows by one with every change of the device.
    pub(super) update: u64,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value may be a stream key.
        f.debug_struct("Change")
            .field("index", &self.index)
            .field("update", &self.update)
            .finish_non_exhaustive()
    }
}

/// What a wait finds.
#[derive(Debug)]
pub(super) enum Waiting {
    /// There is no such connection, or no longer.
    Unknown,
    /// Nothing yet; the handle wakes when that changes.
    Quiet(Arc<Notify>),
    /// Something changed, oldest first.
    Changes(Vec<Arc<Change>>),
}

#[derive(Debug, Default)]
pub(super) struct Connections {
    open: BTreeMap<u32, Connection>,
    last_id: u32,
}

#[derive(Debug)]
struct Connection {
    unread: VecDeque<Arc<Change>>,
    last_used: Instant,
    wake: Arc<Notify>,
}

impl Connections {
    /// Opens a connection; `None` when the device has no place left.
    pub(super) fn connect(&mut self, now: Instant, rules: &Assumptions) -> Option<u32> {
        self.forget_expired(now, rules.connection_lifetime);
        if self.open.len() >= rules.max_connections {
            let oldest = self
                .open
                .iter()
                .min_by_key(|(_, connection)| connection.last_used);
            match (rules.too_many_connections, oldest) {
                (TooManyConnections::ForgetOldest, Some((&id, _))) => self.forget(id),
                _ => return None,
            }
        }
        Some(self.open(now))
    }

    /// Opens a connection without asking for room.
    pub(super) fn open(&mut self, now: Instant) -> u32 {
        self.last_id += 1;
        let connection = Connection {
            unread: VecDeque::new(),
            last_used: now,
            wake: Arc::new(Notify::new()),
        };
        self.open.insert(self.last_id, connection);
        self.last_id
    }

    /// Begins a wait: an id unused for longer than its lifetime is gone.
    pub(super) fn begin_wait(&mut self, id: u32, now: Instant, lifetime: Duration) -> Waiting {
        self.forget_expired(now, lifetime);
        self.read(id, now)
    }

    /// Takes what is unread; a wait under way keeps its id alive.
    pub(super) fn read(&mut self, id: u32, now: Instant) -> Waiting {
        let Some(connection) = self.open.get_mut(&id) else {
            return Waiting::Unknown;
        };
        connection.last_used = now;
        if connection.unread.is_empty() {
            return Waiting::Quiet(Arc::clone(&connection.wake));
        }
        Waiting::Changes(connection.unread.drain(..).collect())
    }

    /// Hands a change to every listener; the oldest unread one makes room.
    pub(super) fn publish(&mut self, change: &Arc<Change>, queue: usize) {
        for connection in self.open.values_mut() {
            if connection.unread.len() >= queue {
                connection.unread.pop_front();
            }
            connection.unread.push_back(Arc::clone(change));
            connection.wake.notify_one();
        }
    }

    /// Whether anybody may still ask for changes.
    pub(super) fn has_listener(&self, now: Instant, rules: &Assumptions) -> bool {
        let patience = rules.connection_lifetime.max(rules.hold);
        self.open
            .values()
            .any(|open| open.last_used + patience >= now)
    }

    pub(super) fn forget_all(&mut self) {
        while let Some((&id, _)) = self.open.first_key_value() {
            self.forget(id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn forget(&mut self, id: u32) {
        if let Some(connection) = self.open.remove(&id) {
            connection.wake.notify_one();
        }
    }

    fn forget_expired(&mut self, now: Instant, lifetime: Duration) {
        self.open.retain(|_, open| open.last_used + lifetime >= now);
    }
}
