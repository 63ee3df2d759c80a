//! Failover as data: why, in which order, how far, and how long each phase took.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    EncoderId, IncidentId, IngestSlot, RequestId, SettingsChange, Severity, StreamId, Timestamp,
    millis,
};

/// Who asked for a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The manager, because of a fault.
    Automatic,
    /// An operator or a client.
    Manual,
    /// A rehearsal that returns to the original encoder.
    Drill,
    /// The manager, ahead of trouble: the encoder still works, and stays on air until its
    /// replacement streams.
    Planned,
}

impl Trigger {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Drill => "drill",
            Self::Planned => "planned",
        }
    }
}

/// What is done before what. Follows from the destination's personality and the protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailoverOrder {
    /// Start the replacement at once, stop the old encoder afterwards.
    StartFirst,
    /// Stop the old encoder and see it stopped before the replacement starts.
    FenceFirst,
    /// The replacement publishes already; only the roles change.
    SwitchRoles,
}

/// Phases of a failover, in the vocabulary of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailoverPhase {
    /// From the first evidence to the verdict.
    Detect,
    /// From the verdict to the plan on disk.
    Decide,
    /// Stopping the old encoder, or waiting for the ingest to forget it.
    Fence,
    /// Configuring (unless staged) and commanding the replacement.
    Start,
    /// Until the replacement itself reports that it streams.
    Confirm,
    /// Done: the record names the new primary.
    Completed,
    /// Given up; the reason is in the event.
    Failed,
}

impl FailoverPhase {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Decide => "decide",
            Self::Fence => "fence",
            Self::Start => "start",
            Self::Confirm => "confirm",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// How long a phase took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTiming {
    /// The phase.
    pub phase: FailoverPhase,
    /// How long it took.
    #[serde(rename = "elapsed_ms", with = "millis")]
    pub elapsed: Duration,
}

/// How long nothing of a stream arrived at its ingest, as an
/// [`IngestWitness`](crate::IngestWitness) saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// From the last look that found media of the old publisher to the first that found media of
    /// the new one; zero when the new one was there before the old one left.
    #[serde(rename = "gap_ms", with = "millis")]
    pub gap: Duration,
    /// The time between looks at both ends together: the true gap is longer or shorter by no more.
    #[serde(rename = "resolution_ms", with = "millis")]
    pub resolution: Duration,
}

/// A failover under way, as recorded before each step so that a crash loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverProgress {
    /// Names the incident.
    pub incident_id: IncidentId,
    /// Who asked.
    pub trigger: Trigger,
    /// Machine-readable reason, an issue code.
    pub reason: String,
    /// The encoder that loses the stream.
    pub from: EncoderId,
    /// Its address.
    pub from_slot: IngestSlot,
    /// The encoder that gets the stream.
    pub to: EncoderId,
    /// Its address.
    pub to_slot: IngestSlot,
    /// What is done before what.
    pub order: FailoverOrder,
    /// The step that was about to be done when the record was written.
    pub phase: FailoverPhase,
    /// First evidence of the fault.
    pub evidence_at: Timestamp,
    /// When the decision was taken.
    pub decided_at: Timestamp,
    /// Phases that are over.
    pub timings: Vec<PhaseTiming>,
    /// The encoder to return to, for a drill.
    pub return_to: Option<EncoderId>,
    /// The settings that the stream gets with the move; `None` when it keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Box<SettingsChange>>,
}

/// A failover that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverSummary {
    /// Names the incident.
    pub incident_id: IncidentId,
    /// Who asked.
    pub trigger: Trigger,
    /// Why.
    pub reason: String,
    /// The encoder that lost the stream.
    pub from: EncoderId,
    /// The encoder that got it, or was meant to.
    pub to: EncoderId,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether the stream runs on `to`.
    pub succeeded: bool,
    /// Milliseconds of each phase.
    pub timings: Vec<PhaseTiming>,
    /// What of it was seen at the ingest; `None` until it was measured, and without a witness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruption: Option<Interruption>,
}

/// One line of a stream's timeline: a transition with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Position in the stream's timeline, from 1.
    pub number: u64,
    /// When.
    pub timestamp: Timestamp,
    /// The stream.
    pub stream_id: StreamId,
    /// The incident it belongs to, if any.
    pub incident_id: Option<IncidentId>,
    /// The request that it was done for; `None` for what the manager does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// snake_case name of what happened, for example `failover_completed`.
    pub transition: String,
    /// How serious it is.
    pub severity: Severity,
    /// One line for people.
    pub message: String,
    /// What was observed, as text such as `stream_state=failing`.
    pub evidence: Vec<String>,
    /// The threshold that was crossed, for example `fall=2`.
    pub threshold: Option<String>,
    /// What else could have been done, with the reason against it.
    pub rejected: Vec<RejectedAlternative>,
    /// Milliseconds per phase, where the transition ends something that was measured.
    pub phases: Vec<PhaseTiming>,
    /// What the ingest saw of a move, where the transition is its measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruption: Option<Interruption>,
}

/// Something that was considered and not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedAlternative {
    /// For example `restart_in_place` or `use helo-3`.
    pub alternative: String,
    /// Why not.
    pub reason: String,
}
