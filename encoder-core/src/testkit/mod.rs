//! Doubles and conformance suites for authors of drivers, stores and policies.
//!
//! Each numbered item of a trait's contract is one function here and one `#[test]` of the same
//! name in the suite's macro, so that an implementation cannot forget one.

pub mod balancer;
mod breakable;
pub mod docs;
pub mod driver;
pub mod fake;
pub mod faulty;
pub mod health;
pub mod promtool;
pub mod remediation;
pub mod store;
pub mod suite;
pub mod witness;

pub use breakable::BreakableStore;
pub use fake::{
    Call, CallKind, FakeEncoder, FakeEncoderFactory, FakeIngest, FakeWitness, IngestEvent,
    IngestEventKind, sample_config, sample_target,
};
pub use faulty::{Fault, FaultyDriver, Operation, When};
