#![doc = include_str!("../README.md")]

mod alarms;
mod attempt;
pub mod code;
mod config;
mod driver;
mod encode;
mod engine;
mod factory;
pub mod failure;
mod feed;
mod host;
mod input;
mod meter;
mod phase;
pub mod process;
pub mod progress;
pub mod publish;
pub mod run;
pub mod script;
mod secret_file;
mod setup;
mod status;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tools;
pub mod version;
pub mod viewer;

pub use config::FfmpegConfig;
pub use driver::FfmpegDriver;
pub use factory::{DRIVER_NAME, FfmpegDriverFactory};
