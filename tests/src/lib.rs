//! Harness of the scenario tests: simulated devices on the loopback, a manager or a whole server
//! in front of them, and the simulated ingest as witness of who published when.

pub mod broadcast;
mod client;
mod devices;
mod monitoring;
mod server;
mod studio;
mod waiting;

pub use client::{Answer, Client, Feed, Told};
pub use devices::{BACKUP_URL, DEVICE_PASSWORD, Devices, KEY, Setup, URL, helo};
pub use monitoring::{Alertmanager, Prometheus, installed, shipped};
pub use server::{HeldDatabase, Station};
pub use studio::{Studio, failover_events, watch_nothing_happen};
pub use waiting::{PATIENCE, until};

/// The code in the README of the repository, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
