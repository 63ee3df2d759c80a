//! The native half of the Python package `encoder_manager`.
//!
//! It holds the version and nothing else yet; the README says so too.

/// What Python imports as `encoder_manager._encoder_manager`.
#[pyo3::pymodule]
mod _encoder_manager {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
