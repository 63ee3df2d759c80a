//! What a binding implements.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::LentDriver;
use crate::error::Result;

/// An object of another language whose methods take and give JSON documents.
///
/// # Contract
///
/// 1. [`call`](Self::call) never blocks the thread that polls it: the other side runs elsewhere.
/// 2. Calls may overlap.
/// 3. Dropping the future cancels the work on the other side, as far as that can be done there.
/// 4. What the other side raises becomes an error of the kind it carries, see
///    [`read_error`](super::read_error). The language's own errors about connections and time-outs
///    are [`DeviceUnreachable`](crate::ErrorKind::DeviceUnreachable); anything else is
///    [`Unexpected`](crate::ErrorKind::Unexpected), which counts as a sign of life of a device.
#[async_trait]
pub trait ForeignObject: Debug + Send + Sync + 'static {
    /// What it is called in logs and reports, for example its class. Never changes.
    fn name(&self) -> &str;

    /// Whether it has that method. Never changes.
    fn has(&self, method: &str) -> bool;

    /// Calls a method. `arguments` is a JSON array of them, in order; the answer is one JSON
    /// document, `null` for a method without one. `driver` is lent to `run` and to nothing else,
    /// as its second argument, until the call ends.
    ///
    /// # Errors
    /// Those that the method raises.
    async fn call(
        &self,
        method: &'static str,
        arguments: String,
        driver: Option<LentDriver>,
    ) -> Result<String>;
}

/// Makes objects that drive encoders.
#[async_trait]
pub trait ForeignObjectFactory: Debug + Send + Sync + 'static {
    /// Makes the driver of an encoder without contacting it. `spec` is the document of the
    /// [registration](crate::model::EncoderSpec), password in clear included.
    ///
    /// # Errors
    /// Those that the other side raises; `validation_failed` for an address that cannot be right.
    async fn create(&self, spec: String) -> Result<CreatedDriver>;
}

/// A driver that the other side made.
#[derive(Clone, Debug)]
pub struct CreatedDriver {
    /// The driver.
    pub object: Arc<dyn ForeignObject>,
    /// The document of its [`Capability`](crate::Capability).
    pub capability: String,
}
