//! Drivers and policies that are Python objects.

use std::sync::Arc;

use encoder_core::foreign::{
    ForeignBalancer, ForeignConfig, ForeignDriverFactory, ForeignHealthPolicy, ForeignRemediator,
};
use encoder_core::health::Composite;
use encoder_core::remediation::Ladder;
use encoder_core::{ManagerBuilder, ManagerConfig, Result};
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

    /// Adds them to a manager in the making.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](encoder_core::ErrorKind::ConfigInvalid) for an object that lacks
    /// a method.
    pub(crate) fn attach(
        self,
        mut builder: ManagerBuilder,
        manager: &ManagerConfig,
        config: &ForeignConfig,
    ) -> Result<ManagerBuilder> {
        for (name, factory) in self.drivers {
            let factory = ForeignDriverFactory::new(name, Arc::new(factory), config);
            builder = builder.with_driver_factory(Arc::new(factory));
        }
        if let Some(object) = self.balancer {
            let balancer = ForeignBalancer::new(Arc::new(object), config)?;
            builder = builder.with_balancer(Arc::new(balancer));
        }
        if let Some(object) = self.health_policy {
            let built_in = Arc::new(Composite::built_in(manager));
            let policy = ForeignHealthPolicy::new(Arc::new(object), config, built_in)?;
            builder = builder.with_health_policy(Arc::new(policy));
        }
        if let Some(object) = self.remediator {
            let ladder = Ladder::new(manager.remediation.clone());
            let remediator = ForeignRemediator::new(Arc::new(object), config)?;
            let remediator = remediator.with_built_in(ladder);
            builder = builder.with_remediator(Arc::new(remediator));
        }
        Ok(builder)
    }
}
