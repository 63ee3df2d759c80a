//! The thread that owns the connection.

use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, unavailable};
use super::{SqliteConfig, schema};
use crate::error::Result;
use crate::store::{Change, changes};

/// Most commands that share a transaction; bounds how long the first of them waits.
const BATCH: usize = 64;

/// Something to do with the connection, and the type of its result.
pub(super) trait Operation: Send + 'static {
    /// What the caller gets.
    type Output: Send + 'static;
    /// The trait method, for errors.
    const NAME: &'static str;
    /// Whether it needs the write lock.
    const WRITES: bool;

    /// Does it. The outer error is a failure of the store and undoes the transaction, the inner
    /// one a refusal that concerns this caller only. May be called again after a failure.
    fn run(&self, connection: &Connection) -> rusqlite::Result<Result<Self::Output>>;

    /// What watchers hear of it.
    fn change(&self, _output: &Self::Output) -> Option<Change> {
        None
    }
}

/// A queued operation of any kind.
pub(super) trait Job: Send {
    /// Whether it needs the write lock.
    fn writes(&self) -> bool;
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Does it, keeping the result back until it is acknowledged.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Gives the caller the result, or the failure that undid it. Returns the change made.
    fn acknowledge(self: Box<Self>, failure: Option<&Failure>, tell: &dyn Fn(Change));
}

/// An operation with its result and the way back to its caller.
pub(super) struct Queued<O: Operation> {
    operation: O,
    outcome: Option<Result<O::Output>>,
    reply: oneshot::Sender<Result<O::Output>>,
}

impl<O: Operation> Queued<O> {
    /// Nothing done yet.
    pub(super) fn new(operation: O, reply: oneshot::Sender<Result<O::Output>>) -> Self {
        Self {
            operation,
            outcome: None,
            reply,
        }
    }
}

impl<O: Operation> Job for Queued<O> {
    fn writes(&self) -> bool {
        O::WRITES
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.outcome = Some(self.operation.run(connection)?);
        Ok(())
    }

    fn acknowledge(self: Box<Self>, failure: Option<&Failure>, tell: &dyn Fn(Change)) {
        let outcome = match (failure, self.outcome) {
            (None, Some(outcome)) => outcome.map_err(|error| error.with_operation(O::NAME)),
            (Some(failure), _) => Err(failure.to_error().with_operation(O::NAME)),
            (None, None) => Err(unavailable("the command was not run").with_operation(O::NAME)),
        };
        let change = outcome.as_ref().ok().and_then(|o| self.operation.change(o));
        if let Some(change) = change {
            tell(change);
        }
        // A caller that stopped waiting does not want the answer.
        let _ = self.reply.send(outcome);
    }
}

/// The connection and its queue.
pub(super) struct Worker {
    connection: Connection,
    runtime: Runtime,
    queue: mpsc::Receiver<Box<dyn Job>>,
    closing: CancellationToken,
    changes: broadcast::Sender<Change>,
    watch_interval: Duration,
    foreign: ForeignWrites,
}

/// Notices commits of other connections to the file.
struct ForeignWrites {
    version: i64,
    looked_at: Instant,
}

impl Worker {
    /// Opens the file.
    pub(super) fn open(
        config: &SqliteConfig,
        queue: mpsc::Receiver<Box<dyn Job>>,
        closing: CancellationToken,
    ) -> Result<Self> {
        // A runtime of its own gives this thread a receive with a timeout.
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| unavailable("the store's thread has no timer").with_source(error))?;
        let connection = schema::open(config)?;
        let version = data_version(&connection).map_err(Failure::from)?;
        Ok(Self {
            connection,
            runtime,
            queue,
            closing,
            changes: changes::channel(),
            watch_interval: config.watch_interval.max(Duration::from_millis(1)),
            foreign: ForeignWrites {
                version,
                looked_at: Instant::now(),
            },
        })
    }

    /// Where changes are announced.
    pub(super) fn changes(&self) -> &broadcast::Sender<Change> {
        &self.changes
    }

    /// Works until told to close, or until the last handle is dropped.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(received) = self.receive(&mut batch) {
            if received > 0 {
                self.process(std::mem::take(&mut batch));
            }
            if self.foreign.looked_at.elapsed() >= self.watch_interval {
                self.look_for_foreign_writes();
            }
        }
    }

    /// Waits for commands: `Some(0)` when none came for a while, `None` at the end.
    fn receive(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Option<usize> {
        let Self {
            runtime,
            queue,
            closing,
            watch_interval,
            ..
        } = self;
        let is_closed = queue.is_closed();
        runtime.block_on(async {
            let more = tokio::time::timeout(*watch_interval, queue.recv_many(batch, BATCH));
            let received = tokio::select! {
                biased;
                () = closing.cancelled(), if !is_closed => None,
                received = more => received.ok(),
            };
            if closing.is_cancelled() {
                // What is queued is still received, and then nothing.
                queue.close();
            }
            match received {
                Some(0) => None,
                received => Some(received.unwrap_or(0)),
            }
        })
    }

    fn process(&mut self, batch: Vec<Box<dyn Job>>) {
        let wanted = batch.into_iter().filter(|job| !job.is_abandoned());
        let (writes, reads): (Vec<_>, Vec<_>) = wanted.partition(|job| job.writes());
        if !writes.is_empty() {
            self.write(writes);
        }
        // Reads come after the commit, so they cannot see what may still be undone.
        for mut read in reads {
            let failure = read.run(&self.connection).err().map(Failure::from);
            self.acknowledge(read, failure.as_ref());
        }
    }

    /// Runs the commands in one transaction. When that fails for a reason that may lie in one of
    /// them, each gets a transaction of its own.
    fn write(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let failure = self.commit(&mut jobs).err().map(Failure::from);
        let may_be_one = jobs.len() > 1 && failure.as_ref().is_some_and(|f| !f.is_lock());
        if may_be_one {
            for job in jobs {
                self.write(vec![job]);
            }
            return;
        }
        for job in jobs {
            self.acknowledge(job, failure.as_ref());
        }
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in jobs {
            job.run(&transaction)?;
        }
        transaction.commit()
    }

    fn acknowledge(&self, job: Box<dyn Job>, failure: Option<&Failure>) {
        job.acknowledge(failure, &|change| changes::announce(&self.changes, change));
    }

    fn look_for_foreign_writes(&mut self) {
        self.foreign.looked_at = Instant::now();
        match data_version(&self.connection) {
            Ok(version) if version == self.foreign.version => {}
            Ok(version) => {
                self.foreign.version = version;
                changes::announce(&self.changes, Change::Lagged);
            }
            Err(error) => tracing::debug!(%error, "data_version not readable"),
        }
    }
}

/// Changes when another connection committed to the file, and only then.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}
