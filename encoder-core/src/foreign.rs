//! The manager for programs in other languages.
//!
//! [`ManagerOptions`] are what a manager is made from, [`Engine`] takes commands and gives answers in
//! JSON, [`EventFeed`] tells what happens, [`compute`] asks the pure policies, and [`LogBridge`] brings
//! the log. The other way round, drivers and policies can be objects of the other language.
//!
//! A binding implements [`ForeignObject`] once: it calls a method of an object with JSON and gives
//! its answer as JSON. The adapters here make of such an object whatever the manager takes:
//!
//! | Adapter | Is a | Methods of the object |
//! |---|---|---|
//! | [`ForeignDriver`] | [`EncoderDriver`](crate::EncoderDriver) | `status`, `configure`, `start`, `stop`; optional `control`, `next_event`, `close_feed` |
//! | [`ForeignDriverFactory`] | [`DriverFactory`](crate::DriverFactory) | see [`ForeignObjectFactory`] |
//! | [`ForeignBalancer`] | [`Balancer`](crate::balancer::Balancer) | `select` |
//! | [`ForeignHealthPolicy`] | [`HealthPolicy`](crate::health::HealthPolicy) | `assess` |
//! | [`ForeignRemediator`] | [`Remediator`](crate::remediation::Remediator) | `next_step`; optional `run` |
//!
//! The fleet does not depend on them. Every call has a deadline. A decision that is late, fails or
//! makes no sense is taken by the built-in policy instead, with a warning once a minute for each
//! object, and while a call hangs no more are made.
//!
//! Decisions are synchronous, and the object's answer may need the runtime that waits for it. So
//! they need tokio's multi-thread runtime; on any other the built-in policies decide.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{millis, seconds};

mod balancer;
mod complaints;
mod compute;
mod decide;
pub(crate) mod document;
mod driver;
mod engine;
mod error;
mod factory;
mod feed;
mod health;
mod history;
mod lent;
mod live;
mod logging;
mod object;
mod observations;
mod options;
mod plugins;
mod remediator;

pub use balancer::{ForeignBalancer, PlacementDocument};
pub use compute::{COMPUTATIONS, compute};
pub use document::read as read_document;
pub use driver::ForeignDriver;
pub use engine::Engine;
pub use error::{error_document, read_error};
pub use factory::ForeignDriverFactory;
pub use health::ForeignHealthPolicy;
pub use lent::LentDriver;
pub use live::EventFeed;
pub use logging::{LogBridge, LogLine, LogQueue};
pub use object::{CreatedDriver, ForeignObject, ForeignObjectFactory};
pub use observations::Observations;
pub use options::ManagerOptions;
pub use plugins::ForeignPlugins;
pub use remediator::ForeignRemediator;

/// How long objects of another language may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ForeignConfig {
    /// How long a call of a driver may take, and making one. Default 10 s. The watcher gives up
    /// earlier on a status, and a step of a remediator has its own deadline.
    #[serde(rename = "call_deadline_seconds", with = "seconds")]
    pub call_deadline: Duration,
    /// How long `select`, `assess` and `next_step` may take until the built-in policy decides
    /// instead. Default 250 ms.
    #[serde(rename = "decide_deadline_ms", with = "millis")]
    pub decide_deadline: Duration,
}

impl Default for ForeignConfig {
    fn default() -> Self {
        Self {
            call_deadline: Duration::from_secs(10),
            decide_deadline: Duration::from_millis(250),
        }
    }
}
