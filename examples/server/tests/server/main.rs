//! The server as its clients see it, over fake encoders and without a socket where none is needed.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod audit;
mod authorize;
mod bench;
mod encoders;
mod errors;
mod feed;
mod ingest;
mod keys;
mod limits;
mod media;
mod metrics;
mod mixed;
mod openapi;
mod streams;
mod thumbnail;
mod websocket;
