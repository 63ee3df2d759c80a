//! A driver that Python may use while `run` of a remediator is under way.

use std::sync::Arc;

use encoder_core::foreign::LentDriver;
use pyo3::prelude::*;

use crate::operation::{Operation, answered};
use crate::runtime::Process;

/// A driver lent to Python; calls after the end of `run` are refused.
#[pyclass(
    frozen,
    name = "LentDriver",
    module = "encoder_manager._encoder_manager"
)]
#[derive(Debug)]
pub(crate) struct Lent {
    process: Arc<Process>,
    driver: LentDriver,
}

impl Lent {
    pub(crate) fn new(process: &Arc<Process>, driver: LentDriver) -> Self {
        Self {
            process: Arc::clone(process),
            driver,
        }
    }
}

#[pymethods]
impl Lent {
    /// The encoder it speaks to.
    #[getter]
    fn id(&self) -> &str {
        self.driver.id().as_str()
    }

    /// The document of what it can do.
    #[getter]
    fn capability(&self) -> &str {
        self.driver.capability()
    }

    /// Calls a method with a JSON array of arguments.
    fn call(&self, method: String, arguments: String, done: Py<PyAny>) -> Operation {
        let driver = self.driver.clone();
        let calling = async move { driver.call(&method, arguments).await };
        answered(&self.process, done, calling)
    }
}
