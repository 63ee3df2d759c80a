//! What the manager measures of itself, and where readings are heading.

mod feed;
pub mod forecast;
mod latency;
mod performance;
mod rate;

pub use feed::{EventRates, FeedMeter, FeedRates, PerSecond};
pub use latency::LatencyWindow;
pub use performance::{
    EncoderPerformance, MetricOutlook, PerformanceReport, QueueDepths, TrendMetric,
};
pub use rate::Rate;
