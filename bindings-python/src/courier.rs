//! A thread that speaks to Python for those who must not wait for it.
//!
//! Whoever wants the interpreter waits for whatever Python code runs at the time. Tokio's threads
//! must not, since fail-over runs on them, so they leave what is to be said here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

type Errand = Box<dyn FnOnce(Python<'_>) + Send>;

#[derive(Debug)]
pub(crate) struct Courier {
    errands: Sender<Option<Errand>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Courier {
    /// Starts the thread.
    pub(crate) fn start(name: &str) -> Result<Self> {
        let (errands, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&waiting))
            .map_err(|error| {
                Error::new(ErrorKind::Unexpected, "no thread could be started").with_source(error)
            })?;
        Ok(Self {
            errands,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs that with the interpreter, soon and in the order of sending. It must not take long. When
    /// the interpreter is ending, nothing happens.
    pub(crate) fn send(&self, errand: impl FnOnce(Python<'_>) + Send + 'static) {
        // Without the thread the interpreter is ending, and nobody listens.
        let _ = self.errands.send(Some(Box::new(errand)));
    }

    /// Does what was sent so far and ends the thread. Never called with the interpreter held.
    pub(crate) fn stop(&self) {
        let _ = self.errands.send(None);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // It caught every panic.
            let _ = thread.join();
        }
    }
}

fn run(errands: &Receiver<Option<Errand>>) {
    while let Ok(Some(first)) = errands.recv() {
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
