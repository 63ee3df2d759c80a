//! The rules of failover, one test per rule, on fake encoders and a paused clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod bench;
mod classes;
mod heat;
mod ingest;
mod metrics;
mod publishing;
mod remedies;
mod requests;
mod restart;
mod rules;
mod settings;
