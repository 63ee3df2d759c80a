//! Durable records in one SQLite file.
//!
//! One thread owns the connection and takes commands from a bounded queue, so that no task of
//! the async runtime ever waits for a disk. Writes that queue up while the disk is busy share one
//! transaction and one flush; each is still accepted or refused by its own expectation, and is
//! acknowledged only after the commit. A pool of connections was rejected: SQLite has one writer
//! at a time anyway, and a pool would only move the queue into lock retries.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::failure::unavailable;
use self::operations::{Delete, Get, List, Put, Release, TakeLease};
use self::worker::{Job, Operation, Queued, Worker};
use super::{Change, Expect, Key, Lease, Record, Revision, SeriesStore, StateStore, changes};
use crate::error::Result;
use crate::model::millis;
use crate::tasks::Clock;

mod failure;
mod operations;
mod schema;
mod series;
#[cfg(test)]
mod tests;
mod worker;

/// Commands that may wait for the connection; more make their callers wait.
const QUEUE: usize = 256;

/// Where and how a [`SqliteStore`] keeps its file.
///
/// ```
/// use std::time::Duration;
/// use encoder_core::store::SqliteConfig;
///
/// let config = SqliteConfig::new("fleet.db").with_busy_timeout(Duration::from_millis(500));
/// assert_eq!(config.busy_timeout.as_millis(), 500);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// The file; created when missing, readable by its owner only. Its folder must exist and be
    /// on a local disk. SQLite keeps two more files next to it, `-wal` and `-shm`.
    pub path: PathBuf,
    /// How long a write waits while another process writes, before it is refused.
    #[serde(
        rename = "busy_timeout_ms",
        with = "millis",
        default = "default_busy_timeout"
    )]
    pub busy_timeout: Duration,
    /// Time between looks for writes of other processes, which watchers hear of as
    /// [`Change::Lagged`].
    #[serde(
        rename = "watch_interval_ms",
        with = "millis",
        default = "default_watch_interval"
    )]
    pub watch_interval: Duration,
    /// Largest size of the file in bytes, rounded down to whole pages of 4096; writes beyond it
    /// are refused. `None` leaves it to the disk.
    #[serde(default)]
    pub max_bytes: Option<u64>,
}

const fn default_busy_timeout() -> Duration {
    Duration::from_secs(2)
}

const fn default_watch_interval() -> Duration {
    Duration::from_millis(500)
}

impl SqliteConfig {
    /// That file, with a busy timeout of 2 s, a watch interval of 500 ms and no size limit.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            busy_timeout: default_busy_timeout(),
            watch_interval: default_watch_interval(),
            max_bytes: None,
        }
    }

    /// Sets how long a write waits for another process.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets the time between looks for writes of other processes.
    #[must_use]
    pub fn with_watch_interval(mut self, interval: Duration) -> Self {
        self.watch_interval = interval;
        self
    }

    /// Limits the size of the file.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }
}

/// Keeps records in a SQLite file. Clones share one connection.
///
/// What was acknowledged survives `kill -9` and, as far as the disk keeps its promises, loss of
/// power. A disk that is full or a file that is locked makes [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable) with
/// [`Retry::Safe`](crate::Retry::Safe); the store goes on working when the cause is gone.
///
/// Several processes may share the file. Leases count on the wall clock, so the processes must
/// run on one machine; a clock set back cannot stretch a lease beyond its span. Changes made
/// through this store reach its watchers in order; changes by other processes reach them as
/// [`Change::Lagged`] within [`SqliteConfig::watch_interval`].
#[derive(Clone)]
pub struct SqliteStore(Arc<Handle>);

struct Handle {
    path: PathBuf,
    clock: Clock,
    jobs: mpsc::Sender<Box<dyn Job>>,
    changes: broadcast::WeakSender<Change>,
    closing: CancellationToken,
    ended: CancellationToken,
}

impl SqliteStore {
    /// Opens or creates the file, on the system's clock.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) when the file belongs to something else or to a newer
    /// version, [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable) when it is damaged, locked or not accessible.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        Self::open_with_clock(config, Clock::system()).await
    }

    /// Opens or creates the file; leases run on `clock`.
    ///
    /// # Errors
    /// As for [`SqliteStore::open`].
    pub async fn open_with_clock(config: SqliteConfig, clock: Clock) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (opened, when_opened) = oneshot::channel();
        let closing = CancellationToken::new();
        let ended = CancellationToken::new();
        let path = config.path.clone();
        let (close, end) = (closing.clone(), ended.clone().drop_guard());
        let body = move || {
            let _end = end;
            match Worker::open(&config, queue, close) {
                // A dropped caller has dropped the queue, too: the worker ends at once.
                Ok(worker) => {
                    let _ = opened.send(Ok(worker.changes().downgrade()));
                    worker.run();
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            }
        };
        std::thread::Builder::new()
            .name("sqlite-store".to_owned())
            .spawn(body)
            .map_err(|error| {
                unavailable("the store's thread could not start").with_source(error)
            })?;
        let changes = when_opened
            .await
            .map_err(|_| unavailable("the store's thread ended while opening"))?
            .map_err(|error| error.with_context("path", path.display()))?;
        Ok(Self(Arc::new(Handle {
            path,
            clock,
            jobs,
            changes,
            closing,
            ended,
        })))
    }

    /// Completes what is queued, closes the file and ends watchers. Calls made later are
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable). Dropping the last clone does the same without waiting.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.ended.cancelled().await;
    }

    async fn run<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Queued::new(operation, reply));
        let closed = || unavailable("the store is closed").with_operation(O::NAME);
        self.0.jobs.send(job).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl StateStore for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>> {
        self.run(Get(key.clone())).await
    }

    async fn put(&self, key: &Key, value: &[u8], expect: Expect) -> Result<Revision> {
        let put = Put {
            key: key.clone(),
            value: value.to_vec(),
            expect,
        };
        self.run(put).await
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<()> {
        let key = key.clone();
        self.run(Delete { key, expect }).await.map(drop)
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<Record>> {
        self.run(List(prefix.clone())).await
    }

    fn watch(&self, prefix: &Key) -> BoxStream<'static, Change> {
        match self.0.changes.upgrade() {
            Some(changes) => changes::under(prefix, changes.subscribe()),
            None => stream::empty().boxed(),
        }
    }

    /// The span counts from the moment of the call, not of the answer.
    async fn lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<Lease> {
        let take = TakeLease {
            name: name.to_owned(),
            owner: owner.to_owned(),
            ttl,
            now: self.0.clock.now(),
        };
        self.run(take).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.run(Release(lease.clone())).await
    }

    fn series(&self) -> Option<&dyn SeriesStore> {
        Some(self)
    }

    fn queued(&self) -> Option<usize> {
        let jobs = &self.0.jobs;
        Some(jobs.max_capacity() - jobs.capacity())
    }
}
