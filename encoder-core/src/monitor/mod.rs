//! What is written down and concluded about fleet and manager over time.

mod history;
mod recorder;
pub mod series;

pub use history::{History, HistoryQuery};
pub(crate) use recorder::{Recorder, SharedSeries};
