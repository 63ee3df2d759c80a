//! REST and Socket.IO server assembled from `encoder-core` and `encoder-aja`.

mod app;
pub mod auth;
pub mod config;
mod extract;
pub mod idempotency;
pub mod limits;
mod openapi;
mod overview;
pub mod problem;
mod routes;
mod sockets;
pub mod state;
pub mod system;
pub mod traffic;
pub mod wire;

pub use app::app;
pub use state::AppState;
