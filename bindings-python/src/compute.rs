//! The pure policies.

use pyo3::prelude::*;

use crate::errors::detached;

/// Computes what follows from plain data; see `COMPUTATIONS` for the names.
#[pyfunction]
pub(crate) fn compute(py: Python<'_>, name: &str, arguments: &str) -> PyResult<String> {
    detached(py, || encoder_core::foreign::compute(name, arguments))
}
