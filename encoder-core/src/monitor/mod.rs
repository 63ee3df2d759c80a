//! What is written down and concluded about fleet and manager beside health: readings over time and
//! where they are heading, how fast news travel, errors and their causes, media that fill, devices
//! that restart again and again, certificates that end.

pub mod certificate;
pub mod errors;
mod feed;
pub mod forecast;
mod history;
pub(crate) mod keeper;
mod latency;
pub(crate) mod performance;
mod rate;
pub mod reboots;
mod recorder;
pub mod series;
pub mod storage;

pub use feed::{EventRates, FeedMeter, FeedRates, PerSecond};
pub use history::{History, HistoryQuery};
pub use latency::LatencyWindow;
pub use performance::{EncoderPerformance, MetricOutlook, PerformanceReport, QueueDepths};
pub use rate::Rate;
pub(crate) use recorder::{FigureSource, Recorder, SharedSeries};
