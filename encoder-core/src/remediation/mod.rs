//! What is tried in place before a stream moves.
//!
//! A [`Remediator`] is a ladder: given an incident and what was tried, it names the next step, or
//! `None` when only a failover is left. Naming is pure; [`Remediator::run`] performs the step.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::driver::EncoderDriver;
use crate::error::Result;
use crate::model::{EncoderId, IncidentId, IssueCode, Severity, StreamId, Timestamp};

mod budget;
mod ladder;

pub use budget::{Budget, BudgetConfig};
pub use ladder::{Ladder, LadderConfig};

/// A fault of a stream's encoder, with what decides whether mending in place is worth it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Names the incident.
    pub id: IncidentId,
    /// The stream in danger.
    pub stream_id: StreamId,
    /// The encoder with the fault.
    pub encoder_id: EncoderId,
    /// The worst issue.
    pub cause: IssueCode,
    /// How bad it is.
    pub severity: Severity,
    /// Whether the encoder answers at all.
    pub reachable: bool,
    /// Whether the stream may move to another encoder.
    pub may_fail_over: bool,
    /// Whether a backup is staged and ready.
    pub backup_ready: bool,
    /// How long a stop and start of this encoder takes, as measured, or as configured.
    pub restart_estimate: Duration,
    /// How long the backup takes to start, as measured, or as configured.
    pub switch_estimate: Duration,
    /// First evidence.
    pub since: Timestamp,
}

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Start the stream on the same encoder; it stopped by itself.
    Start {
        /// Give up after this long.
        deadline: Duration,
    },
    /// Stop the stream and start it again on the same encoder.
    Restart {
        /// Give up after this long.
        deadline: Duration,
    },
}

impl Step {
    /// snake_case name for timelines and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start_in_place",
            Self::Restart { .. } => "restart_in_place",
        }
    }
}

/// A step that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried.
    pub step: Step,
    /// When it began.
    pub at: Timestamp,
    /// Whether the encoder streamed afterwards.
    pub succeeded: bool,
}

/// Mends in place.
///
/// # Contract
///
/// 1. `ladder_terminates`: with every attempt failing, `next_step` becomes `None` after finitely
///    many steps.
/// 2. `no_step_on_a_silent_encoder`: an incident that is not `reachable` has no step.
/// 3. `same_input_same_answer`.
/// 4. `run_confirms`: `run` returns `Ok` only when the device itself reports that it streams.
/// 5. `run_keeps_its_deadline`.
#[async_trait]
pub trait Remediator: Debug + Send + Sync + 'static {
    /// The next thing to try, or `None` when nothing in place is worth trying.
    fn next_step(&self, incident: &Incident, tried: &[Attempt]) -> Option<Step>;

    /// Performs a step and waits for its effect.
    ///
    /// # Errors
    /// The `Device…` kinds, or [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded).
    async fn run(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<()>;
}
