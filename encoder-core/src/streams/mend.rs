//! Looking after the encoder on air: noticing, repairing in place, moving, or holding still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actor::{Actor, RESTLESS, within};
use super::decide::{Diagnosis, Facts, Fault, diagnose, gate};
use crate::error::Result;
use crate::fleet::{Encoder, EncoderSnapshot};
use crate::model::{
    AutoRemediation, EncoderId, EncoderStatus, IncidentId, IssueCode, Severity, StreamState,
    Trigger, TroubleKind, issue_code,
};
use crate::remediation::{Attempt, Budget, Incident, Proposal, Step};

impl Actor {
    pub(super) async fn tend_primary(&mut self) {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id);
        let snapshot = primary.as_ref().map(|encoder| encoder.snapshot());
        let silent_since = snapshot.as_ref().and_then(|snapshot| snapshot.silent_since);
        if let Some(since) = silent_since {
            // Whoever answers now proves that the network of the manager works.
            self.cx
                .fleet
                .call_witnesses(since, &self.record().primary.encoder_id);
        }
        let facts = Facts {
            now: self.cx.clock.now(),
            primary: snapshot.as_deref(),
            starting_since: self.starting_since,
            grace: primary
                .as_ref()
                .map_or(Duration::ZERO, |e| e.start_grace(&self.cx.config.failover)),
            witness: silent_since.is_some_and(|since| self.has_witness(since)),
            ingest: self.ingest_facts(snapshot.as_deref()),
        };
        let streaming = snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.is_streaming());
        if let Some(fault) = self.refused.clone().filter(|_| !streaming) {
            return self.mend_refusal(fault).await;
        }
        let diagnosis = diagnose(&facts);
        self.settle_ingest_problems(&diagnosis);
        match diagnosis {
            Diagnosis::OnAir => {
                self.on_air(snapshot.as_deref()).await;
                self.leave_heat(snapshot.as_deref()).await;
            }
            Diagnosis::Patience => {}
            Diagnosis::Isolated => self.isolated().await,
            Diagnosis::SilentOnAir => self.silent_on_air(),
            Diagnosis::IngestSuspect(expected) => self.suspect_ingest(expected),
            Diagnosis::IngestUnproven(witness) => self.doubt_witness(&witness),
            Diagnosis::Faulty(fault) => {
                self.tell_unreceived(&fault);
                self.mend(fault).await;
            }
        }
    }

    /// A primary that was never brought to hold this stream's settings is not restarted in place,
    /// because it would publish whatever it holds: the stream starts elsewhere, or the whole
    /// bringing up is tried again.
    async fn mend_refusal(&mut self, fault: Fault) {
        let now = self.cx.clock.now();
        let allowed = gate(self.record(), &self.cx.config.failover, now);
        let id = IncidentId::generate();
        let reason = match allowed {
            Ok(()) => match self.plan(&fault, id, Trigger::Automatic, None) {
                Ok(plan) => return self.carry_out(plan).await,
                Err(error) => error.message().to_owned(),
            },
            Err(held) => held.reason,
        };
        if self.gives_up_starting() {
            return self.fail(format!("{}; {reason}", fault.message)).await;
        }
        let due = self
            .retry_start_at
            .is_none_or(|at| self.cx.clock.instant() >= at);
        if due {
            self.bring_up().await;
        }
    }

    /// Whether a stream that never was on air has had its time. Until then an encoder may still
    /// boot, or be freed.
    pub(super) fn gives_up_starting(&self) -> bool {
        let record = self.record();
        let patience = self.cx.config.failover.start_grace;
        record.state == StreamState::Starting
            && self.cx.clock.now().since(record.created_at) >= patience
    }

    /// Whether somebody answers while the primary does not, and it is not merely the manager's
    /// own network coming back.
    fn has_witness(&mut self, silent_since: Instant) -> bool {
        let primary = self.record().primary.encoder_id.clone();
        let now = self.cx.clock.instant();
        // A poll under way may end, and another one be made.
        let recovery = self.cx.config.watch.timeout * 2 + RESTLESS;
        let proof = self.cx.config.failover.witness_timeout;
        if !self.cx.fleet.has_witness(silent_since, &primary) {
            self.isolation.notice(now, recovery);
            return false;
        }
        let lingers = self.isolation.lingers(now, proof, recovery);
        if let Some(primary) = self.cx.fleet.find(&primary).filter(|_| lingers) {
            primary.look_now();
        }
        !lingers
    }

    async fn on_air(&mut self, snapshot: Option<&EncoderSnapshot>) {
        self.refused = None;
        let now = self.cx.clock.now();
        for code in [
            issue_code::MANAGER_ISOLATED,
            issue_code::FAILOVER_HELD,
            issue_code::FAILOVER_FAILED,
        ] {
            self.problems.remove(code);
        }
        if let Some(since) = self.starting_since.take() {
            let streaming_at = snapshot
                .and_then(|snapshot| snapshot.stream_state_at)
                .unwrap_or(now);
            if let Some(primary) = self.cx.fleet.find(&self.record().primary.encoder_id) {
                primary.record_start(streaming_at.since(since));
            }
        }
        let hold_down = self.cx.config.failover.hold_down;
        self.tried
            .retain(|attempt| now.since(attempt.at) < hold_down);
        if self.record().state != StreamState::Live {
            let message = format!(
                "{} reports that it streams",
                self.record().primary.encoder_id
            );
            self.saved.record.live_at.get_or_insert(now);
            // What the device says needs no promise of ours, so nobody waits for the disk.
            self.set_state_quietly(StreamState::Live);
            self.publish();
            self.save().await;
            self.note("live", Severity::Info, message);
        }
        self.tend_settings(snapshot).await;
    }

    async fn isolated(&mut self) {
        let message =
            "no encoder answers; the manager's own network is the suspect, nothing is moved";
        if self.raise(issue_code::MANAGER_ISOLATED, Severity::Critical, message) {
            self.note(issue_code::MANAGER_ISOLATED, Severity::Critical, message);
        }
    }

    /// Repairs in place where that is quicker or all there is, and moves the stream otherwise.
    async fn mend(&mut self, fault: Fault) {
        let now = self.cx.clock.now();
        let allowed = gate(self.record(), &self.cx.config.failover, now);
        if self.record().state == StreamState::Live {
            self.set_state_quietly(StreamState::Degraded);
        }
        let incident = self.incident(&fault, allowed.is_ok());
        let attempts: Vec<_> = self.tried.iter().map(|attempt| attempt.at).collect();
        let affordable =
            Budget::new(self.cx.config.remediation_budget.clone()).allows(&attempts, now);
        let step = self
            .cx
            .remediator
            .next_step(&incident, &self.tried)
            .filter(|_| affordable);
        let step = self.permitted(&fault, &incident, step);
        match (step, allowed) {
            (Some(step), _) => self.remedy(&fault, &incident, step).await,
            (None, Ok(())) => self.fail_over(&fault, incident.id).await,
            (None, Err(held)) => self.hold_still(&fault, &held.reason).await,
        }
    }

    /// The step, if it may be taken and not only be told.
    fn permitted(
        &mut self,
        fault: &Fault,
        incident: &Incident,
        step: Option<Step>,
    ) -> Option<Step> {
        let step = step?;
        let kind = kind_of(&step);
        match self.remediation_mode(kind, &incident.encoder_id) {
            AutoRemediation::On => return Some(step),
            AutoRemediation::Off => return None,
            AutoRemediation::Observe => {}
        }
        let proposal = Proposal {
            kind,
            step,
            adaptation: None,
            cause: fault.cause.clone(),
            since: fault.since,
            evidence: fault.evidence.clone(),
            threshold: fault.threshold.clone().unwrap_or_default(),
        };
        self.propose(&proposal, "it may only be observed");
        None
    }

    fn incident(&self, fault: &Fault, may_fail_over: bool) -> Incident {
        let id = &self.record().primary.encoder_id;
        let backup = self.readiness();
        let measured = |id: &EncoderId| self.cx.fleet.find(id).and_then(|e| e.measured_start());
        let own = measured(id).unwrap_or(self.cx.config.failover.start_grace / 2);
        // Devices of one fleet start alike, so the primary stands in for an unmeasured backup.
        let switch = backup.encoder_id.as_ref().and_then(measured).unwrap_or(own);
        Incident {
            id: IncidentId::generate(),
            stream_id: self.record().id.clone(),
            encoder_id: id.clone(),
            cause: fault.cause.clone(),
            severity: Severity::Critical,
            reachable: fault.reachable,
            may_fail_over,
            backup_ready: backup.ready,
            serves_files: self.serves_files(id),
            // A restart is a stop and a start; stopping takes about as long as starting.
            restart_estimate: own * 2,
            switch_estimate: switch,
            since: fault.since,
        }
    }

    fn serves_files(&self, id: &EncoderId) -> bool {
        let encoder = self.cx.fleet.find(id);
        encoder.is_some_and(|encoder| encoder.snapshot().serves_files())
    }

    async fn remedy(&mut self, fault: &Fault, incident: &Incident, step: Step) {
        let Some(primary) = self.cx.fleet.find(&incident.encoder_id) else {
            return;
        };
        let at = self.cx.clock.now();
        let began = self.cx.clock.instant();
        self.tell_error(&fault.cause, &fault.message);
        self.publish();
        let remediator = Arc::clone(&self.cx.remediator);
        let stop = self.stop.clone();
        let repair = async {
            self.restore_settings(&primary).await?;
            remediator.run(&step, primary.driver.as_ref()).await
        };
        let Some(result) = stop.run_until_cancelled(repair).await else {
            return;
        };
        let taken = self.cx.clock.instant().saturating_duration_since(began);
        self.tried.push(Attempt {
            step: step.clone(),
            at,
            succeeded: result.is_ok(),
        });
        primary.look_now();
        self.ingest.restart(self.cx.clock.now());
        let (severity, outcome) = match &result {
            Ok(()) => (
                Severity::Warning,
                format!("done after {} ms", taken.as_millis()),
            ),
            Err(error) => (Severity::Critical, format!("failed: {error}")),
        };
        let told = if result.is_ok() {
            "succeeded"
        } else {
            "failed"
        };
        let metrics = &self.cx.metrics;
        metrics.observe_remediation(kind_of(&step), step.as_str(), told);
        let message = format!("{} on {}: {outcome}", step.as_str(), incident.encoder_id);
        if result.is_err() {
            self.tell_error(&IssueCode::new(issue_code::REPAIR_FAILED), &message);
        }
        let note = self
            .new_note(step.as_str(), severity, message)
            .incident(&incident.id);
        self.timeline
            .add(note.evidence(fault.evidence.clone(), fault.threshold.clone()));
        if result.is_ok() {
            self.await_streaming(&primary, self.cx.config.watch.timeout)
                .await;
        }
    }

    /// An idle primary that holds no settings any more, since it or the program around it was
    /// restarted, gets them again; a start alone would be refused for ever.
    async fn restore_settings(&self, primary: &Encoder) -> Result<()> {
        let snapshot = primary.snapshot();
        let empty =
            |status: &EncoderStatus| status.active.is_none() && status.stream_state.is_idle();
        let lost = snapshot.status.as_ref().is_some_and(empty);
        if !lost || !primary.driver.capability().reads_back {
            return Ok(());
        }
        let target = self.record().target(self.record().primary.slot);
        let config = self.record().effective();
        let call = primary.driver.configure(&config, &target);
        let limit = self.cx.config.failover.command_timeout * 2;
        within(limit, "EncoderDriver::configure", call).await
    }

    /// Gives the watcher the time to see what the device already reported to somebody else.
    async fn await_streaming(&self, encoder: &Encoder, limit: Duration) {
        let mut snapshots = encoder.follow();
        // Running into the limit is fine: the next look decides.
        let _ = tokio::time::timeout(limit, snapshots.wait_for(|s| s.is_streaming())).await;
    }

    async fn hold_still(&mut self, fault: &Fault, reason: &str) {
        if self.gives_up_starting() {
            return self.fail(format!("{}; {reason}", fault.message)).await;
        }
        let message = format!("{}: {}; not moved: {reason}", fault.cause, fault.message);
        if self.raise(issue_code::FAILOVER_HELD, Severity::Critical, &message) {
            self.tell_error(&fault.cause, &message);
            let note = self.new_note(issue_code::FAILOVER_HELD, Severity::Critical, message);
            self.timeline
                .add(note.evidence(fault.evidence.clone(), fault.threshold.clone()));
        }
    }

    pub(super) async fn tend_drill(&mut self) {
        let Some(drill) = self.record().drill.clone() else {
            return;
        };
        let due = self.cx.clock.now() >= drill.not_before;
        let readiness = self.readiness();
        if !due || readiness.encoder_id.as_ref() != Some(&drill.encoder_id) || !readiness.ready {
            return;
        }
        self.saved.record.drill = None;
        let fault = Fault {
            cause: IssueCode::new("drill_return"),
            message: "the drill returns to where it began".to_owned(),
            since: self.cx.clock.now(),
            reachable: true,
            evidence: Vec::new(),
            threshold: None,
        };
        if let Ok(plan) = self.plan(
            &fault,
            drill.incident_id,
            Trigger::Drill,
            Some(drill.encoder_id),
        ) {
            self.carry_out(plan).await;
        }
    }
}

/// The ladder that a step of a [`Remediator`](crate::remediation::Remediator) stands on.
const fn kind_of(step: &Step) -> TroubleKind {
    match step {
        Step::RecordStreamMode { .. } => TroubleKind::MediaState,
        _ => TroubleKind::Stream,
    }
}
