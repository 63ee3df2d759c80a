//! Errors of the library as exceptions of `encoder_manager.errors`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use encoder_core::foreign::error_document;
use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

/// The exception, not raised yet.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let document = py
        .import("json")?
        .call_method1("loads", (error_document(error),))?;
    py.import("encoder_manager.errors")?
        .call_method1("from_document", (document,))
}

/// The exception, to be returned to Python.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// Runs something that needs no Python, with the interpreter free for others. A panic becomes an
/// `UnexpectedError`; pyo3 would make of it an exception that `except Exception` lets through.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(defect())))
        .map_err(|error| raised(py, &error))
}

/// A panic was caught; its own message went to stderr.
pub(crate) fn defect() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "a defect in encoder_manager; its report is on the standard error output",
    )
}
