//! The encoders: who they are, how they are, and who watches them.

mod scoreboard;

pub use scoreboard::{LiveScoreboard, Row, Scoreboard};
