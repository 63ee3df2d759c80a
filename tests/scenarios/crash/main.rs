//! `kill -9` of the server between every two steps of a failover, and restarts without one.
//!
//! A fault at a device or a held database freezes the server before the next step; then it is
//! killed and started again on the same data. In the end there is one failover, one publisher,
//! and everything that was acknowledged before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod between_steps;
mod restart;
