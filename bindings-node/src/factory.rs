//! Makers of drivers in JavaScript.

use std::sync::Arc;

use async_trait::async_trait;
use encoder_core::foreign::{CreatedDriver, ForeignObjectFactory};
use encoder_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::object::{JsObject, ObjectDocument};
use crate::port::Port;

/// A driver as its maker gives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriverDocument {
    driver: ObjectDocument,
    capability: Value,
}

impl DriverDocument {
    pub(crate) fn take(self, port: Port) -> CreatedDriver {
        CreatedDriver {
            object: Arc::new(JsObject::new(port, self.driver)),
            capability: self.capability.to_string(),
        }
    }
}

/// The maker under that number.
#[derive(Debug)]
pub(crate) struct JsFactory {
    port: Port,
    number: u32,
}

impl JsFactory {
    pub(crate) const fn new(port: Port, number: u32) -> Self {
        Self { port, number }
    }
}

#[async_trait]
impl ForeignObjectFactory for JsFactory {
    async fn create(&self, spec: String) -> Result<CreatedDriver> {
        let arguments = format!("[{spec}]");
        let made = self.port.ask(self.number, "create", &arguments, None);
        let made: DriverDocument = serde_json::from_str(&made.await?).map_err(|error| {
            let message = format!("the package and its native half differ: {error}");
            Error::new(ErrorKind::Unexpected, message)
        })?;
        Ok(made.take(self.port.clone()))
    }
}

impl Drop for JsFactory {
    fn drop(&mut self) {
        self.port.send("release", self.number, String::new());
    }
}
