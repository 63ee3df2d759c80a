//! What the manager really did about errors, as the timelines of the streams tell it.

use serde::Serialize;

use crate::model::{IncidentId, Severity, StreamId, TimelineEntry, Timestamp};
use crate::remediation::Step;

/// Something that was done, with its outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AutomatedAction {
    /// When it was over.
    pub at: Timestamp,
    /// The stream.
    pub stream_id: StreamId,
    /// The incident it belongs to.
    pub incident_id: Option<IncidentId>,
    /// What, for example `failover` or `restart_in_place`.
    pub action: String,
    /// `succeeded` or `failed`.
    pub outcome: &'static str,
    /// One line for people.
    pub message: String,
}

impl AutomatedAction {
    /// The act that a timeline tells of; `None` for what is no act, or not over.
    pub(super) fn of(entry: &TimelineEntry) -> Option<Self> {
        let worked = entry.severity < Severity::Critical;
        let (action, worked) = match entry.transition.as_str() {
            "failover_completed" => ("failover", true),
            "failover_failed" | "failover_impossible" | "failover_abandoned" => ("failover", false),
            "fenced" => ("fence", true),
            "backup_chosen" => ("choose_backup", true),
            step if Step::NAMES.contains(&step) => (step, worked),
            _ => return None,
        };
        Some(Self {
            at: entry.timestamp,
            stream_id: entry.stream_id.clone(),
            incident_id: entry.incident_id.clone(),
            action: action.to_owned(),
            outcome: if worked { "succeeded" } else { "failed" },
            message: entry.message.clone(),
        })
    }
}
