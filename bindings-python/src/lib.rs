//! The native half of the Python package `encoder_manager`.
//!
//! It only carries: JSON text in and out, waiting, cancellation, errors. What people call is the
//! typed Python on top.
//!
//! Whatever waits runs on a tokio runtime of the process and reports to a Python callable, which a
//! thread of its own calls (see `courier`). So tokio's threads never wait for the interpreter, and
//! both asyncio and plain threads can wait for the answer in their own way.

mod compute;
mod conformance;
mod courier;
mod errors;
mod factory;
mod feed;
mod lent;
mod logging;
mod manager;
mod object;
mod operation;
mod plugins;
mod runtime;
mod simulator;

/// What Python imports as `encoder_manager._encoder_manager`.
#[pyo3::pymodule]
mod _encoder_manager {
    use encoder_core::foreign::{COMPUTATIONS, Engine};
    use encoder_core::testkit::suite;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use super::compute::compute;
    #[pymodule_export]
    use super::conformance::check;
    #[pymodule_export]
    use super::feed::Feed;
    #[pymodule_export]
    use super::lent::Lent;
    #[pymodule_export]
    use super::manager::Manager;
    #[pymodule_export]
    use super::object::Answer;
    #[pymodule_export]
    use super::operation::{Operation, nothing};
    #[pymodule_export]
    use super::runtime::end_process;
    #[pymodule_export]
    use super::simulator::Simulator;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let commands = [
            ("READS", Engine::READS),
            ("ACTS", Engine::ACTS),
            ("COMPUTATIONS", COMPUTATIONS),
            ("DRIVER_ITEMS", suite::DRIVER),
            ("BALANCER_ITEMS", suite::BALANCER),
            ("HEALTH_ITEMS", suite::HEALTH),
            ("REMEDIATION_ITEMS", suite::REMEDIATION),
        ];
        for (name, known) in commands {
            module.add(name, PyTuple::new(module.py(), known)?)?;
        }
        Ok(())
    }
}
