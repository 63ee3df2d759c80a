//! A class of another language as a driver factory.

use std::sync::Arc;

use super::ForeignConfig;
use super::decide::may_block;
use super::document::write;
use super::driver::ForeignDriver;
use super::object::ForeignObjectFactory;
use crate::driver::{DriverFactory, EncoderDriver};
use crate::error::{Error, ErrorKind, Result};
use crate::model::EncoderSpec;

/// Makes [`ForeignDriver`]s. Needs tokio's multi-thread runtime.
#[derive(Debug)]
pub struct ForeignDriverFactory {
    name: String,
    factory: Arc<dyn ForeignObjectFactory>,
    config: ForeignConfig,
}

impl ForeignDriverFactory {
    /// A factory under the name that registrations refer to.
    pub fn new(
        name: impl Into<String>,
        factory: Arc<dyn ForeignObjectFactory>,
        config: &ForeignConfig,
    ) -> Self {
        Self {
            name: name.into(),
            factory,
            config: config.clone(),
        }
    }
}

impl DriverFactory for ForeignDriverFactory {
    fn name(&self) -> &str {
        &self.name
    }

    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        let runtime = may_block()?;
        let deadline = self.config.call_deadline;
        let making = tokio::time::timeout(deadline, self.factory.create(write(spec)?));
        let made = tokio::task::block_in_place(|| runtime.block_on(making));
        let made = made.unwrap_or_else(|_| {
            let message = format!("no driver was made within {} ms", deadline.as_millis());
            Err(Error::new(ErrorKind::DeadlineExceeded, message))
        });
        let driver = made.and_then(|made| {
            let (id, capability) = (spec.id.clone(), made.capability.as_str());
            ForeignDriver::from_document(made.object, id, capability, &self.config)
        });
        let driver = driver.map_err(|error| {
            error
                .with_context("driver", &self.name)
                .with_context("encoder", &spec.id)
        })?;
        Ok(Arc::new(driver))
    }
}
