//! The encoders: who they are, how they are, and who watches them.

mod claims;
mod context;
mod encoder;
mod pacing;
mod placement;
mod registry;
mod row;
mod scoreboard;
mod snapshot;
mod start_times;
mod thermostat;
mod watcher;

pub(crate) use context::FleetContext;
pub(crate) use encoder::{Duty, Encoder};
pub(crate) use placement::Wanted;
pub(crate) use registry::Fleet;
pub use scoreboard::{LiveScoreboard, Row, Scoreboard};
pub(crate) use snapshot::EncoderSnapshot;
