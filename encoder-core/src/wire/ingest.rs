//! What the ingest tells, on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use crate::ingest::PublishVerdict;
use crate::model::{IngestReport, Interruption};

/// What arrives of a stream at its ingest, as the ingest tells.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = IngestReport)]
pub struct IngestReportDto {
    /// Name of the witness.
    pub witness: String,
    /// Whether media arrives.
    pub receiving: bool,
    /// Since when without a pause; `null` while nothing arrives.
    pub since: Option<Time>,
    /// Bits per second, as the ingest measures them.
    pub bitrate: Option<u64>,
    /// Pictures per second.
    pub fps: Option<f64>,
    /// Picture size.
    #[schema(example = "1920x1080")]
    pub resolution: Option<String>,
    /// How many publish it.
    pub publishers: Option<usize>,
    /// The encoder that publishes it; `null` when it cannot be told.
    pub encoder_id: Option<String>,
    /// How long the present publisher has been connected.
    pub connected_for_seconds: Option<f64>,
    /// When the ingest was asked.
    pub seen_at: Time,
}

impl From<IngestReport> for IngestReportDto {
    fn from(report: IngestReport) -> Self {
        Self {
            witness: report.witness,
            receiving: report.receiving,
            since: report.since.map(Time::from),
            bitrate: report.bitrate.map(|bitrate| bitrate.0),
            fps: report.fps,
            resolution: report.resolution.map(|resolution| resolution.to_string()),
            publishers: report.publishers,
            encoder_id: report.encoder_id.map(String::from),
            connected_for_seconds: report.connected_for_seconds,
            seen_at: report.seen_at.into(),
        }
    }
}

/// How long nothing of a stream arrived at its ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Interruption)]
pub struct InterruptionDto {
    /// From the last look that found media of the old encoder to the first that found media of the
    /// new one.
    pub gap_ms: u64,
    /// The true gap is longer or shorter by no more than this.
    pub resolution_ms: u64,
}

impl From<Interruption> for InterruptionDto {
    fn from(interruption: Interruption) -> Self {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis());
        Self {
            gap_ms: millis(interruption.gap).unwrap_or(u64::MAX),
            resolution_ms: millis(interruption.resolution).unwrap_or(u64::MAX),
        }
    }
}

/// Whether somebody may publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PublishVerdict)]
pub struct PublishVerdictDto {
    /// Whether it may.
    pub allowed: bool,
    /// Why, as one word.
    pub verdict: String,
    /// The stream of the key, where it is known.
    pub stream_id: Option<String>,
    /// The encoder that is taken to be the publisher.
    pub encoder_id: Option<String>,
    /// Whether another publisher was dropped to make room.
    pub dropped: bool,
    /// Why not, in one line.
    pub reason: Option<String>,
}

impl From<PublishVerdict> for PublishVerdictDto {
    fn from(verdict: PublishVerdict) -> Self {
        let (allowed, word) = (verdict.is_allowed(), verdict.as_str());
        let (stream_id, encoder_id, dropped, reason) = match verdict {
            PublishVerdict::Allow {
                stream_id,
                encoder_id,
                dropped,
            } => (Some(stream_id), encoder_id, dropped, None),
            PublishVerdict::Deny {
                stream_id,
                encoder_id,
                reason,
                ..
            } => (stream_id, encoder_id, false, Some(reason)),
        };
        Self {
            allowed,
            verdict: word.to_owned(),
            stream_id: stream_id.map(|id| id.to_string()),
            encoder_id: encoder_id.map(String::from),
            dropped,
            reason,
        }
    }
}
