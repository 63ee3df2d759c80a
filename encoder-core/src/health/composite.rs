//! Several policies as one.
use std::sync::Arc;
use std::time::Instant;

use super::{ConnectionPolicy, DirectPolicy, HealthPolicy, History};
use crate::config::ManagerConfig;
use crate::model::Assessment;
use crate::monitor::reboots::RebootPolicy;
use crate::monitor::storage::StoragePolicy;

/// Joins policies: the worst verdict, the lowest score, all issues, worst first.
///
/// A mean of scores would let a cool, idle device that does not answer pass as half well.
///
/// ```
/// use std::sync::Arc;
/// use encoder_core::health::{Composite, ConnectionPolicy, DirectPolicy, HealthPolicy};
///
/// let policy = Composite::new(vec![
///     Arc::new(DirectPolicy::default()),
///     Arc::new(ConnectionPolicy::default()),
/// ]);
/// # let _: &dyn HealthPolicy = &policy;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Composite(Vec<Arc<dyn HealthPolicy>>);

impl Composite {
    /// A policy of these; none at all knows nothing.
    pub fn new(policies: Vec<Arc<dyn HealthPolicy>>) -> Self {
        Self(policies)
    }

    /// What judges encoders unless another policy is given: device, connection, media, restarts.
    pub fn built_in(config: &ManagerConfig) -> Self {
        Self(vec![
            Arc::new(DirectPolicy::new(config.direct.clone())),
            Arc::new(ConnectionPolicy::new(config.connection.clone())),
            Arc::new(StoragePolicy {
                low_percent: config.direct.storage_percent,
            }),
            Arc::new(RebootPolicy {
                config: config.reboots.clone(),
            }),
        ])
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
