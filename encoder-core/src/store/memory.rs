//! A store that forgets everything with the process: for tests, and for managers that may.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::{Change, Expect, Key, Lease, Record, Revision, StateStore, changes, conditions};
use crate::error::Result;

/// Keeps records in memory. Clones share them.
///
/// Leases run on tokio's clock, so they follow a paused one. `Debug` shows counts only, because
/// records hold secrets.
///
/// ```
/// use encoder_core::store::{Expect, Key, MemoryStore, StateStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let store = MemoryStore::default();
/// let key = Key::try_new("streams/str_1")?;
/// let revision = store.put(&key, b"first", Expect::Absent).await?;
/// store.put(&key, b"second", Expect::Revision(revision)).await?;
/// assert!(store.put(&key, b"late", Expect::Revision(revision)).await.is_err());
/// # Ok::<(), encoder_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

struct Shared {
    contents: Mutex<Contents>,
    changes: broadcast::Sender<Change>,
}

#[derive(Default)]
struct Contents {
    last_revision: u64,
    records: BTreeMap<Key, (Vec<u8>, Revision)>,
    leases: HashMap<String, Held>,
}

struct Held {
    owner: String,
    token: u64,
    /// `None` is later than the clock can count.
    until: Option<Instant>,
}

impl Held {
    fn has_ended(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl MemoryStore {
    /// A store without records.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            contents: Mutex::default(),
            changes: changes::channel(),
        }))
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0
            .contents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.contents();
        f.debug_struct("MemoryStore")
            .field("records", &contents.records.len())
            .field("leases", &contents.leases.len())
            .finish()
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>> {
        let contents = self.contents();
        let found = contents.records.get_key_value(key);
        Ok(found.map(|(key, entry)| record(key, entry)))
    }

    async fn put(&self, key: &Key, value: &[u8], expect: Expect) -> Result<Revision> {
        let mut contents = self.contents();
        let found = contents.records.get(key).map(|(_, revision)| *revision);
        if !conditions::meets(expect, found) {
            return Err(conditions::mismatch(key, found).with_operation("StateStore::put"));
        }
        contents.last_revision += 1;
        let revision = Revision(contents.last_revision);
        let entry = (value.to_vec(), revision);
        let change = Change::Put(record(key, &entry));
        contents.records.insert(key.clone(), entry);
        // Announcing inside the lock keeps the order of the writes.
        changes::announce(&self.0.changes, change);
        Ok(revision)
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<()> {
        let mut contents = self.contents();
        let Some((_, revision)) = contents.records.get(key) else {
            return Ok(());
        };
        let found = Some(*revision);
        if !conditions::meets(expect, found) {
            return Err(conditions::mismatch(key, found).with_operation("StateStore::delete"));
        }
        contents.records.remove(key);
        changes::announce(&self.0.changes, Change::Deleted(key.clone()));
        Ok(())
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<Record>> {
        let contents = self.contents();
        Ok(contents
            .records
            .range(prefix..)
            .take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()))
            .map(|(key, entry)| record(key, entry))
            .collect())
    }

    fn watch(&self, prefix: &Key) -> BoxStream<'static, Change> {
        changes::under(prefix, self.0.changes.subscribe())
    }

    async fn lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<Lease> {
        let now = Instant::now();
        let mut contents = self.contents();
        let held = contents.leases.get(name);
        let token = match held {
            None => 1,
            Some(held) if held.owner == owner => held.token,
            Some(held) if held.has_ended(now) => held.token + 1,
            Some(held) => {
                let refusal = conditions::held_by_another(name, &held.owner);
                return Err(refusal.with_operation("StateStore::lease"));
            }
        };
        let held = Held {
            owner: owner.to_owned(),
            token,
            until: now.checked_add(ttl),
        };
        contents.leases.insert(name.to_owned(), held);
        Ok(Lease {
            name: name.to_owned(),
            owner: owner.to_owned(),
            token,
            ttl,
        })
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let mut contents = self.contents();
        let held = contents.leases.get_mut(&lease.name);
        // The entry stays, so that tokens keep growing.
        if let Some(held) = held.filter(|h| h.owner == lease.owner && h.token == lease.token) {
            held.until = Some(Instant::now());
        }
        Ok(())
    }
}

fn record(key: &Key, (value, revision): &(Vec<u8>, Revision)) -> Record {
    Record {
        key: key.clone(),
        value: value.clone(),
        revision: *revision,
    }
}
