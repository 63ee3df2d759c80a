//! The server's REST API and live feed, from outside, as documented.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod errors;
mod feed;
mod keys;
mod secrets;
mod store;
mod streams;
