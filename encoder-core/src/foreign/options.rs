//! What a manager is made from, as a document.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::document::read;
use super::{ForeignConfig, ForeignPlugins};
use crate::config::ManagerConfig;
use crate::error::{ErrorKind, Result};
use crate::manager::{Manager, ManagerBuilder};
use crate::store::StateStore;
use crate::wire::encoder_spec;

/// Everything of a manager that is plain data.
///
/// As JSON an object with `config`, which is the [`ManagerConfig`]; `encoders`, each as in a body of
/// the server; `store`, the path of a database that outlives the process, or `null` for memory; and
/// `foreign`, the [`ForeignConfig`]. All may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ManagerOptions {
    /// Every threshold, interval and deadline.
    pub config: ManagerConfig,
    /// Encoders to register.
    pub encoders: Vec<Value>,
    /// The database; `None` keeps records in memory.
    pub store: Option<PathBuf>,
    /// How long objects of the other language may take.
    pub foreign: ForeignConfig,
}

impl ManagerOptions {
    /// Reads the document.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] naming what is wrong by its path.
    pub fn read(document: &str) -> Result<Self> {
        read("options", document, ErrorKind::ConfigInvalid)
    }

    /// Begins to put the manager together, with the objects that take part in it.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] for an encoder, [`ErrorKind::ConfigInvalid`] for an object that
    /// lacks a method, [`ErrorKind::StoreUnavailable`], and
    /// [`ErrorKind::Unsupported`] for a `store` in a build without one.
    pub async fn builder(self, plugins: ForeignPlugins) -> Result<ManagerBuilder> {
        let builder = plugins.attach(Manager::builder(), &self.config, &self.foreign)?;
        let mut builder = builder.with_config(self.config);
        for (place, encoder) in self.encoders.into_iter().enumerate() {
            let spec = encoder_spec(encoder, None)
                .map_err(|error| error.with_context("encoders", place))?;
            builder = builder.with_encoder(spec);
        }
        match self.store {
            Some(path) => Ok(builder.with_store(open(path).await?)),
            None => Ok(builder),
        }
    }
}

#[cfg(feature = "sqlite")]
async fn open(path: PathBuf) -> Result<Arc<dyn StateStore>> {
    use crate::store::{SqliteConfig, SqliteStore};
    Ok(Arc::new(SqliteStore::open(SqliteConfig::new(path)).await?))
}

#[cfg(not(feature = "sqlite"))]
async fn open(path: PathBuf) -> Result<Arc<dyn StateStore>> {
    use crate::error::Error;
    let message = "this build keeps records in memory only; leave `store` out";
    Err(Error::new(ErrorKind::Unsupported, message).with_context("store", path.display()))
}
