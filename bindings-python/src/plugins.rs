//! Drivers and policies that are Python objects.

use encoder_core::ManagerBuilder;
use encoder_core::foreign::ForeignConfig;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The Python objects that a manager was given: `drivers` (a dict of factories by name), `balancer`,
/// `health_policy`, `remediator`, and the `loop` that coroutines run on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plugins {}

impl Plugins {
    /// Takes the objects.
    pub(crate) fn take(_objects: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {})
    }

    /// Adds them to a manager in the making.
    pub(crate) fn attach(self, builder: ManagerBuilder, _config: &ForeignConfig) -> ManagerBuilder {
        builder
    }
}
