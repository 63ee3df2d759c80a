//! A thread that speaks to Python for those who must not wait for it.
//!
//! Whoever wants the interpreter waits for whatever Python code runs at the time. Tokio's threads
//! must not, since fail-over runs on them, so they leave what is to be said here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

type Errand = Box<dyn FnOnce(Python<'_>) + Send>;

/// Longest wait for the thread to end: what it calls in Python may hang.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Courier {
    errands: Sender<Option<Errand>>,
    /// Closed by the thread when it ends.
    ended: Mutex<Receiver<()>>,
}

/// What a courier does from time to time of its own accord.
#[derive(Clone, Copy)]
pub(crate) struct Habit {
    pub(crate) every: Duration,
    pub(crate) what: fn(Python<'_>),
}

impl Courier {
    /// Starts the thread.
    pub(crate) fn start(name: &str, habit: Option<Habit>) -> Result<Self> {
        let (errands, waiting) = channel();
        let (alive, ended) = channel();
        let work = move || {
            run(&waiting, habit);
            drop(alive);
        };
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(work).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "no thread could be started").with_source(error)
        })?;
        Ok(Self {
            errands,
            ended: Mutex::new(ended),
        })
    }

    /// Runs that with the interpreter, soon and in the order of sending. It must not take long. When
    /// the interpreter is ending, nothing happens.
    pub(crate) fn send(&self, errand: impl FnOnce(Python<'_>) + Send + 'static) {
        // Without the thread the interpreter is ending, and nobody listens.
        let _ = self.errands.send(Some(Box::new(errand)));
    }

    /// Does what was sent so far and ends the thread, if Python lets it. Never called with the
    /// interpreter held.
    pub(crate) fn stop(&self) {
        let _ = self.errands.send(None);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is ever sent: the end of the thread closes it.
        let _ = ended.recv_timeout(PATIENCE);
    }
}

fn run(errands: &Receiver<Option<Errand>>, habit: Option<Habit>) {
    let habit = habit.unwrap_or(Habit {
        every: Duration::MAX,
        what: |_| {},
    });
    loop {
        let first = match errands.recv_timeout(habit.every) {
            Ok(Some(first)) => first,
            Err(RecvTimeoutError::Timeout) => Box::new(habit.what),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
        };
        let goes_on = Python::try_attach(|py| {
            do_it(py, first);
            loop {
                match errands.try_recv() {
                    Ok(Some(next)) => do_it(py, next),
                    Ok(None) => return false,
                    Err(_) => return true,
                }
            }
        });
        if goes_on != Some(true) {
            return;
        }
    }
}

/// A panic here would end the thread, and with it every answer.
fn do_it(py: Python<'_>, errand: Errand) {
    if catch_unwind(AssertUnwindSafe(|| errand(py))).is_err() {
        tracing::error!("a defect while speaking to Python");
    }
}
