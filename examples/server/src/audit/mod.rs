//! Who did what, with which key: kept in the store, for an admin to read.
//!
//! Every request that changes something, is for an admin or reveals a stream key, every key that was
//! refused, and what is done to keys on the command line is one entry. The entry is written before the
//! answer is given, so that nothing acknowledged is missing; a store that does not take it in time
//! delays the answer by no more than half a second, because the act may be the failover that saves a
//! show. The entry is then written as soon as the store allows, and is in the log in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use encoder_core::Result;
use encoder_core::model::Timestamp;
use encoder_core::store::{Expect, Key, Record, StateStore};
use encoder_core::tasks::{Clock, Supervisor};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

mod draft;
mod entry;

pub(crate) use draft::{keep, refused, refused_connection};
pub use entry::{Actor, AuditEntry, Via};

const PREFIX: &str = "audit/";
const DAY: Duration = Duration::from_secs(86_400);
/// Digits of a day such as `2026-11-26`.
const DATE: usize = 10;
/// How long an answer waits for its entry to be written.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between attempts to write an entry.
const RETRY: Duration = Duration::from_secs(1);
/// Entries that may wait for the store. More are in the log alone.
const MAX_WAITING: usize = 1000;

/// How long entries are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Days that are kept, today included. Default 90.
    pub retention_days: u32,
    /// Entries that are kept; the oldest days go first. Default 20,000.
    pub max_entries: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            retention_days: 90,
            max_entries: 20_000,
        }
    }
}

/// Which entries are wanted. `None` does not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Id of the key.
    pub key_id: Option<String>,
    /// Part of the action, such as `failover`.
    pub action: Option<String>,
    /// A value of the subject, such as an encoder's or stream's id.
    pub subject: Option<String>,
}

impl AuditQuery {
    fn wants(&self, entry: &AuditEntry) -> bool {
        let key = entry.actor.as_ref().map(|actor| &actor.key_id);
        let mut subject = entry.subject.values();
        (self.from..=self.to).contains(&entry.at)
            && self.key_id.as_ref().is_none_or(|id| key == Some(id))
            && (self.action.as_ref()).is_none_or(|part| entry.action.contains(part))
            && (self.subject.as_ref()).is_none_or(|wanted| subject.any(|known| known == wanted))
    }
}

/// The entries of this server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn StateStore>,
    clock: Clock,
    config: AuditConfig,
    tasks: Supervisor,
    waiting: AtomicUsize,
}

impl AuditLog {
    /// Entries kept in `store` under `audit/`. What the store did not take yet is tried until
    /// `tasks` are told to end.
    pub fn new(
        store: Arc<dyn StateStore>,
        clock: Clock,
        config: AuditConfig,
        tasks: Supervisor,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            config,
            tasks,
            waiting: AtomicUsize::new(0),
        }))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Writes an entry; returns when it is written, or after half a second. Dropped meanwhile, it is
    /// written all the same.
    pub async fn keep(&self, entry: AuditEntry) {
        let written = self.keep_soon(entry);
        if tokio::time::timeout(PATIENCE, written).await.is_err() {
            tracing::warn!("an entry of the audit log waits for the store");
        }
    }

    /// Writes an entry without waiting; what is returned resolves when it is written.
    fn keep_soon(&self, entry: AuditEntry) -> oneshot::Receiver<()> {
        entry.log();
        let (done, written) = oneshot::channel();
        if self.0.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.0.waiting.fetch_sub(1, Ordering::Relaxed);
            tracing::error!("too many entries of the audit log wait; this one is in the log only");
            return written;
        }
        let inner = Arc::clone(&self.0);
        self.0.tasks.spawn("audit entry", async move {
            inner.write(&entry).await;
            inner.waiting.fetch_sub(1, Ordering::Relaxed);
            // Whoever waited may have given up.
            let _ = done.send(());
        });
        written
    }

    /// Writes an entry now.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`](encoder_core::ErrorKind::StoreUnavailable).
    pub async fn write(&self, entry: &AuditEntry) -> Result<()> {
        entry.log();
        self.0.put(entry).await
    }

    /// Entries that are wanted, newest first.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`](encoder_core::ErrorKind::StoreUnavailable).
    pub async fn find(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>> {
        let mut found = Vec::new();
        for day in days(query.from, query.to.min(self.now())) {
            let records = self.0.store.list(&prefix_of(&day)?).await?;
            let entries = records.iter().filter_map(decode);
            found.extend(entries.filter(|entry| query.wants(entry)));
        }
        found.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(found)
    }

    /// Removes entries that are past their time or their number. Returns how many.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`](encoder_core::ErrorKind::StoreUnavailable).
    pub async fn sweep(&self) -> Result<usize> {
        let AuditConfig {
            retention_days,
            max_entries,
        } = self.0.config;
        let kept = DAY * retention_days.saturating_sub(1);
        let oldest = day_of(self.now().minus(kept));
        let records = self.0.store.list(&Key::try_new(PREFIX)?).await?;
        let excess = records.len().saturating_sub(max_entries);
        let mut removed = 0;
        // In order of their keys, which begin with the day.
        for (place, record) in records.iter().enumerate() {
            let name = record.key.as_str();
            let day = name.get(PREFIX.len()..PREFIX.len() + DATE);
            if place >= excess && day.is_none_or(|day| *day >= *oldest) {
                break;
            }
            self.0.store.delete(&record.key, Expect::Any).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

impl Inner {
    /// Tries until it is written, or the server ends.
    async fn write(&self, entry: &AuditEntry) {
        while let Err(error) = self.put(entry).await {
            tracing::warn!(%error, id = entry.id, "an entry of the audit log is not written yet");
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.tasks.token().cancelled() => {
                    tracing::error!(id = entry.id, "this entry of the audit log is in the log only");
                    return;
                }
            }
        }
    }

    async fn put(&self, entry: &AuditEntry) -> Result<()> {
        let key = Key::try_new(format!("{PREFIX}{}/{}", day_of(entry.at), entry.id))?;
        let value = serde_json::to_vec(entry).expect("an entry is plain data");
        self.store.put(&key, &value, Expect::Any).await.map(drop)
    }
}

fn day_of(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate(DATE);
    text
}

fn days(from: Timestamp, to: Timestamp) -> impl Iterator<Item = String> {
    let last = day_of(to);
    std::iter::successors(Some(from), |at| Some(at.plus(DAY)))
        .map(day_of)
        .take_while(move |day| *day <= last)
}

fn prefix_of(day: &str) -> Result<Key> {
    Key::try_new(format!("{PREFIX}{day}/"))
}

/// One that cannot be read is left out and said.
fn decode(record: &Record) -> Option<AuditEntry> {
    let read = serde_json::from_slice(&record.value);
    read.inspect_err(|error| tracing::warn!(key = %record.key, %error, "audit entry unreadable"))
        .ok()
}

#[cfg(test)]
mod tests;
