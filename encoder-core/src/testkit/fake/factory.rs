//! Fake encoders by name, for a manager that makes its drivers itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::FakeEncoder;
use crate::driver::{DriverFactory, EncoderDriver};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EncoderId, EncoderSpec};

/// Hands out fake encoders that were registered with it; its name is `fake`. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct FakeEncoderFactory(Arc<Mutex<BTreeMap<EncoderId, FakeEncoder>>>);

impl FakeEncoderFactory {
    /// A factory without encoders.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an encoder.
    #[must_use]
    pub fn with(self, encoder: &FakeEncoder) -> Self {
        self.register(encoder);
        self
    }

    /// Adds an encoder.
    pub fn register(&self, encoder: &FakeEncoder) {
        let mut encoders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        encoders.insert(encoder.id().clone(), encoder.clone());
    }

    /// The encoder of that id.
    pub fn encoder(&self, id: &EncoderId) -> Option<FakeEncoder> {
        let encoders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        encoders.get(id).cloned()
    }
}

impl DriverFactory for FakeEncoderFactory {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        let encoder = self.encoder(&spec.id).ok_or_else(|| {
            let message = "no fake encoder is registered under that id";
            Error::new(ErrorKind::ValidationFailed, message).with_context("encoder", &spec.id)
        })?;
        Ok(encoder.driver())
    }
}
