//! A callable of Python that makes drivers.

use async_trait::async_trait;
use encoder_core::foreign::{CreatedDriver, ForeignObjectFactory};
use encoder_core::{Error, ErrorKind, Result};
use std::sync::Arc;

use crate::object::PythonObject;

/// Makes the driver of an encoder by calling an object.
#[derive(Clone, Debug)]
pub(crate) struct PythonFactory(pub(crate) PythonObject);

#[async_trait]
impl ForeignObjectFactory for PythonFactory {
    async fn create(&self, spec: String) -> Result<CreatedDriver> {
        let given = self.0.ask("create", format!("[{spec}]"), None).await?;
        let object = given
            .made
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "the factory gave no driver"))?;
        Ok(CreatedDriver {
            object: Arc::new(object),
            capability: given.document,
        })
    }
}
