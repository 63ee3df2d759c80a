//! Moves of streams on the wire.

use crate::model::{FailoverAccepted, PhaseTiming, TimelineEntry};
use serde::Serialize;
use utoipa::ToSchema;

use super::{InterruptionDto, Time};

/// A move was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = FailoverAccepted)]
pub struct FailoverDto {
    /// The stream.
    pub stream_id: String,
    /// Follow it under this name in events and timeline.
    pub incident_id: String,
    /// The encoder that loses the stream.
    pub from: String,
    /// The encoder that gets it.
    pub to: String,
}

impl From<FailoverAccepted> for FailoverDto {
    fn from(accepted: FailoverAccepted) -> Self {
        Self {
            stream_id: accepted.stream_id.to_string(),
            incident_id: accepted.incident_id.to_string(),
            from: accepted.from.to_string(),
            to: accepted.to.to_string(),
        }
    }
}

/// How long a phase took.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = PhaseTiming)]
pub struct PhaseDto {
    /// `detect`, `decide`, `fence`, `start` or `confirm`.
    pub phase: String,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl From<PhaseTiming> for PhaseDto {
    fn from(timing: PhaseTiming) -> Self {
        Self {
            phase: timing.phase.as_str().to_owned(),
            elapsed_ms: u64::try_from(timing.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Something that was considered and not done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RejectedAlternative)]
pub struct RejectedDto {
    /// What.
    pub alternative: String,
    /// Why not.
    pub reason: String,
}

/// One transition with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub struct TimelineDto {
    /// Position in the timeline, from 1.
    pub number: u64,
    /// When.
    pub timestamp: Time,
    /// The stream.
    pub stream_id: String,
    /// The incident it belongs to.
    pub incident_id: Option<String>,
    /// The request that it was done for; left out for what the manager does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Name of what happened.
    pub transition: String,
    /// How serious it is.
    pub severity: String,
    /// One line for people.
    pub message: String,
    /// What was observed.
    pub evidence: Vec<String>,
    /// The threshold that was crossed.
    pub threshold: Option<String>,
    /// What else could have been done, with the reason against it.
    pub rejected: Vec<RejectedDto>,
    /// Milliseconds per phase.
    pub phases: Vec<PhaseDto>,
    /// What the ingest saw of a move, where this is its measurement.
    pub interruption: Option<InterruptionDto>,
}

impl From<TimelineEntry> for TimelineDto {
    fn from(entry: TimelineEntry) -> Self {
        let rejected = entry.rejected.into_iter().map(|rejected| RejectedDto {
            alternative: rejected.alternative,
            reason: rejected.reason,
        });
        Self {
            number: entry.number,
            timestamp: entry.timestamp.into(),
            stream_id: entry.stream_id.to_string(),
            incident_id: entry.incident_id.map(String::from),
            request_id: entry.request_id.map(String::from),
            transition: entry.transition,
            severity: entry.severity.as_str().to_owned(),
            message: entry.message,
            evidence: entry.evidence,
            threshold: entry.threshold,
            rejected: rejected.collect(),
            phases: entry.phases.into_iter().map(PhaseDto::from).collect(),
            interruption: entry.interruption.map(InterruptionDto::from),
        }
    }
}
