//! Decisions of an object: in time, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::ForeignConfig;
use super::complaints::Complaints;
use super::object::ForeignObject;
use crate::error::{Error, ErrorKind, Result};
use crate::tasks::Supervisor;

/// Decisions of one object that may be under way at once. Each holds a thread while it waits, and
/// the runtime has some hundreds.
const AT_ONCE: usize = 64;

/// Asks an object for decisions.
#[derive(Debug)]
pub(super) struct Decider {
    object: Arc<dyn ForeignObject>,
    config: ForeignConfig,
    calls: Arc<Calls>,
    complaints: Complaints,
    tasks: Supervisor,
}

impl Decider {
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the object lacks the method.
    pub(super) fn new(
        object: Arc<dyn ForeignObject>,
        method: &str,
        config: &ForeignConfig,
    ) -> Result<Self> {
        require(object.as_ref(), &[method])?;
        Ok(Self {
            object,
            config: config.clone(),
            calls: Arc::default(),
            complaints: Complaints::default(),
            tasks: Supervisor::new(),
        })
    }

    pub(super) fn object(&self) -> &dyn ForeignObject {
        self.object.as_ref()
    }

    /// How often it gave no decision that could be used.
    pub(super) fn refusals(&self) -> u64 {
        self.complaints.total()
    }

    /// Why its first such answer could not be used.
    pub(super) fn first_refusal(&self) -> Option<&str> {
        self.complaints.first()
    }

    /// What the object decides; `None` when that is late, fails, or `read` makes no sense of it.
    pub(super) fn ask<T>(
        &self,
        method: &'static str,
        arguments: Result<String>,
        read: impl FnOnce(&str) -> Result<T>,
    ) -> Option<T> {
        let answer = arguments.and_then(|arguments| self.answer(method, arguments));
        let decision = answer.and_then(|answer| read(&answer));
        let note = |error| self.complaints.note(self.object.name(), method, &error);
        decision.map_err(note).ok()
    }

    fn answer(&self, method: &'static str, arguments: String) -> Result<String> {
        may_block()?;
        let call = self.calls.begin(method)?;
        let (sender, receiver) = sync_channel(1);
        let (object, ending) = (Arc::clone(&self.object), Ending(Arc::clone(&call)));
        // A call that hangs is watched beyond the deadline, to know when there may be another.
        let limit = self.config.call_deadline.max(self.config.decide_deadline);
        self.tasks
            .spawn_until_shutdown("foreign decision", async move {
                let answer =
                    tokio::time::timeout(limit, object.call(method, arguments, None)).await;
                drop(ending);
                // Nobody waits any more when that fails.
                let _ = sender.send(answer.unwrap_or_else(|_| Err(late(method, limit))));
            });
        let deadline = self.config.decide_deadline;
        let waited = tokio::task::block_in_place(|| receiver.recv_timeout(deadline));
        waited.unwrap_or_else(|why| match why {
            RecvTimeoutError::Timeout => {
                call.is_late();
                Err(late(method, deadline))
            }
            RecvTimeoutError::Disconnected => {
                let message = format!("{method}() was given up midway");
                Err(Error::new(ErrorKind::Unexpected, message))
            }
        })
    }
}

impl Drop for Decider {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// # Errors
/// [`ErrorKind::ConfigInvalid`] naming every method that the object lacks.
pub(super) fn require(object: &dyn ForeignObject, methods: &[&str]) -> Result<()> {
    let missing: Vec<_> = methods
        .iter()
        .filter(|method| !object.has(method))
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("{} lacks {}()", object.name(), missing.join("(), "));
    Err(Error::new(ErrorKind::ConfigInvalid, message))
}

/// Whether this thread may wait without stopping what it waits for.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] outside of tokio's multi-thread runtime.
pub(super) fn may_block() -> Result<Handle> {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() != RuntimeFlavor::CurrentThread => Ok(handle),
        _ => {
            let message = "objects of another language need tokio's multi-thread runtime";
            Err(Error::new(ErrorKind::ConfigInvalid, message))
        }
    }
}

fn late(method: &str, deadline: Duration) -> Error {
    let message = format!(
        "{method}() gave no answer within {} ms",
        deadline.as_millis()
    );
    Error::new(ErrorKind::DeadlineExceeded, message)
}

/// The calls of one object that are under way.
#[derive(Debug, Default)]
struct Calls {
    under_way: AtomicUsize,
    /// Those of them that are beyond their deadline.
    late: AtomicUsize,
}

impl Calls {
    fn begin(self: &Arc<Self>, method: &str) -> Result<Arc<Call>> {
        if self.late.load(Ordering::Acquire) > 0 {
            let message = format!("{method}() was not called: an earlier call still hangs");
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }
        if self.under_way.fetch_add(1, Ordering::AcqRel) >= AT_ONCE {
            self.under_way.fetch_sub(1, Ordering::AcqRel);
            let message = format!("{method}() was not called: {AT_ONCE} calls are under way");
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }
        Ok(Arc::new(Call {
            calls: Arc::clone(self),
            is_settled: AtomicBool::new(false),
        }))
    }
}

/// One call, shared by who waits and the task that makes it. The first to settle it says what
/// became of it.
#[derive(Debug)]
struct Call {
    calls: Arc<Calls>,
    is_settled: AtomicBool,
}

impl Call {
    /// It is beyond its deadline, unless it ended just now.
    fn is_late(&self) {
        self.calls.late.fetch_add(1, Ordering::AcqRel);
        if self.is_settled.swap(true, Ordering::AcqRel) {
            self.calls.late.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Ends a call, also when its task is dropped.
struct Ending(Arc<Call>);

impl Drop for Ending {
    fn drop(&mut self) {
        if self.0.is_settled.swap(true, Ordering::AcqRel) {
            self.0.calls.late.fetch_sub(1, Ordering::AcqRel);
        }
        self.0.calls.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
