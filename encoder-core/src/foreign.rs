//! temp
mod engine;
mod feed;

pub use engine::Engine;
pub use feed::EventFeed;
