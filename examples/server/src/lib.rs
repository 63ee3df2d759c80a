//! REST and Socket.IO server assembled from `encoder-core` and `encoder-aja`.

mod app;
pub mod audit;
pub mod auth;
mod certificates;
pub mod cli;
pub mod config;
pub mod demo;
mod extract;
mod figures;
mod http;
pub mod idempotency;
pub mod ingest;
pub mod limits;
mod openapi;
mod overview;
mod probe;
pub mod problem;
mod routes;
pub mod serve;
mod sockets;
pub mod state;
pub mod system;
pub mod traffic;
pub mod wire;

pub use app::{app, document};
pub use serve::serve;
pub use state::AppState;
