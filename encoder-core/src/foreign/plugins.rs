//! Which objects of another language take part in a manager, and what stands behind each.

use std::sync::Arc;

use super::{
    ForeignBalancer, ForeignConfig, ForeignDriverFactory, ForeignHealthPolicy, ForeignObject,
    ForeignObjectFactory, ForeignRemediator,
};
use crate::balancer;
use crate::config::ManagerConfig;
use crate::error::Result;
use crate::health::Composite;
use crate::manager::ManagerBuilder;
use crate::remediation::Ladder;

/// The objects that a program gives to its manager.
#[derive(Clone, Debug, Default)]
pub struct ForeignPlugins {
    /// Makers of drivers, under the names that registrations refer to.
    pub drivers: Vec<(String, Arc<dyn ForeignObjectFactory>)>,
    /// Chooses encoders.
    pub balancer: Option<Arc<dyn ForeignObject>>,
    /// Judges encoders.
    pub health_policy: Option<Arc<dyn ForeignObject>>,
    /// Mends in place.
    pub remediator: Option<Arc<dyn ForeignObject>>,
}

impl ForeignPlugins {
    /// Gives the objects their parts. Where one does not decide, what the settings name does.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for an object that lacks a
    /// method.
    pub(super) fn attach(
        self,
        mut builder: ManagerBuilder,
        settings: &ManagerConfig,
        foreign: &ForeignConfig,
    ) -> Result<ManagerBuilder> {
        for (name, factory) in self.drivers {
            let factory = ForeignDriverFactory::new(name, factory, foreign);
            builder = builder.with_driver_factory(Arc::new(factory));
        }
        if let Some(object) = self.balancer {
            let built_in = balancer::built_in(settings.balancer);
            let balancer = ForeignBalancer::new(object, foreign)?.with_built_in(built_in);
            builder = builder.with_balancer(Arc::new(balancer));
        }
        if let Some(object) = self.health_policy {
            let built_in = Arc::new(Composite::built_in(settings));
            let policy = ForeignHealthPolicy::new(object, foreign, built_in)?;
            builder = builder.with_health_policy(Arc::new(policy));
        }
        if let Some(object) = self.remediator {
            let ladder = Ladder::new(settings.remediation.clone());
            let remediator = ForeignRemediator::new(object, foreign)?.with_built_in(ladder);
            builder = builder.with_remediator(Arc::new(remediator));
        }
        Ok(builder)
    }
}
