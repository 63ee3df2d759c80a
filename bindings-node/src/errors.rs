//! Errors and panics on their way to JavaScript.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use encoder_core::foreign::error_document;
use encoder_core::{Error, ErrorKind, Result};

/// Runs what JavaScript called. Errors are thrown with their document as message, and a panic is
/// an error too: it never unwinds into the engine.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&panic)));
    done.map_err(|error| napi::Error::from_reason(error_document(&error)))
}

/// The error that a panic becomes.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let told = panic.downcast_ref::<String>().map(String::as_str);
    let told = told.or_else(|| panic.downcast_ref::<&str>().copied());
    let message = format!(
        "a defect of encoder-manager, please report it: {}",
        told.unwrap_or("it panicked without a message")
    );
    Error::new(ErrorKind::Unexpected, message)
}

/// The error of everything that is asked of a manager after its end.
pub(crate) fn closed() -> Error {
    let message = "this manager is closed; make a new one";
    Error::new(ErrorKind::ShuttingDown, message)
}
