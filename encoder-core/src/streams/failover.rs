//! Moving a stream to another encoder, step by step.
//!
//! The record names the step that is about to be done before it is done, and every step can be
//! done twice. So a crash between any two of them loses nothing: the next process looks at the
//! devices and goes on where this one stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actor::{Actor, Done, within};
use super::bring_up::stop_and_confirm;
use super::decide::Fault;
use super::plan;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Duty, Encoder, EncoderSnapshot};
use crate::model::{
    Assignment, DeviceStreamState, DrillReturn, EncoderId, FailoverAccepted, FailoverOrder,
    FailoverPhase, FailoverProgress, FailoverRequest, FailoverSummary, IncidentId, IssueCode,
    PhaseTiming, RejectedAlternative, Severity, StreamState, Timestamp, Trigger, Verdict,
    issue_code,
};

/// Past failovers that a record keeps: more than any cap per hour that makes sense.
const KEPT_HISTORY: usize = 64;

/// Time between looks at a device that was told to start and reports nothing by itself.
const CONFIRM_LOOK: Duration = Duration::from_millis(250);

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
    /// Decides where to and in which order.
    ///
    /// # Errors
    /// [`ErrorKind::NoEncoderAvailable`] when there is no other encoder;
    /// [`ErrorKind::Conflict`] when the encoder that was asked for cannot take the stream.
    pub(super) fn plan(
        &self,
        fault: &Fault,
        incident: IncidentId,
        trigger: Trigger,
        to: Option<EncoderId>,
    ) -> Result<Plan> {
        let decided = self.cx.clock.instant();
        let now = self.cx.clock.now();
        let mut rejected = Vec::new();
        let to = match to {
            Some(to) => self.check_target(to)?,
            None => self.choose_target(&mut rejected)?,
        };
        let publishing = self
            .publishing_backup()
            .filter(|backup| backup.encoder_id == to);
        let (order, to_slot) = plan::order(self.record(), publishing.as_ref());
        let drill = trigger == Trigger::Drill && self.record().drill.is_none();
        let returns = drill && fault.cause.as_str() != "drill_return";
        let primary = self.record().primary.clone();
        let evidence = fault.since.min(now);
        let progress = FailoverProgress {
            incident_id: incident,
            trigger,
            reason: fault.cause.to_string(),
            return_to: returns.then(|| primary.encoder_id.clone()),
            from: primary.encoder_id,
            from_slot: primary.slot,
            to,
            to_slot,
            order,
            phase: plan::first_phase(order),
            evidence_at: evidence,
            decided_at: now,
            timings: vec![PhaseTiming {
                phase: FailoverPhase::Detect,
                elapsed: now.since(evidence),
            }],
        };
        Ok(Plan {
            progress,
            fault: fault.clone(),
            rejected,
            decided,
        })
    }

    fn check_target(&self, to: EncoderId) -> Result<EncoderId> {
        let conflict = |reason: String| {
            Err(Error::new(ErrorKind::Conflict, reason).with_context("encoder", &to))
        };
        let encoder = self.encoder(&to)?;
        if self.record().primary.encoder_id == to {
            return conflict("the stream is on this encoder already".to_owned());
        }
        let readiness = self.readiness();
        if readiness.encoder_id.as_ref() == Some(&to) {
            return if readiness.ready {
                Ok(to)
            } else {
                conflict(format!(
                    "the backup is not ready: {}",
                    readiness.reasons.join("; ")
                ))
            };
        }
        let board = self.cx.fleet.board();
        match board.row_of(&to) {
            Some(row) if board.is_eligible(row) => Ok(encoder.id().clone()),
            Some(row) => conflict(board.reasons(row).join("; ")),
            None => conflict("not in the fleet".to_owned()),
        }
    }

    /// The backup when it is ready, otherwise a free encoder, otherwise a backup that is at least
    /// idle.
    fn choose_target(&self, rejected: &mut Vec<RejectedAlternative>) -> Result<EncoderId> {
        let readiness = self.readiness();
        if let Some(backup) = readiness.encoder_id.clone() {
            if readiness.ready {
                return Ok(backup);
            }
            let reason = readiness.reasons.join("; ");
            rejected.push(RejectedAlternative {
                alternative: format!("use {backup}"),
                reason,
            });
        }
        if let Some(free) = self.choose_spare() {
            return Ok(free);
        }
        let idle = |id: &EncoderId| {
            self.cx.fleet.find(id).is_some_and(|encoder| {
                let snapshot = encoder.snapshot();
                snapshot.is_reachable() && snapshot.stream_state().is_idle()
            })
        };
        readiness.encoder_id.filter(idle).ok_or_else(|| {
            Error::new(
                ErrorKind::NoEncoderAvailable,
                "no other encoder could take the stream",
            )
        })
    }

    /// Moves the stream by itself because of a fault.
    pub(super) async fn fail_over(&mut self, fault: &Fault, incident: IncidentId) {
        match self.plan(fault, incident, Trigger::Automatic, None) {
            Ok(plan) => {
                self.tell_error(&fault.cause, &fault.message);
                self.carry_out(plan).await;
            }
            Err(error) if self.record().state == StreamState::Starting => {
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

    /// Checks a request to move the stream.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] in a state that has nothing to move, and those of [`Actor::plan`].
    pub(super) fn accept_failover(
        &self,
        request: FailoverRequest,
        trigger: Trigger,
    ) -> Result<(FailoverAccepted, Plan)> {
        let state = self.record().state;
        if !matches!(state, StreamState::Live | StreamState::Degraded) {
            let message = format!("a stream that is {state} cannot be moved");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let reason = request.reason.unwrap_or_else(|| "requested".to_owned());
        let fault = Fault {
            cause: IssueCode::new(if trigger == Trigger::Drill {
                "drill"
            } else {
                "manual"
            }),
            message: reason,
            since: self.cx.clock.now(),
            reachable: true,
            evidence: Vec::new(),
            threshold: None,
        };
        let plan = self.plan(&fault, IncidentId::generate(), trigger, request.to)?;
        let accepted = FailoverAccepted {
            stream_id: self.record().id.clone(),
            incident_id: plan.progress.incident_id.clone(),
            from: plan.progress.from.clone(),
            to: plan.progress.to.clone(),
        };
        Ok((accepted, plan))
    }

    /// Writes the plan, then does it.
    pub(super) async fn carry_out(&mut self, plan: Plan) {
        let Plan {
            mut progress,
            fault,
            rejected,
            decided,
        } = plan;
        self.jobs.abort(&progress.to);
        self.saved.record.failover = Some(progress.clone());
        self.set_state_quietly(StreamState::FailingOver);
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
        self.carry_on().await;
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
        if !begun && progress.trigger == Trigger::Automatic && streams_again {
            // The primary streams and the replacement was never started: nothing to move.
            self.saved.record.failover = None;
            self.note(
                "failover_abandoned",
                Severity::Info,
                format!("{} streams again", progress.from),
            );
            return self.set_state(StreamState::Live).await;
        }
        self.carry_on().await;
    }

    async fn carry_on(&mut self) {
        self.hold();
        self.publish();
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

    /// Sees to it that the old encoder is gone from the ingest before the replacement comes.
    async fn fence_phase(&self, progress: &FailoverProgress) -> Advance {
        let Some(encoder) = self.cx.fleet.find(&progress.from) else {
            return self.outwait_ingest(progress, None).await;
        };
        let limit = self.cx.config.failover.fence_deadline;
        if encoder.snapshot().is_reachable() {
            match stop_and_confirm(&encoder, limit).await {
                Ok(()) => return Ok(FailoverPhase::Start),
                Err(error) => tracing::warn!(encoder = %progress.from, %error, "fencing failed"),
            }
        }
        self.outwait_ingest(progress, Some(&encoder)).await
    }

    /// An encoder that cannot be told to stop is waited for until the ingest forgot it, or until
    /// it can be told after all.
    async fn outwait_ingest(
        &self,
        progress: &FailoverProgress,
        from: Option<&Arc<Encoder>>,
    ) -> Advance {
        let Some(timeout) = self.record().destination.idle_timeout else {
            return Err(Setback::Failed(format!(
                "{} cannot be stopped and the ingest refuses a second publisher; without \
                 destination.idle_timeout_seconds there is no telling when it is gone",
                progress.from
            )));
        };
        let last_seen = from.and_then(|encoder| encoder.snapshot().last_seen_at);
        let gone_at = last_seen.unwrap_or(progress.evidence_at).plus(timeout);
        loop {
            let left = gone_at.since(self.cx.clock.now());
            if left.is_zero() {
                return Ok(FailoverPhase::Start);
            }
            let nap = left.min(self.cx.config.failover.fence_retry);
            tokio::time::sleep(nap).await;
            if let Some(encoder) = from.filter(|encoder| encoder.snapshot().is_reachable())
                && stop_and_confirm(encoder, self.cx.config.failover.fence_deadline)
                    .await
                    .is_ok()
            {
                return Ok(FailoverPhase::Start);
            }
        }
    }

    /// Configures the replacement unless it is staged, and commands it to start.
    async fn start_phase(&mut self, progress: &FailoverProgress) -> Advance {
        let failed = |error: Error| Setback::Failed(format!("{}: {error}", progress.to));
        let encoder = self.encoder(&progress.to).map_err(failed)?;
        let target = self.record().target(progress.to_slot);
        let limit = self.cx.config.failover.command_timeout;
        self.starting_since = Some(self.cx.clock.now());
        if !self
            .spare
            .is_staged(&progress.to, &self.record().config, &target)
        {
            let call = encoder.driver.configure(&self.record().config, &target);
            within(limit * 2, "EncoderDriver::configure", call)
                .await
                .map_err(failed)?;
        }
        within(limit, "EncoderDriver::start", encoder.driver.start())
            .await
            .map_err(failed)?;
        self.silence_faulty(progress);
        Ok(FailoverPhase::Confirm)
    }

    /// Stops a faulty old encoder while the replacement starts. It may try to come back by itself
    /// and, on an ingest that lets the newcomer take over, would push the replacement out again. A
    /// healthy one is left on air until the replacement streams.
    fn silence_faulty(&mut self, progress: &FailoverProgress) {
        let faulty = progress.trigger == Trigger::Automatic
            && progress.order == FailoverOrder::StartFirst
            && progress.from_slot == progress.to_slot;
        let Some(from) = self.cx.fleet.find(&progress.from).filter(|_| faulty) else {
            return;
        };
        if from.snapshot().is_reachable() {
            let limit = self.cx.config.failover.fence_deadline;
            self.jobs.spawn(progress.from.clone(), async move {
                Done::Stopped(stop_and_confirm(&from, limit).await)
            });
        }
    }

    /// Waits until the replacement itself reports that it streams.
    async fn confirm_phase(&self, progress: &FailoverProgress) -> Advance {
        let failed = |reason: String| Err(Setback::Failed(format!("{}: {reason}", progress.to)));
        let Some(encoder) = self.cx.fleet.find(&progress.to) else {
            return failed("removed from the fleet".to_owned());
        };
        encoder.set_duty(Duty::Publishing);
        let grace = encoder.start_grace(&self.cx.config.failover);
        let commanded = self.starting_since.unwrap_or(progress.decided_at);
        let mut snapshots = encoder.follow();
        let waiting = async {
            loop {
                encoder.look_now();
                let outcome = |snapshot: &Arc<EncoderSnapshot>| outcome(snapshot, commanded);
                let settled = |snapshot: &Arc<EncoderSnapshot>| outcome(snapshot).is_some();
                let seen = tokio::time::timeout(CONFIRM_LOOK, snapshots.wait_for(settled)).await;
                match seen.map(|seen| seen.map(|snapshot| outcome(&snapshot))) {
                    Ok(Ok(Some(outcome))) => return outcome,
                    Ok(Ok(None)) | Err(_) => {}
                    Ok(Err(_)) => return Err("no longer watched".to_owned()),
                }
            }
        };
        match tokio::time::timeout(grace, waiting).await {
            Ok(Ok(())) => Ok(FailoverPhase::Completed),
            Ok(Err(reason)) => failed(reason),
            Err(_) => failed(format!(
                "does not stream {} ms after the command",
                grace.as_millis()
            )),
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
    }

    /// Makes the replacement the primary, in one write.
    async fn complete(&mut self, progress: FailoverProgress) {
        let now = self.cx.clock.now();
        let planned = progress.trigger != Trigger::Automatic;
        let old = Assignment::new(progress.from.clone(), progress.from_slot);
        let changed_address =
            self.record().url(progress.from_slot) != self.record().url(progress.to_slot);
        let record = &mut self.saved.record;
        record.primary = Assignment::new(progress.to.clone(), progress.to_slot);
        if record
            .backup
            .as_ref()
            .is_some_and(|backup| backup.encoder_id == progress.to)
        {
            record.backup = None;
        }
        record.failover = None;
        record.live_at.get_or_insert(now);
        record.drill = progress.return_to.clone().map(|encoder_id| DrillReturn {
            encoder_id,
            not_before: now.plus(self.cx.config.failover.drill_dwell),
            incident_id: progress.incident_id.clone(),
        });
        self.add_fence(old, Some(progress.incident_id.clone()), planned);
        let summary = self.remember(&progress, true);
        self.spare.forget();
        self.problems.clear();
        self.set_state_quietly(StreamState::Live);
        self.save().await;
        self.measure_start(&progress.to, now);
        self.hold();
        self.follow();
        let url = changed_address.then(|| self.record().url(progress.to_slot).to_owned());
        self.tell_phase(&progress, FailoverPhase::Completed, url);
        let message = format!("{} took over from {}", progress.to, progress.from);
        let note = self.new_note("failover_completed", Severity::Warning, message);
        self.timeline
            .add(note.incident(&progress.incident_id).phases(summary.timings));
        self.publish();
    }

    fn measure_start(&mut self, id: &EncoderId, now: Timestamp) {
        let commanded = self.starting_since.take();
        let encoder = self.cx.fleet.find(id);
        if let (Some(commanded), Some(encoder)) = (commanded, encoder) {
            let streaming_at = encoder.snapshot().stream_state_at.unwrap_or(now);
            if streaming_at > commanded {
                encoder.record_start(streaming_at.since(commanded));
            }
        }
    }

    /// Leaves the stream where it was. The replacement may have started, so it is fenced.
    async fn give_up(&mut self, mut progress: FailoverProgress, elapsed: Duration, reason: String) {
        progress.timings.push(PhaseTiming {
            phase: progress.phase,
            elapsed,
        });
        let record = &mut self.saved.record;
        record.failover = None;
        if record
            .backup
            .as_ref()
            .is_some_and(|backup| backup.encoder_id == progress.to)
        {
            record.backup = None;
        }
        if matches!(
            progress.phase,
            FailoverPhase::Start | FailoverPhase::Confirm
        ) {
            let part = Assignment::new(progress.to.clone(), progress.to_slot);
            self.add_fence(part, Some(progress.incident_id.clone()), false);
        }
        let summary = self.remember(&progress, false);
        self.spare.forget();
        self.starting_since = None;
        let starting = self.record().live_at.is_none();
        self.set_state_quietly(if starting {
            StreamState::Starting
        } else {
            StreamState::Degraded
        });
        let fenced =
            progress.order == FailoverOrder::FenceFirst && progress.phase != FailoverPhase::Fence;
        if fenced || starting {
            // The old encoder was stopped for nothing, or never came up: it is due again.
            self.starting_since = Some(progress.decided_at);
        }
        self.save().await;
        self.hold();
        self.follow();
        self.raise(issue_code::FAILOVER_FAILED, Severity::Critical, &reason);
        self.tell_phase(&progress, FailoverPhase::Failed, Some(reason.clone()));
        let note = self.new_note("failover_failed", Severity::Critical, reason);
        self.timeline
            .add(note.incident(&progress.incident_id).phases(summary.timings));
        self.publish();
    }

    fn remember(&mut self, progress: &FailoverProgress, succeeded: bool) -> FailoverSummary {
        let summary = FailoverSummary {
            incident_id: progress.incident_id.clone(),
            trigger: progress.trigger,
            reason: progress.reason.clone(),
            from: progress.from.clone(),
            to: progress.to.clone(),
            finished_at: self.cx.clock.now(),
            succeeded,
            timings: progress.timings.clone(),
        };
        self.cx.metrics.observe_failover(&summary);
        let history = &mut self.saved.record.history;
        history.push(summary.clone());
        if history.len() > KEPT_HISTORY {
            history.remove(0);
        }
        summary
    }
}

/// What a snapshot says about a start that was commanded at `commanded`; `None` while it is open.
fn outcome(snapshot: &EncoderSnapshot, commanded: Timestamp) -> Option<Result<(), String>> {
    let entered = snapshot.stream_state_at.is_some_and(|at| at >= commanded);
    match snapshot.stream_state() {
        DeviceStreamState::Streaming if snapshot.is_reachable() => Some(Ok(())),
        DeviceStreamState::Failing | DeviceStreamState::FailingIdle if entered => {
            Some(Err("the device reports that the stream fails".to_owned()))
        }
        _ if snapshot.assessment.verdict == Verdict::Silent => {
            Some(Err("the device fell silent".to_owned()))
        }
        _ => None,
    }
}
