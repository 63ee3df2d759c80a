//! Drivers and policies that are Python objects.

use std::sync::Arc;

use encoder_core::foreign::{ForeignObject, ForeignObjectFactory, ForeignPlugins};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::raised;
use crate::factory::PythonFactory;
use crate::object::{Home, PythonObject};
use crate::runtime::Process;

/// The Python objects that a manager was given: `drivers` (a dict of factories by name), `balancer`,
/// `health_policy`, `remediator`, and the `loop` that coroutines run on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plugins {
    drivers: Vec<(String, PythonFactory)>,
    balancer: Option<PythonObject>,
    health_policy: Option<PythonObject>,
    remediator: Option<PythonObject>,
}

impl Plugins {
    /// Takes the objects.
    pub(crate) fn take(objects: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = objects.py();
        let process = Process::present(py).map_err(|error| raised(py, &error))?;
        let none = py.None().into_bound(py);
        let home = Home::new(&process, &objects.get_item("loop")?.unwrap_or(none))?;
        let object = |role: &str| match objects.get_item(role)? {
            Some(object) if !object.is_none() => home.object(role, &object).map(Some),
            _ => Ok(None),
        };
        let mut plugins = Self {
            drivers: Vec::new(),
            balancer: object("balancer")?,
            health_policy: object("health_policy")?,
            remediator: object("remediator")?,
        };
        if let Some(drivers) = objects.get_item("drivers")? {
            let factories = home.factories(&drivers)?.into_iter();
            let named = factories.map(|(name, object)| (name, PythonFactory(object)));
            plugins.drivers = named.collect();
        }
        Ok(plugins)
    }

    /// What the manager is given of them.
    pub(crate) fn parts(self) -> ForeignPlugins {
        let part = |object: PythonObject| Arc::new(object) as Arc<dyn ForeignObject>;
        let factory = |made: PythonFactory| Arc::new(made) as Arc<dyn ForeignObjectFactory>;
        let drivers = self.drivers.into_iter();
        ForeignPlugins {
            drivers: drivers.map(|(name, made)| (name, factory(made))).collect(),
            balancer: self.balancer.map(part),
            health_policy: self.health_policy.map(part),
            remediator: self.remediator.map(part),
        }
    }
}
