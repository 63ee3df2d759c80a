//! Trouble that is seen coming, and what becomes of it: heat, storage, connections, errors and
//! repairs in place, over real sockets.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod reboots;
mod storage;
