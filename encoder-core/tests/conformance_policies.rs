//! The built-in balancers, health policies and remediators keep their contracts.

use std::sync::Arc;

use encoder_core::balancer::{LeastLoaded, PowerOfTwoChoices, Rendezvous, RoundRobin, Weighted};
use encoder_core::health::{Composite, ConnectionPolicy, DirectPolicy};
use encoder_core::remediation::Ladder;
use encoder_core::{balancer_conformance, health_conformance, remediation_conformance};

balancer_conformance!(weighted, Weighted::default);
balancer_conformance!(least_loaded, LeastLoaded::default);
balancer_conformance!(power_of_two, PowerOfTwoChoices::default);
balancer_conformance!(round_robin, RoundRobin::default);
balancer_conformance!(rendezvous, Rendezvous::default);

health_conformance!(direct, DirectPolicy::default);
health_conformance!(connection, ConnectionPolicy::default);
health_conformance!(composite, || {
    Composite::new(vec![
        Arc::new(DirectPolicy::default()),
        Arc::new(ConnectionPolicy::default()),
    ])
});

remediation_conformance!(ladder, Ladder::default);
