//! The native half of the Python package `encoder_manager`.
//!
//! It only carries: JSON text in and out, waiting, cancellation, errors. What people call is the
//! typed Python on top.
//!
//! Whatever waits runs on a tokio runtime of the process and reports to a Python callable, which a
//! thread of its own calls (see [`courier`]). So tokio's threads never wait for the interpreter, and
//! both asyncio and plain threads can wait for the answer in their own way.

mod compute;
mod courier;
mod errors;
mod feed;
mod logging;
mod manager;
mod operation;
mod plugins;
mod runtime;

/// What Python imports as `encoder_manager._encoder_manager`.
#[pyo3::pymodule]
mod _encoder_manager {
    use encoder_core::foreign::{COMPUTATIONS, Engine};
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use super::compute::compute;
    #[pymodule_export]
    use super::feed::Feed;
    #[pymodule_export]
    use super::manager::Manager;
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::runtime::end_process;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let commands = [
            ("READS", Engine::READS),
            ("ACTS", Engine::ACTS),
            ("COMPUTATIONS", COMPUTATIONS),
        ];
        for (name, known) in commands {
            module.add(name, PyTuple::new(module.py(), known)?)?;
        }
        Ok(())
    }
}
