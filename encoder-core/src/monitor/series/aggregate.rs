//! Several readings as one.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// The readings of one span of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// When the span begins.
    pub at: Timestamp,
    /// The lowest reading.
    pub min: f64,
    /// The mean of all readings, exact to a hundred-thousandth of `max - min`.
    pub mean: f64,
    /// The highest reading.
    pub max: f64,
    /// How many readings; a stored bucket counts no more than 255.
    pub count: u32,
}

/// A bucket under construction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Aggregate {
    pub(super) min: f32,
    pub(super) max: f32,
    pub(super) sum: f64,
    pub(super) count: u32,
}

impl Aggregate {
    /// One reading.
    pub(super) fn of(value: f64) -> Self {
        let rounded = value as f32;
        Self {
            min: rounded,
            max: rounded,
            sum: value,
            count: 1,
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count.saturating_add(other.count),
        }
    }

    /// Always from `min` to `max`, although those are rounded.
    pub(super) fn mean(&self) -> f64 {
        let mean = self.sum / f64::from(self.count.max(1));
        mean.clamp(f64::from(self.min), f64::from(self.max))
    }

    pub(super) fn bucket(&self, at: Timestamp) -> Bucket {
        Bucket {
            at,
            min: f64::from(self.min),
            mean: self.mean(),
            max: f64::from(self.max),
            count: self.count,
        }
    }
}
