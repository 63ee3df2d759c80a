#![doc = include_str!("../README.md")]

pub mod alerts;
pub mod balancer;
pub mod config;
pub mod docs;
pub mod driver;
pub mod error;
pub mod events;
pub mod fleet;
#[cfg(feature = "foreign")]
pub mod foreign;
pub mod health;
pub mod ingest;
mod manager;
pub mod metrics;
pub mod model;
pub mod monitor;
mod operations;
pub mod remediation;
pub mod request;
pub mod store;
mod streams;
pub mod tasks;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trend;
pub mod validate;
#[cfg(feature = "wire")]
pub mod wire;

pub use config::ManagerConfig;
pub use driver::{
    Capability, DeviceEvent, DriverFactory, EncoderDriver, EncoderDriverExt, StatusChange,
};
pub use error::{Error, ErrorKind, Result, Retry};
pub use ingest::{IngestWitness, PublishAttempt, PublishDenial, PublishVerdict};
pub use manager::{Manager, ManagerBuilder};
pub use metrics::Metrics;
