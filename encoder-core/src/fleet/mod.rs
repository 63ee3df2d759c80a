//! The encoders: who they are, how they are, and who watches them.

mod claims;
mod encoder;
mod registry;
mod scoreboard;
mod snapshot;
mod start_times;
mod watcher;

pub(crate) use encoder::{Duty, Encoder};
pub(crate) use registry::{Fleet, FleetContext, Wanted};
pub use scoreboard::{LiveScoreboard, Row, Scoreboard};
pub(crate) use snapshot::EncoderSnapshot;
