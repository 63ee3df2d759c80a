//! The rules of failover, one test per rule, on fake encoders and a paused clock.

mod bench;
mod classes;
mod restart;
mod rules;
