//! Harness.

/// The code in the README of the repository, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
