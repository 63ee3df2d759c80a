//! Recorded readings.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{EncoderId, seconds};
use crate::monitor::History;
use crate::monitor::series::Bucket;
use serde::Serialize;
use utoipa::ToSchema;

use super::{EncoderMetricsDto, Time};

/// The present figures; or, when a part of the past was asked for, the recorded ones.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderFigures)]
#[serde(untagged)]
pub enum EncoderFiguresDto {
    /// The present.
    Now(Box<EncoderMetricsDto>),
    /// The past.
    Past(EncoderHistoryDto),
}

/// What was recorded of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = EncoderHistory)]
pub struct EncoderHistoryDto {
    /// The encoder.
    pub encoder_id: String,
    /// What was recorded, and when.
    #[serde(flatten)]
    pub history: HistoryDto,
}

/// What was recorded, and when.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = History)]
pub struct HistoryDto {
    /// The first moment, as asked.
    pub from: Time,
    /// The moment after the last one, as asked.
    pub to: Time,
    /// Seconds that each point covers. More than asked where nothing finer is kept, or where
    /// there would be more than 1000 points.
    #[serde(rename = "step_seconds", serialize_with = "seconds::serialize")]
    #[schema(rename = "step_seconds", value_type = f64)]
    pub step: Duration,
    /// For each metric its points in order, the first at `from` rounded down to a whole step;
    /// `null` where nothing was read. A reading that the device does not give is left out.
    pub series: BTreeMap<String, Vec<Option<PointDto>>>,
}

/// The readings of one step.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = HistoryPoint)]
pub struct PointDto {
    /// When the step begins.
    pub at: Time,
    /// The lowest reading.
    pub min: f64,
    /// The mean of the readings.
    pub mean: f64,
    /// The highest reading.
    pub max: f64,
    /// How many readings.
    pub count: u32,
}

impl From<Bucket> for PointDto {
    fn from(bucket: Bucket) -> Self {
        Self {
            at: bucket.at.into(),
            min: bucket.min,
            mean: bucket.mean,
            max: bucket.max,
            count: bucket.count,
        }
    }
}

impl From<History> for HistoryDto {
    fn from(history: History) -> Self {
        let points = |points: Vec<Option<Bucket>>| {
            let shown = points.into_iter().map(|point| point.map(PointDto::from));
            shown.collect()
        };
        let series = history.series.into_iter();
        Self {
            from: history.from.into(),
            to: history.to.into(),
            step: history.step,
            series: series
                .map(|(metric, all)| (metric.as_str().to_owned(), points(all)))
                .collect(),
        }
    }
}

impl EncoderHistoryDto {
    /// Of that encoder.
    pub fn new(id: &EncoderId, history: History) -> Self {
        Self {
            encoder_id: id.to_string(),
            history: history.into(),
        }
    }
}
