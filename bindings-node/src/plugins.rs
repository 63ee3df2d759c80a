//! Objects of JavaScript that take part in a manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use encoder_core::foreign::{ForeignObject, ForeignObjectFactory, ForeignPlugins};
use encoder_core::{Error, ErrorKind, Result};
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

    /// What the manager is given of them.
    pub(crate) fn parts(self, port: &Port) -> ForeignPlugins {
        let part =
            |document| Arc::new(JsObject::new(port.clone(), document)) as Arc<dyn ForeignObject>;
        let factory = |number| {
            Arc::new(JsFactory::new(port.clone(), number)) as Arc<dyn ForeignObjectFactory>
        };
        let drivers = self.drivers.into_iter();
        ForeignPlugins {
            drivers: drivers
                .map(|(name, number)| (name, factory(number)))
                .collect(),
            balancer: self.balancer.map(part),
            health_policy: self.health_policy.map(part),
            remediator: self.remediator.map(part),
        }
    }
}
