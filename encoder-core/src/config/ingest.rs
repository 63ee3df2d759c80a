//! What ingest witnesses are asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::millis;

/// What becomes of a publisher that is none of the fleet's encoders as far as anybody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPublishers {
    /// It may publish if it knows a stream's key. Encoders behind address translation look like it.
    #[default]
    Allow,
    /// It may not, whatever it knows.
    Deny,
}

/// What an [`IngestWitness`](crate::IngestWitness) is asked, and what its word counts for. Without
/// a witness none of this matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IngestConfig {
    /// Time between looks.
    #[serde(rename = "poll_interval_ms", with = "millis")]
    pub poll_interval: Duration,
    /// Time between looks while one of its streams starts, moves, is rehearsed or falls silent, or
    /// an interruption is being measured.
    #[serde(rename = "moving_interval_ms", with = "millis")]
    pub moving_interval: Duration,
    /// How long a look, or a request to drop a publisher, may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How long nothing may arrive of a stream whose encoder says that it streams. At least two
    /// looks must fit in.
    #[serde(rename = "missing_after_ms", with = "millis")]
    pub missing_after: Duration,
    /// Whether a stream that the ingest still receives is left where it is, although its encoder
    /// does not answer.
    pub hold_while_received: bool,
    /// What becomes of publishers that cannot be told to be any encoder of the fleet.
    pub unknown_publishers: UnknownPublishers,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            moving_interval: Duration::from_millis(100),
            timeout: Duration::from_secs(1),
            missing_after: Duration::from_secs(2),
            hold_while_received: true,
            unknown_publishers: UnknownPublishers::default(),
        }
    }
}
