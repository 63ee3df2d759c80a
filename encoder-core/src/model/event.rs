//! What the manager tells its clients, as it happens.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    Alert, EncoderHealthReport, EncoderId, FailoverPhase, IncidentId, PhaseTiming, RequestId,
    Severity, StreamHealthReport, StreamId, Timestamp, millis,
};

/// Whom an event is about. Sequence numbers count per subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A stream.
    Stream(StreamId),
    /// An encoder.
    Encoder(EncoderId),
    /// The alerts as a whole.
    Alerts,
}

/// An event with its place in the feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Place in the whole feed; grows by one per event. The `id` of server-sent events.
    #[serde(skip)]
    pub id: u64,
    /// Place among the events of its subject; grows by one, so a gap shows a loss.
    pub sequence: u64,
    /// When it happened.
    pub timestamp: Timestamp,
    /// When the watcher of an encoder saw what this event tells; `None` where it comes from
    /// elsewhere, as from a command. Only for measuring how fast news travel.
    #[serde(skip)]
    pub observed: Option<Instant>,
    /// Whom it is about.
    #[serde(skip)]
    pub subject: Subject,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. The variant's snake_case name is the event's name on the wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum EventKind {
    /// How a stream is doing: sent when something changed, and at intervals.
    StreamHealth(Box<StreamHealthReport>),
    /// How an encoder is doing: sent when something changed, and at intervals.
    HealthUpdate(Box<EncoderHealthReport>),
    /// Something went wrong with a stream.
    StreamError(StreamErrorReport),
    /// A failover entered its next phase.
    StreamFailover(StreamFailoverReport),
    /// An alert was opened, acknowledged or resolved.
    Alert(Box<Alert>),
}

impl EventKind {
    /// The wire name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StreamHealth(_) => "stream_health",
            Self::HealthUpdate(_) => "health_update",
            Self::StreamError(_) => "stream_error",
            Self::StreamFailover(_) => "stream_failover",
            Self::Alert(_) => "alert",
        }
    }

    /// Whether a slow client may lose it: a later one of its kind says the same and more.
    pub const fn is_replaceable(&self) -> bool {
        matches!(self, Self::StreamHealth(_) | Self::HealthUpdate(_))
    }
}

/// Something went wrong with a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamErrorReport {
    /// The stream.
    pub stream_id: StreamId,
    /// The encoder concerned.
    pub encoder_id: Option<EncoderId>,
    /// Issue code or error kind.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line, without secrets.
    pub message: String,
}

/// A failover entered its next phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFailoverReport {
    /// The stream.
    pub stream_id: StreamId,
    /// The incident.
    pub incident_id: IncidentId,
    /// The request that asked for it; `None` for one that the manager decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The phase that begins, `completed` or `failed`.
    pub phase: FailoverPhase,
    /// The encoder that loses the stream.
    pub from: EncoderId,
    /// The encoder that gets it.
    pub to: EncoderId,
    /// Issue code.
    pub reason: String,
    /// Time since the first evidence of the fault.
    #[serde(rename = "elapsed_ms", with = "millis")]
    pub elapsed: Duration,
    /// Phases that are over.
    pub phases: Vec<PhaseTiming>,
    /// The address for players, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp_url: Option<String>,
    /// Why it failed, when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
