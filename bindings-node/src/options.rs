//! What a manager is made from.

use std::sync::Arc;

use encoder_aja::{AjaConfig, AjaDriverFactory};
use encoder_core::foreign::{ManagerOptions, read_document};
use encoder_core::{ErrorKind, Manager, Result};
use serde::Deserialize;

use crate::plugins::Plugins;
use crate::port::Port;

/// Everything that [`build`] takes, read.
#[derive(Debug)]
pub(crate) struct Plan {
    options: ManagerOptions,
    aja: AjaConfig,
    plugins: Plugins,
}

impl Plan {
    /// Reads three documents: the options, the settings of the AJA driver, and the plugins.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] naming what is wrong by its path.
    pub(crate) fn read(options: &str, aja: &str, plugins: &str) -> Result<Self> {
        Ok(Self {
            options: ManagerOptions::read(options)?,
            aja: read_aja(aja)?,
            plugins: Plugins::read(plugins)?,
        })
    }

    /// Makes the manager, which watches its encoders from then on.
    ///
    /// # Errors
    /// Those of [`ManagerOptions::builder`] and of [`encoder_core::ManagerBuilder::build`].
    pub(crate) async fn build(self, port: Port) -> Result<Manager> {
        let aja = Arc::new(AjaDriverFactory::new(self.aja)?);
        let builder = self.options.builder(self.plugins.parts(&port)).await?;
        builder.with_driver_factory(aja).build().await
    }
}

#[derive(Deserialize)]
struct AjaDocument {
    aja: AjaConfig,
}

/// Named by their path in the options, which is where a program writes them.
fn read_aja(document: &str) -> Result<AjaConfig> {
    let options = format!(r#"{{"aja":{document}}}"#);
    let read: AjaDocument = read_document("options", &options, ErrorKind::ConfigInvalid)?;
    Ok(read.aja)
}
