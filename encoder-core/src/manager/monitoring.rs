//! What the manager's monitors found out, and what they may be told.

use super::Manager;
use crate::error::Result;
use crate::model::{EncoderId, StorageReport, ThermalView};

impl Manager {
    /// The heat of every encoder, by name.
    pub fn thermals(&self) -> Vec<ThermalView> {
        let fleet = &self.0.cx.fleet;
        let all = fleet.all();
        all.iter().map(|encoder| fleet.thermal(encoder)).collect()
    }

    /// The heat of an encoder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub fn thermal(&self, id: &EncoderId) -> Result<ThermalView> {
        let fleet = &self.0.cx.fleet;
        Ok(fleet.thermal(fleet.get(id)?.as_ref()))
    }

    /// Cools an encoder for a period whatever its readings say: it gets less new work and fewer
    /// polls, step by step. A stream on it stays where it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it cools already.
    pub fn cool_down(&self, id: &EncoderId) -> Result<ThermalView> {
        self.commanding()?;
        let cx = &self.0.cx;
        let encoder = cx.fleet.get(id)?;
        encoder.begin_cooling(&cx.config, &cx.clock)?;
        Ok(cx.fleet.thermal(&encoder))
    }

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
