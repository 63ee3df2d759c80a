//! Alerts: something a person should know about, once.

use serde::{Deserialize, Serialize};

use super::{AlertId, EncoderId, Severity, StreamId, Timestamp};

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition holds.
    Firing,
    /// The condition holds and somebody took it on.
    Acknowledged,
    /// The condition is over.
    Resolved,
}

/// An alert, as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Name of the alert.
    pub alert_id: AlertId,
    /// What it is about, for example `stream` or `encoder`.
    pub category: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: AlertState,
    /// The encoder concerned.
    pub encoder_id: Option<EncoderId>,
    /// The stream concerned.
    pub stream_id: Option<StreamId>,
    /// Issue code; together with encoder and stream it identifies the condition.
    pub code: String,
    /// One line.
    pub summary: String,
    /// A few lines.
    pub description: String,
    /// What could be done.
    pub suggested_actions: Vec<String>,
    /// Since when.
    pub started_at: Timestamp,
    /// Until when.
    pub resolved_at: Option<Timestamp>,
}
