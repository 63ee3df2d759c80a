//! People are told of the right thing once, over real peers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod alertmanager;
mod email;
mod incident;
mod peers;
