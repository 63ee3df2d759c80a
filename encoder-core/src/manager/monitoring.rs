//! What the manager's monitors found out, and what they may be told.

use super::Manager;
use crate::error::Result;
use crate::model::{EncoderId, StorageReport};

impl Manager {
    /// Recording media of one encoder or of all, by name: how they are, when they are full, what was
    /// done about it, and the devices' restarts.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub fn storage(&self, only: Option<&EncoderId>) -> Result<Vec<StorageReport>> {
        let fleet = &self.0.cx.fleet;
        let encoders = match only {
            Some(id) => vec![fleet.get(id)?],
            None => fleet.all(),
        };
        let report = |encoder| self.0.storage.report(encoder);
        Ok(encoders.iter().map(|encoder| report(encoder)).collect())
    }
}
