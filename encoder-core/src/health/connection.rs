//! Being written.
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{HealthPolicy, History};
use crate::model::Assessment;

/// Being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionConfig {}

/// Being written.
#[derive(Clone, Debug, Default)]
pub struct ConnectionPolicy {
    /// Thresholds.
    pub config: ConnectionConfig,
}

impl ConnectionPolicy {
    /// A policy with these thresholds.
    pub fn new(config: ConnectionConfig) -> Self {
        Self { config }
    }
}

impl HealthPolicy for ConnectionPolicy {
    fn assess(&self, _: &History, _: Instant) -> Assessment {
        Assessment::default()
    }
}
