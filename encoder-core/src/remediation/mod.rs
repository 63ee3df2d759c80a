//! What is tried in place before a stream moves.
//!
//! Each kind of trouble has a ladder of its own, as data and a pure choice: [`Ladder`] for a stream
//! that stopped or fails, [`adapt`] for one that is on air and in trouble, [`care`] for a device's
//! session, connection and mode. [`AutoRemediation`] says whether the steps are taken or only told.
//!
//! A [`Remediator`] is a ladder: given an incident and what was tried, it names the next step, or
//! `None` when only a failover is left. Naming is pure; [`Remediator::run`] performs the step.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::document::StepDocument;
use crate::driver::EncoderDriver;
use crate::error::Result;
use crate::model::{
    Bitrate, EncoderId, FrameRate, IncidentId, IssueCode, Resolution, Severity, StreamId,
    Timestamp, seconds,
};

mod adapt;
mod budget;
mod care;
mod document;
mod ladder;
mod mode;

pub use crate::model::{AutoRemediation, TroubleKind};
pub use adapt::{AdaptConfig, AdaptFacts, Proposal, adapt, kind_on_air};
pub use budget::{Budget, BudgetConfig};
pub use care::{CareAttempt, CareConfig, CareFacts, care};
pub use ladder::{Ladder, LadderConfig};
pub use mode::in_force;

/// A fault of a stream's encoder, with what decides whether mending in place is worth it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Names the incident.
    #[serde(rename = "incident_id")]
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
    /// Whether the encoder says that it serves its medium instead of streaming.
    pub serves_files: bool,
    /// How long a stop and start of this encoder takes, as measured, or as configured.
    #[serde(rename = "restart_estimate_seconds", with = "seconds")]
    pub restart_estimate: Duration,
    /// How long the backup takes to start, as measured, or as configured.
    #[serde(rename = "switch_estimate_seconds", with = "seconds")]
    pub switch_estimate: Duration,
    /// First evidence.
    pub since: Timestamp,
}

/// One thing to try.
///
/// As JSON its name and what belongs to it, such as
/// `{"step": "restart_in_place", "deadline_seconds": 5}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StepDocument", into = "StepDocument")]
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
    /// Take the device out of serving its medium, and start the stream that belongs on it.
    RecordStreamMode {
        /// Give up after this long.
        deadline: Duration,
    },
    /// Ask for less bitrate.
    Reduce {
        /// The new bitrate.
        bitrate: Bitrate,
    },
    /// Ask for a smaller picture.
    Downscale {
        /// The new size.
        resolution: Resolution,
    },
    /// Ask for fewer pictures per second.
    SlowDown {
        /// The new rate.
        fps: FrameRate,
    },
    /// Ask for more again, up to what the client wanted.
    Restore {
        /// The new bitrate.
        bitrate: Bitrate,
        /// The new size.
        resolution: Resolution,
        /// The new rate.
        fps: FrameRate,
    },
    /// Log in to the device anew.
    RenewSession,
    /// Drop the connections to the device and make new ones.
    Reconnect,
    /// Restart the device.
    Reboot,
}

impl Step {
    /// Every name that [`as_str`](Self::as_str) gives.
    pub const NAMES: [&'static str; 10] = [
        "start_in_place",
        "restart_in_place",
        "record_stream_mode",
        "reduce_bitrate",
        "downscale",
        "slow_down",
        "restore",
        "renew_session",
        "reconnect",
        "reboot",
    ];

    /// snake_case name for timelines and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start_in_place",
            Self::Restart { .. } => "restart_in_place",
            Self::RecordStreamMode { .. } => "record_stream_mode",
            Self::Reduce { .. } => "reduce_bitrate",
            Self::Downscale { .. } => "downscale",
            Self::SlowDown { .. } => "slow_down",
            Self::Restore { .. } => "restore",
            Self::RenewSession => "renew_session",
            Self::Reconnect => "reconnect",
            Self::Reboot => "reboot",
        }
    }

    /// How long it may take until the device reports that it streams; `None` for a step that does
    /// not put a stream back on air.
    pub const fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Start { deadline }
            | Self::Restart { deadline }
            | Self::RecordStreamMode { deadline } => Some(*deadline),
            _ => None,
        }
    }

    /// Whether it would take a stream off air that the device publishes. Settings are not among
    /// them: who takes such a step sees to it that the stream stays on air.
    pub const fn interrupts(&self) -> bool {
        matches!(
            self,
            Self::Restart { .. } | Self::RecordStreamMode { .. } | Self::Reboot
        )
    }
}

/// A step that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
///
/// It is asked without any lock held, so it may read from the manager. The stream of the incident
/// takes no orders until it answered.
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

#[async_trait]
impl<R: Remediator + ?Sized> Remediator for Arc<R> {
    fn next_step(&self, incident: &Incident, tried: &[Attempt]) -> Option<Step> {
        R::next_step(self, incident, tried)
    }

    async fn run(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<()> {
        R::run(self, step, driver).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names the step after each, so that a new one must be given its place to compile.
    fn next(step: &Step) -> Option<Step> {
        let (deadline, bitrate) = (Duration::ZERO, Bitrate::from_kbps(1));
        let (resolution, fps) = (Resolution::new(2, 2), FrameRate::from_fps(1.0));
        Some(match step {
            Step::Start { .. } => Step::Restart { deadline },
            Step::Restart { .. } => Step::RecordStreamMode { deadline },
            Step::RecordStreamMode { .. } => Step::Reduce { bitrate },
            Step::Reduce { .. } => Step::Downscale { resolution },
            Step::Downscale { .. } => Step::SlowDown { fps },
            Step::SlowDown { .. } => Step::Restore {
                bitrate,
                resolution,
                fps,
            },
            Step::Restore { .. } => Step::RenewSession,
            Step::RenewSession => Step::Reconnect,
            Step::Reconnect => Step::Reboot,
            Step::Reboot => return None,
        })
    }

    #[test]
    fn names_are_those_of_all_steps() {
        let deadline = Duration::ZERO;
        let steps = std::iter::successors(Some(Step::Start { deadline }), next);
        let steps: Vec<_> = steps.collect();
        let names: Vec<_> = steps.iter().map(Step::as_str).collect();
        assert_eq!(names, Step::NAMES);
        for step in steps {
            let text = serde_json::to_string(&step).unwrap();
            assert!(text.contains(step.as_str()), "{text}");
            assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        }
    }
}
