//! Being written.
use std::sync::Arc;
use std::time::Instant;

use super::{HealthPolicy, History};
use crate::model::Assessment;

/// Being written.
#[derive(Clone, Debug, Default)]
pub struct Composite(Vec<Arc<dyn HealthPolicy>>);

impl Composite {
    /// Joins policies.
    pub fn new(policies: Vec<Arc<dyn HealthPolicy>>) -> Self {
        Self(policies)
    }
}

impl HealthPolicy for Composite {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        self.0
            .iter()
            .map(|policy| policy.assess(history, now))
            .fold(Assessment::default(), Assessment::and)
    }
}
