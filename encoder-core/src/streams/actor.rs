//! The task behind one stream.
//!
//! It sleeps until an encoder it follows changes, a command arrives, a job on another device
//! ends, or a timer runs out; then it looks at everything anew. Looking is idempotent, so a
//! missed wake-up costs time and never correctness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamMap;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::JoinMap;

use super::decide::{Diagnosis, Facts, Fault, diagnose, gate};
use super::handle::{Command, StreamContext};
use super::report;
use super::saved::Saved;
use super::spare::Spare;
use super::timeline::{Note, Timeline};
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Duty, Encoder, EncoderSnapshot};
use crate::model::{
    BackupReadiness, EncoderId, IncidentId, Issue, IssueCode, Severity, StreamRecord, StreamState,
    StreamView, Timestamp, Trigger, issue_code,
};
use crate::remediation::{Attempt, Budget, Incident, Step};

/// How soon to look again while something is under way or wrong.
const RESTLESS: Duration = Duration::from_millis(250);

/// What a job on a device beside the primary was about.
#[derive(Debug)]
pub(super) enum Done {
    Staged(Result<()>),
    Started(Result<()>),
    Stopped(Result<()>),
}

pub(super) struct Actor {
    pub(super) cx: StreamContext,
    pub(super) saved: Saved,
    pub(super) timeline: Timeline,
    pub(super) stop: CancellationToken,
    commands: mpsc::Receiver<Command>,
    view: watch::Sender<Arc<StreamView>>,
    following: StreamMap<EncoderId, WatchStream<Arc<EncoderSnapshot>>>,
    /// Work on devices other than the primary; at most one at a time per device.
    pub(super) jobs: JoinMap<EncoderId, Done>,
    pub(super) spare: Spare,
    /// When each fenced encoder was last told to stop.
    pub(super) fence_attempts: BTreeMap<EncoderId, Instant>,
    pub(super) starting_since: Option<Timestamp>,
    tried: Vec<Attempt>,
    /// Issues of the stream itself, beside those of its encoders.
    pub(super) problems: BTreeMap<&'static str, Issue>,
    /// False once somebody else was seen writing the record: command nothing any more.
    owned: bool,
    resumed: bool,
    pub(super) next_report: Instant,
}

impl Actor {
    pub(super) fn new(
        cx: StreamContext,
        saved: Saved,
        commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
        resumed: bool,
    ) -> (Self, watch::Receiver<Arc<StreamView>>) {
        let now = cx.clock.now();
        let first = report::first_view(&saved.record, saved.revision().0, now);
        let (view, receiver) = watch::channel(Arc::new(first));
        let actor = Self {
            timeline: Timeline::new(Arc::clone(&cx.store)),
            next_report: cx.clock.instant(),
            cx,
            saved,
            stop,
            commands,
            view,
            following: StreamMap::new(),
            jobs: JoinMap::new(),
            spare: Spare::default(),
            fence_attempts: BTreeMap::new(),
            starting_since: None,
            tried: Vec::new(),
            problems: BTreeMap::new(),
            owned: true,
            resumed,
        };
        actor.hold();
        (actor, receiver)
    }

    /// Runs until the stream is over and owes nothing, or the manager shuts down. A stream that
    /// is merely watched no more stays on air.
    pub(super) async fn run(mut self) {
        let shutdown = self.cx.tasks.token().clone();
        let Some(()) = shutdown.run_until_cancelled(self.enter()).await else {
            return;
        };
        loop {
            let Some(()) = shutdown.run_until_cancelled(self.step()).await else {
                return;
            };
            if self.is_over() {
                return;
            }
            let wake = self.cx.clock.instant() + self.patience();
            tokio::select! {
                () = shutdown.cancelled() => return,
                command = self.commands.recv() => match command {
                    Some(command) => {
                        let obeying = shutdown.run_until_cancelled(self.obey(command));
                        let Some(()) = obeying.await else { return };
                    }
                    None => return,
                },
                Some(_) = self.following.next(), if !self.following.is_empty() => {}
                Some((encoder, done)) = self.jobs.join_next() => {
                    if let Ok(done) = done {
                        self.job_done(encoder, done);
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    async fn enter(&mut self) {
        self.follow();
        if self.resumed {
            self.take_up().await;
        } else {
            self.note("accepted", Severity::Info, "the stream was accepted");
            self.tend_spare();
            self.bring_up().await;
        }
    }

    fn patience(&self) -> Duration {
        let steady = self.record().state == StreamState::Live
            && self.problems.is_empty()
            && self.record().fences.is_empty()
            && self.record().drill.is_none()
            && self.spare.is_settled()
            && !self.saved.is_dirty();
        if steady {
            self.cx.config.failover.protection_interval
        } else {
            RESTLESS
        }
    }

    /// Whether nothing is left to do or to write, now or ever.
    fn is_over(&self) -> bool {
        let record = self.record();
        !record.state.is_active()
            && record.fences.is_empty()
            && !self.saved.is_dirty()
            && self.timeline.is_written()
    }

    /// Looks at everything anew.
    async fn step(&mut self) {
        if self.owned {
            self.follow();
            self.tend_fences().await;
            if self.is_managed() {
                self.tend_primary().await;
            }
            if self.is_managed() {
                self.tend_spare();
                self.tend_drill().await;
            }
            if self.saved.is_dirty() {
                self.save().await;
            }
            if let Err(error) = self.timeline.flush().await {
                tracing::warn!(stream = %self.record().id, %error, "timeline not written yet");
            }
        }
        self.publish();
    }

    /// Whether the stream is meant to be on air and this manager is the one to see to it.
    fn is_managed(&self) -> bool {
        let state = self.record().state;
        self.owned
            && state.is_active()
            && state != StreamState::Stopping
            && !self.stop.is_cancelled()
    }

    async fn obey(&mut self, command: Command) {
        // A dropped answer means that the caller went away; the act stands.
        match command {
            Command::Stop(reply) => {
                let result = self.stop_all().await;
                self.publish();
                let _ = reply.send(result);
            }
            Command::Update(patch, expect, reply) => {
                let result = self.reconfigure(&patch, expect).await;
                self.publish();
                let _ = reply.send(result);
            }
            Command::Failover(request, trigger, reply) => {
                match self.accept_failover(request, trigger) {
                    Ok((accepted, plan)) => {
                        let _ = reply.send(Ok(accepted));
                        self.carry_out(plan).await;
                    }
                    Err(error) => {
                        let _ = reply.send(Err(error));
                    }
                }
            }
            Command::FleetChanged => {}
        }
    }

    async fn tend_primary(&mut self) {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id);
        let snapshot = primary.as_ref().map(|encoder| encoder.snapshot());
        let silent_since = snapshot.as_ref().and_then(|snapshot| snapshot.silent_since);
        if silent_since.is_some() {
            // Whoever answers now proves that the network of the manager works.
            self.cx
                .fleet
                .call_witnesses(&self.record().primary.encoder_id);
        }
        let facts = Facts {
            now: self.cx.clock.now(),
            primary: snapshot.as_deref(),
            starting_since: self.starting_since,
            grace: primary
                .as_ref()
                .map_or(Duration::ZERO, |e| e.start_grace(&self.cx.config.failover)),
            witness: silent_since.is_some_and(|since| {
                self.cx
                    .fleet
                    .has_witness(since, &self.record().primary.encoder_id)
            }),
        };
        match diagnose(&facts) {
            Diagnosis::OnAir => self.on_air(snapshot.as_deref()).await,
            Diagnosis::Patience => {}
            Diagnosis::Isolated => self.isolated().await,
            Diagnosis::Faulty(fault) => self.mend(fault).await,
        }
    }

    async fn on_air(&mut self, snapshot: Option<&EncoderSnapshot>) {
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
            self.set_state(StreamState::Live).await;
            self.note("live", Severity::Info, message);
        }
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
        match (step, allowed) {
            (Some(step), _) => self.remedy(&fault, &incident, step).await,
            (None, Ok(())) => self.fail_over(&fault, incident.id).await,
            (None, Err(held)) => self.hold_still(&fault, &held.reason).await,
        }
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
            // A restart is a stop and a start; stopping takes about as long as starting.
            restart_estimate: own * 2,
            switch_estimate: switch,
            since: fault.since,
        }
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
        let Some(result) = stop
            .run_until_cancelled(remediator.run(&step, primary.driver.as_ref()))
            .await
        else {
            return;
        };
        let taken = self.cx.clock.instant().saturating_duration_since(began);
        self.tried.push(Attempt {
            step: step.clone(),
            at,
            succeeded: result.is_ok(),
        });
        primary.look_now();
        let (severity, outcome) = match &result {
            Ok(()) => (
                Severity::Warning,
                format!("done after {} ms", taken.as_millis()),
            ),
            Err(error) => (Severity::Critical, format!("failed: {error}")),
        };
        let message = format!("{} on {}: {outcome}", step.as_str(), incident.encoder_id);
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

    /// Gives the watcher the time to see what the device already reported to somebody else.
    async fn await_streaming(&self, encoder: &Encoder, limit: Duration) {
        let mut snapshots = encoder.follow();
        // Running into the limit is fine: the next look decides.
        let _ = tokio::time::timeout(limit, snapshots.wait_for(|s| s.is_streaming())).await;
    }

    async fn hold_still(&mut self, fault: &Fault, reason: &str) {
        if self.record().state == StreamState::Starting && self.jobs.is_empty() {
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

    pub(super) fn record(&self) -> &StreamRecord {
        &self.saved.record
    }

    /// Holds exactly the encoders that the record names.
    pub(super) fn hold(&self) {
        self.cx.fleet.hold(&self.record().id, &self.held());
        for id in self.held() {
            if let Some(encoder) = self.cx.fleet.find(&id) {
                let record = self.record();
                let publishes = record.state.is_active()
                    && (record.primary.encoder_id == id || self.is_hot_backup(&id));
                encoder.set_duty(if publishes {
                    Duty::Publishing
                } else {
                    Duty::Held
                });
            }
        }
    }

    fn held(&self) -> BTreeSet<EncoderId> {
        let record = self.record();
        let mut held: BTreeSet<_> = record.fences.iter().map(|f| f.encoder_id.clone()).collect();
        if record.state.is_active() {
            held.insert(record.primary.encoder_id.clone());
            held.extend(record.backup.iter().map(|backup| backup.encoder_id.clone()));
            held.extend(record.failover.iter().map(|failover| failover.to.clone()));
        }
        held
    }

    /// Follows exactly the encoders that the stream holds.
    pub(super) fn follow(&mut self) {
        let held = self.held();
        let stale: Vec<_> = self
            .following
            .keys()
            .filter(|id| !held.contains(*id))
            .cloned()
            .collect();
        for id in stale {
            self.following.remove(&id);
        }
        for id in held {
            if !self.following.contains_key(&id)
                && let Some(encoder) = self.cx.fleet.find(&id)
            {
                self.following
                    .insert(id, WatchStream::from_changes(encoder.follow()));
            }
        }
    }

    /// Writes the record; a store that is away is tried again at the next look.
    pub(super) async fn save(&mut self) {
        self.saved.record.updated_at = self.cx.clock.now();
        let patience = self.cx.config.failover.store_patience;
        match self.saved.save_within(patience).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::RevisionMismatch => {
                self.owned = false;
                tracing::error!(stream = %self.record().id, "another manager owns the record now");
            }
            Err(error) => {
                tracing::warn!(stream = %self.record().id, %error, "record not written yet");
            }
        }
    }

    pub(super) const fn is_owned(&self) -> bool {
        self.owned
    }

    pub(super) async fn set_state(&mut self, state: StreamState) {
        self.set_state_quietly(state);
        self.hold();
        self.save().await;
        self.publish();
    }

    /// Changes the state without waiting for the store; the next write carries it.
    pub(super) fn set_state_quietly(&mut self, state: StreamState) {
        self.saved.record.state = state;
    }

    /// Ends a stream that cannot be brought on air.
    pub(super) async fn fail(&mut self, reason: String) {
        self.tell_error(&IssueCode::new("stream_failed"), &reason);
        self.note("failed", Severity::Critical, reason.clone());
        self.release_all().await;
        self.saved.record.failure = Some(reason);
        self.set_state(StreamState::Failed).await;
    }

    /// Raises a problem of the stream itself. Returns whether it is new or says something new.
    pub(super) fn raise(&mut self, code: &'static str, severity: Severity, message: &str) -> bool {
        let known = self.problems.get(code);
        if known.is_some_and(|issue| issue.message == message) {
            return false;
        }
        let since = known.map_or(self.cx.clock.now(), |issue| issue.since);
        let is_new = known.is_none();
        let issue = Issue {
            code: IssueCode::new(code),
            severity,
            message: message.to_owned(),
            since,
        };
        self.problems.insert(code, issue);
        is_new
    }

    pub(super) fn new_note(
        &self,
        name: &str,
        severity: Severity,
        message: impl Into<String>,
    ) -> Note {
        Note::new(
            &self.record().id,
            self.cx.clock.now(),
            name,
            severity,
            message,
        )
    }

    pub(super) fn note(&mut self, name: &str, severity: Severity, message: impl Into<String>) {
        let note = self.new_note(name, severity, message);
        self.timeline.add(note);
    }

    pub(super) fn readiness(&self) -> BackupReadiness {
        self.spare_readiness()
    }

    pub(super) fn set_view(&self, view: StreamView) {
        self.view.send_replace(Arc::new(view));
    }

    pub(super) fn last_view(&self) -> Arc<StreamView> {
        self.view.borrow().clone()
    }

    /// The encoder, or why it cannot be used.
    pub(super) fn encoder(&self, id: &EncoderId) -> Result<Arc<Encoder>> {
        self.cx.fleet.get(id)
    }

    async fn tend_drill(&mut self) {
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

/// Waits at most `limit` for a device to take a command.
pub(super) async fn within<T>(
    limit: Duration,
    what: &'static str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        let message = format!("no answer to {what} within {} ms", limit.as_millis());
        Err(Error::new(ErrorKind::DeviceUnreachable, message).with_operation(what))
    })
}
