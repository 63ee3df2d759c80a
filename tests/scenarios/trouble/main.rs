//! Trouble that is seen coming, and what becomes of it: heat, storage, connections, errors and
//! repairs in place, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod connection;
mod errors;
mod heat;
mod history;
mod performance;
mod reboots;
mod remedy;
mod storage;
