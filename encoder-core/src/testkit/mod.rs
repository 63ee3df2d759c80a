//! Doubles and conformance suites for authors of drivers, stores and policies.

pub mod driver;
pub mod fake;
pub mod faulty;
pub mod store;

pub use fake::{
    Call, CallKind, FakeEncoder, FakeEncoderFactory, FakeIngest, IngestEvent, IngestEventKind,
    sample_config, sample_target,
};
pub use faulty::{Fault, FaultyDriver, Operation, When};
