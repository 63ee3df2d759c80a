//! What a manager is made from.

use std::sync::Arc;

use encoder_aja::{AjaConfig, AjaDriverFactory};
use encoder_core::foreign::ManagerOptions;
use encoder_core::{Error, ErrorKind, Manager, Result};

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
        let (config, foreign) = (self.options.config.clone(), self.options.foreign.clone());
        let aja = Arc::new(AjaDriverFactory::new(self.aja)?);
        let builder = self.options.builder().await?.with_driver_factory(aja);
        let builder = self.plugins.attach(builder, &port, &config, &foreign)?;
        builder.build().await
    }
}

fn read_aja(document: &str) -> Result<AjaConfig> {
    let mut json = serde_json::Deserializer::from_str(document);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let text = error.inner().to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        let message = format!("options: aja.{}: {text}", error.path());
        Error::new(ErrorKind::ConfigInvalid, message)
    })
}
