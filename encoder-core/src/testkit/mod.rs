//! Suites that prove implementations of the traits.
//!
//! Each numbered item of a trait's contract is one function here and one `#[test]` of the same
//! name in the suite's macro, so that an implementation cannot forget one.

pub mod balancer;
pub mod health;
pub mod remediation;
