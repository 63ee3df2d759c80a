//! Suites that prove implementations of the traits.
