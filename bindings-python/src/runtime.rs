//! What a process has once: tokio's threads, and those that speak to Python.
//!
//! A forked child inherits the memory but none of the threads. So everything here knows the process
//! that it was made in; the child gets its own on first use, and leaves the inherited one alone for
//! ever: dropping it would wait for threads that are not there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::courier::{Courier, Habit};
use crate::logging;
use crate::manager::Lifecycle;

/// How long the end of the interpreter waits for managers that nobody closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Python does not tell when somebody changes a level of logging.
const LOOK_AT_LEVELS: Habit = Habit {
    every: Duration::from_secs(1),
    what: logging::refresh,
};

/// The foreign adapters block one worker while a decision is made.
const LEAST_WORKERS: usize = 2;

#[derive(Debug)]
pub(crate) struct Process {
    id: u32,
    ended: AtomicBool,
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    answers: Courier,
    log: Courier,
    managers: Mutex<Vec<Weak<Lifecycle>>>,
}

enum Present {
    Nothing,
    Running(Arc<Process>),
    Ended,
}

/// Locked with the interpreter held only, so that no thread has it at a fork.
static PRESENT: Mutex<Present> = Mutex::new(Present::Nothing);

impl Process {
    /// That of this process, made on first use.
    pub(crate) fn present(py: Python<'_>) -> Result<Arc<Self>> {
        if let Some(known) = Self::known()? {
            return Ok(known);
        }
        let process = Arc::new(Self::start()?);
        let running = Present::Running(Arc::clone(&process));
        // What was inherited from before a fork is not to be dropped.
        std::mem::forget(std::mem::replace(&mut *locked(&PRESENT), running));
        // Runs Python code, which lets other threads in.
        logging::carry(py, &process);
        Ok(process)
    }

    fn known() -> Result<Option<Arc<Self>>> {
        match &*locked(&PRESENT) {
            Present::Ended => Err(ended()),
            Present::Running(process) if process.is_here() => Ok(Some(Arc::clone(process))),
            Present::Running(_) | Present::Nothing => Ok(None),
        }
    }

    fn start() -> Result<Self> {
        let workers = std::thread::available_parallelism().map_or(LEAST_WORKERS, Into::into);
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers.max(LEAST_WORKERS))
            .thread_name("encoder-manager")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Unexpected, "no runtime could be started").with_source(error)
            })?;
        Ok(Self {
            id: std::process::id(),
            ended: AtomicBool::new(false),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            answers: Courier::start("encoder-manager-answers", None)?,
            log: Courier::start("encoder-manager-log", Some(LOOK_AT_LEVELS))?,
            managers: Mutex::default(),
        })
    }

    /// Tokio's.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Brings answers to Python.
    pub(crate) fn answers(&self) -> &Courier {
        &self.answers
    }

    /// Brings log lines to Python.
    pub(crate) fn log(&self) -> &Courier {
        &self.log
    }

    /// Whether this is the process that it was made in, not a fork.
    pub(crate) fn is_here(&self) -> bool {
        self.id == std::process::id()
    }

    /// Whether everything was closed, because the interpreter is ending.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// # Errors
    /// [`ErrorKind::Conflict`] in a forked child; [`ErrorKind::ShuttingDown`] at the end.
    pub(crate) fn require_here(&self) -> Result<()> {
        if self.is_here() {
            return if self.has_ended() {
                Err(ended())
            } else {
                Ok(())
            };
        }
        let message = "this process was forked after the manager was opened, and its threads are \
            not here; make a new Manager in the child, or start workers with multiprocessing's spawn";
        Err(Error::new(ErrorKind::Conflict, message).with_context("opened_in_process", self.id))
    }

    /// Closes that manager at the end of the interpreter, if it is still open then.
    pub(crate) fn adopt(&self, manager: &Arc<Lifecycle>) {
        let mut managers = locked(&self.managers);
        managers.retain(|known| known.strong_count() > 0);
        managers.push(Arc::downgrade(manager));
    }

    /// Closes all managers and ends all threads.
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        let Some(runtime) = locked(&self.runtime).take() else {
            return;
        };
        let managers = std::mem::take(&mut *locked(&self.managers));
        let closing = managers.iter().filter_map(Weak::upgrade);
        let closing: Vec<_> = closing
            .map(|manager| runtime.spawn(async move { manager.close().await }))
            .collect();
        runtime.block_on(async {
            let all = futures::future::join_all(closing);
            // Too late is told by the manager's own log.
            let _ = tokio::time::timeout(PATIENCE, all).await;
        });
        self.answers.stop();
        self.log.stop();
        runtime.shutdown_background();
    }
}

/// Closes what is open and ends every thread of this module, for the end of the interpreter.
#[pyfunction]
pub(crate) fn end_process(py: Python<'_>) {
    let process = match std::mem::replace(&mut *locked(&PRESENT), Present::Ended) {
        Present::Running(process) => process,
        Present::Nothing | Present::Ended => return,
    };
    if process.is_here() {
        py.detach(|| process.end());
    } else {
        std::mem::forget(process);
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::ShuttingDown, "the interpreter is exiting")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
