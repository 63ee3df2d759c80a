//! Names, documents and decisions that Rust, Python and Node share, in `tests/vectors`.
//!
//! The same files drive the tests of the bindings. `UPDATE_VECTORS=1` writes them anew where they
//! follow from the code; what changed is then to be read like any other change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod computations;
mod documents;
mod errors;
mod file;
mod mutated;
mod openapi;
mod parity;
