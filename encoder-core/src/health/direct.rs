//! Being written.
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{HealthPolicy, History};
use crate::model::Assessment;

/// Being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DirectConfig {}

/// Being written.
#[derive(Clone, Debug, Default)]
pub struct DirectPolicy {
    /// Thresholds.
    pub config: DirectConfig,
}

impl DirectPolicy {
    /// A policy with these thresholds.
    pub fn new(config: DirectConfig) -> Self {
        Self { config }
    }
}

impl HealthPolicy for DirectPolicy {
    fn assess(&self, _: &History, _: Instant) -> Assessment {
        Assessment::default()
    }
}
