//! Doubles and conformance suites for authors of drivers, stores and policies.

pub mod fake;

pub use fake::{
    Call, CallKind, FakeEncoder, FakeEncoderFactory, FakeIngest, IngestEvent, IngestEventKind,
    sample_config, sample_target,
};
