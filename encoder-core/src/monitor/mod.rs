//! Monitors: what is learned from everything that happens, beyond the state of the moment.

pub mod errors;
