//! AJA.

#[cfg(feature = "simulator")]
pub mod simulator;
