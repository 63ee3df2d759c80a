//! Moving a stream to another encoder, step by step.
//!
//! The record names the step that is about to be done before it is done, and every step can be
//! done twice. So a crash between any two of them loses nothing: the next process looks at the
//! devices and goes on where this one stopped.

use std::time::{Duration, Instant};

use super::actor::Actor;
use super::decide::Fault;
use super::plan;
use crate::error::Result;
use crate::model::{
    FailoverPhase, FailoverProgress, IncidentId, PhaseTiming, RejectedAlternative, Severity,
    StreamState, Trigger, issue_code,
};

mod end;
mod gone;
mod hand_over;
mod steps;
mod target;

/// A failover that was decided and not begun.
#[derive(Debug)]
pub(super) struct Plan {
    progress: FailoverProgress,
    fault: Fault,
    rejected: Vec<RejectedAlternative>,
    decided: Instant,
}

/// Why a step did not lead to the next one.
enum Setback {
    /// The stream shall stop; whoever asked takes over.
    Interrupted,
    /// This way does not lead there.
    Failed(String),
}

type Advance = Result<FailoverPhase, Setback>;

impl Actor {
    /// Moves the stream by itself because of a fault.
    pub(super) async fn fail_over(&mut self, fault: &Fault, incident: IncidentId) {
        match self.plan(fault, incident, Trigger::Automatic, None) {
            Ok(plan) => {
                self.tell_error(&fault.cause, &fault.message);
                self.carry_out(plan).await;
            }
            Err(error) if self.gives_up_starting() => {
                self.fail(format!("{}; {}", fault.message, error.message()))
                    .await;
            }
            Err(error) => {
                let message = format!("{}: {}; {}", fault.cause, fault.message, error.message());
                if self.raise(issue_code::FAILOVER_FAILED, Severity::Critical, &message) {
                    self.tell_error(&fault.cause, &message);
                    self.note("failover_impossible", Severity::Critical, message);
                }
            }
        }
    }

    /// Writes the plan, then does it.
    pub(super) async fn carry_out(&mut self, plan: Plan) {
        self.commit_to(plan).await;
        self.carry_on().await;
    }

    /// Writes the plan and shows it, so that whoever is told of it sees it, and a crash keeps it.
    pub(super) async fn commit_to(&mut self, plan: Plan) {
        let Plan {
            mut progress,
            fault,
            rejected,
            decided,
        } = plan;
        self.jobs.abort(&progress.to);
        self.saved.record.failover = Some(progress.clone());
        self.set_state_quietly(StreamState::FailingOver);
        self.measure(&progress);
        self.save().await;
        let elapsed = self.cx.clock.instant().saturating_duration_since(decided);
        progress.timings.push(PhaseTiming {
            phase: FailoverPhase::Decide,
            elapsed,
        });
        self.saved.record.failover = Some(progress.clone());
        self.tell_phase(&progress, progress.phase, None);
        let message = format!("{} to {}: {}", progress.from, progress.to, fault.message);
        let note = self.new_note("failover_decided", Severity::Critical, message);
        self.timeline.add(
            note.incident(&progress.incident_id)
                .evidence(fault.evidence, fault.threshold)
                .rejected(rejected),
        );
        self.hold();
        self.publish();
    }

    /// Goes on with a failover that an earlier process began.
    pub(super) async fn resume_failover(&mut self) {
        let Some(progress) = self.record().failover.clone() else {
            return;
        };
        let begun = self
            .cx
            .fleet
            .find(&progress.to)
            .is_some_and(|encoder| encoder.snapshot().stream_state().may_publish());
        let from = self.cx.fleet.find(&progress.from);
        let streams_again = from.is_some_and(|encoder| encoder.snapshot().is_streaming());
        let message = format!("a failover was under way: {}", progress.phase.as_str());
        self.note("resumed", Severity::Warning, message);
        let unasked = matches!(progress.trigger, Trigger::Automatic | Trigger::Planned);
        if !begun && unasked && streams_again {
            // The primary streams and the replacement was never started: nothing to move.
            self.saved.record.failover = None;
            self.note(
                "failover_abandoned",
                Severity::Info,
                format!("{} streams again", progress.from),
            );
            return self.set_state(StreamState::Live).await;
        }
        self.hold();
        self.publish();
        self.carry_on().await;
    }

    /// Does what is left of the failover that the record holds.
    pub(super) async fn carry_on(&mut self) {
        while let Some(progress) = self.record().failover.clone() {
            if !self.is_owned() {
                return;
            }
            let began = self.cx.clock.instant();
            let stop = self.stop.clone();
            let step = self.perform(&progress);
            let advance = match stop.run_until_cancelled(step).await {
                Some(advance) => advance,
                None => Err(Setback::Interrupted),
            };
            let elapsed = self.cx.clock.instant().saturating_duration_since(began);
            match advance {
                Ok(next) => self.advance(progress, next, elapsed).await,
                Err(Setback::Interrupted) => return,
                Err(Setback::Failed(reason)) => {
                    return self.give_up(progress, elapsed, reason).await;
                }
            }
        }
    }

    async fn perform(&mut self, progress: &FailoverProgress) -> Advance {
        match progress.phase {
            FailoverPhase::Fence => self.fence_phase(progress).await,
            FailoverPhase::Start => self.start_phase(progress).await,
            FailoverPhase::Confirm => self.confirm_phase(progress).await,
            FailoverPhase::Detect
            | FailoverPhase::Decide
            | FailoverPhase::Completed
            | FailoverPhase::Failed => Ok(plan::first_phase(progress.order)),
        }
    }

    async fn advance(
        &mut self,
        mut progress: FailoverProgress,
        next: FailoverPhase,
        elapsed: Duration,
    ) {
        progress.timings.push(PhaseTiming {
            phase: progress.phase,
            elapsed,
        });
        progress.phase = next;
        if next == FailoverPhase::Completed {
            return self.complete(progress).await;
        }
        self.saved.record.failover = Some(progress.clone());
        self.save().await;
        self.tell_phase(&progress, next, None);
        self.publish();
        if next == FailoverPhase::Confirm {
            // The replacement is on its way, so there is time to write down why.
            self.write_timeline().await;
        }
    }

    /// Writes what waits for the timeline; a store that is away is tried again at the next look.
    async fn write_timeline(&mut self) {
        let patience = self.cx.config.failover.store_patience;
        match tokio::time::timeout(patience, self.timeline.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(stream = %self.record().id, %error, "timeline not written yet");
            }
            Err(_) => tracing::warn!(stream = %self.record().id, "timeline not written in time"),
        }
    }
}
