//! What is written down and concluded about fleet and manager beside health: readings over time,
//! errors and their causes, media that fill, devices that restart again and again.

pub mod errors;
mod history;
pub(crate) mod keeper;
pub mod reboots;
mod recorder;
pub mod series;
pub mod storage;

pub use history::{History, HistoryQuery};
pub(crate) use recorder::{Recorder, SharedSeries};
