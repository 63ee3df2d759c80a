//! What a stream runs with instead of what was asked for.

use crate::model::Adaptation;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use super::stream::number;

/// Settings below what was asked for, for as long as a trouble lasts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Adaptation)]
pub struct AdaptationDto {
    /// Video bitrate in bits per second.
    pub bitrate: u64,
    /// Picture size.
    pub resolution: String,
    /// Pictures per second.
    #[schema(value_type = f64)]
    pub fps: serde_json::Value,
    /// When the stream first ran below what was asked for.
    pub since: Time,
    /// The trouble that led to the latest step down.
    pub reason: String,
    /// When the latest step, down or up, was taken.
    pub changed_at: Time,
    /// How long the stream must be well before the next step up.
    pub healthy_period_seconds: f64,
}

impl From<Adaptation> for AdaptationDto {
    fn from(adaptation: Adaptation) -> Self {
        Self {
            bitrate: adaptation.bitrate.0,
            resolution: adaptation.resolution.to_string(),
            fps: number(adaptation.fps.fps()),
            since: adaptation.since.into(),
            reason: adaptation.reason.to_string(),
            changed_at: adaptation.changed_at.into(),
            healthy_period_seconds: adaptation.healthy_period.as_secs_f64(),
        }
    }
}
