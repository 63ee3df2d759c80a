//! The native half of the Node package `encoder-manager`.
//!
//! It holds the version and nothing else yet; the README says so too.

/// The version of this package.
#[napi_derive::napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
