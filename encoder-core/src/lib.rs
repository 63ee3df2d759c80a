//! Core.

pub mod balancer;
pub mod config;
pub mod driver;
pub mod error;
pub mod events;
pub mod fleet;
pub mod health;
pub mod model;
pub mod remediation;
pub mod store;
pub mod tasks;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use config::ManagerConfig;
pub use driver::{
    Capability, DeviceEvent, DriverFactory, EncoderDriver, EncoderDriverExt, StatusChange,
};
pub use error::{Error, ErrorKind, Result, Retry};
