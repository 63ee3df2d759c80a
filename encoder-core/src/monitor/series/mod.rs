//! Readings over time, at several resolutions, in bounded memory.
//!
//! Every reading goes into one bucket of each *tier*: fine buckets for the last hour, coarser
//! ones for longer. A bucket holds lowest, mean and highest value, so that a spike of one sample
//! is still seen in the picture of a month. Nothing is interpolated: a time without readings is a
//! gap, and a reading that a device does not give has no series at all.
//!
//! Buckets live in segments of sixty, which come into being with their first reading. A segment
//! whose buckets hold one reading each keeps only that reading; else a bucket takes eleven bytes,
//! because its mean is kept as a place between lowest and highest value. Gorilla-like compression
//! was rejected: it saves little on readings that change with every sample, and makes a late
//! reading rewrite a whole block.

mod aggregate;
mod book;
mod config;
mod metric;
mod plan;
mod ring;
mod segment;
#[cfg(test)]
mod tests;

pub use aggregate::Bucket;
pub use book::{SeriesAnswer, SeriesBook};
pub use config::{SeriesConfig, TierConfig};
pub use metric::{Metric, SeriesSubject};
pub use plan::MAX_POINTS;
