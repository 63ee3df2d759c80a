//! Objects of JavaScript that take part in a manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use encoder_core::foreign::{
    ForeignBalancer, ForeignConfig, ForeignDriverFactory, ForeignHealthPolicy, ForeignObject,
    ForeignRemediator,
};
use encoder_core::health::Composite;
use encoder_core::remediation::Ladder;
use encoder_core::{Error, ErrorKind, ManagerBuilder, ManagerConfig, Result};
use serde::Deserialize;

use crate::factory::JsFactory;
use crate::object::{JsObject, ObjectDocument};
use crate::port::Port;

/// What JavaScript says of the objects that it gives to a manager.
///
/// The objects stay in JavaScript, under a number; this document says which takes which part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plugins {
    /// Makers of drivers, by name.
    drivers: BTreeMap<String, u32>,
    balancer: Option<ObjectDocument>,
    health_policy: Option<ObjectDocument>,
    remediator: Option<ObjectDocument>,
}

impl Plugins {
    /// Reads the document.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`].
    pub(crate) fn read(document: &str) -> Result<Self> {
        serde_json::from_str(document)
            .map_err(|error| Error::new(ErrorKind::ConfigInvalid, format!("plugins: {error}")))
    }

    /// Gives the objects their parts. Where one does not decide, what the configuration says does.
    ///
    /// # Errors
    /// Those of the adapters.
    pub(crate) fn attach(
        self,
        mut builder: ManagerBuilder,
        port: &Port,
        config: &ManagerConfig,
        foreign: &ForeignConfig,
    ) -> Result<ManagerBuilder> {
        for (name, number) in self.drivers {
            let maker = Arc::new(JsFactory::new(port.clone(), number));
            let factory = ForeignDriverFactory::new(name, maker, foreign);
            builder = builder.with_driver_factory(Arc::new(factory));
        }
        if let Some(document) = self.balancer {
            let balancer = ForeignBalancer::new(object(port, document), foreign)?;
            builder = builder.with_balancer(Arc::new(balancer));
        }
        if let Some(document) = self.health_policy {
            let built_in = Arc::new(Composite::built_in(config));
            let policy = ForeignHealthPolicy::new(object(port, document), foreign, built_in)?;
            builder = builder.with_health_policy(Arc::new(policy));
        }
        if let Some(document) = self.remediator {
            let remediator = ForeignRemediator::new(object(port, document), foreign)?
                .with_built_in(Ladder::new(config.remediation.clone()));
            builder = builder.with_remediator(Arc::new(remediator));
        }
        Ok(builder)
    }
}

fn object(port: &Port, document: ObjectDocument) -> Arc<dyn ForeignObject> {
    Arc::new(JsObject::new(port.clone(), document))
}
