#![doc = include_str!("../README.md")]

mod alarms;
mod client;
mod codes;
mod config;
mod configure;
mod control;
mod device;
mod driver;
mod error;
mod feed;
mod http;
mod params;
mod poll;
mod pool;
mod readings;
mod reply;
mod settings;
mod status;
mod text;

#[cfg(feature = "simulator")]
pub mod simulator;

pub use config::{AjaConfig, UnknownInput};
pub use driver::{AjaDriver, AjaDriverFactory, DRIVER_NAME};
pub use pool::PoolConfig;
