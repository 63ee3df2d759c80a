//! Objects of JavaScript that take part in a manager.

use encoder_core::foreign::ForeignConfig;
use encoder_core::{Error, ErrorKind, ManagerBuilder, Result};
use serde::Deserialize;

use crate::port::Port;

/// What JavaScript says of the objects that it gives to a manager.
///
/// The objects stay in JavaScript, under a number; this document says which takes which part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plugins {}

impl Plugins {
    /// Reads the document.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`].
    pub(crate) fn read(document: &str) -> Result<Self> {
        serde_json::from_str(document)
            .map_err(|error| Error::new(ErrorKind::ConfigInvalid, format!("plugins: {error}")))
    }

    /// Gives the objects their parts.
    ///
    /// # Errors
    /// Those of the adapters.
    pub(crate) fn attach(
        self,
        builder: ManagerBuilder,
        _port: &Port,
        _config: &ForeignConfig,
    ) -> Result<ManagerBuilder> {
        Ok(builder)
    }
}
