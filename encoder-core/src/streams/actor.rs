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
use tracing::Instrument;

use super::adapt::Adapting;
use super::command::{Command, Order};
use super::decide::Fault;
use super::handle::StreamContext;
use super::ingest::Ingest;
use super::isolation::Isolation;
use super::report;
use super::saved::Saved;
use super::spare::Spare;
use super::timeline::Timeline;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Duty, Encoder, EncoderSnapshot};
use crate::model::{
    BackupReadiness, EncoderId, Issue, IssueCode, RequestId, Severity, StreamRecord, StreamState,
    StreamView, Timestamp, issue_code,
};
use crate::remediation::Attempt;
use crate::request;

/// How soon to look again while something is under way or wrong.
pub(super) const RESTLESS: Duration = Duration::from_millis(250);

/// Problems that need no haste: they are over, or told, when something else changes.
const CALM: [&str; 2] = [issue_code::ADAPTED, issue_code::REMEDIATION_PROPOSED];

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
    commands: mpsc::Receiver<Order>,
    view: watch::Sender<Arc<StreamView>>,
    following: StreamMap<EncoderId, WatchStream<Arc<EncoderSnapshot>>>,
    /// Work on devices other than the primary; at most one at a time per device.
    pub(super) jobs: JoinMap<EncoderId, Done>,
    pub(super) spare: Spare,
    /// When each fenced encoder was last told to stop.
    pub(super) fence_attempts: BTreeMap<EncoderId, Instant>,
    pub(super) starting_since: Option<Timestamp>,
    /// Why the primary could not be told to start; it may hold settings that are not ours.
    pub(super) refused: Option<Fault>,
    pub(super) retry_start_at: Option<Instant>,
    /// When the stream may try again to leave an encoder that is too hot.
    pub(super) leave_again_at: Option<Instant>,
    pub(super) tried: Vec<Attempt>,
    pub(super) adapting: Adapting,
    pub(super) isolation: Isolation,
    pub(super) ingest: Ingest,
    /// Issues of the stream itself, beside those of its encoders.
    pub(super) problems: BTreeMap<&'static str, Issue>,
    /// The request that is acted for: at the start until the stream is up, later while a command is
    /// obeyed.
    pub(super) request: Option<RequestId>,
    /// False once somebody else was seen writing the record: command nothing any more.
    owned: bool,
    resumed: bool,
    pub(super) next_report: Instant,
    /// When a device showed what the actor is acting upon; see [`Actor::tell`].
    pub(super) observed: Option<Instant>,
}

impl Actor {
    pub(super) fn new(
        cx: StreamContext,
        saved: Saved,
        commands: mpsc::Receiver<Order>,
        stop: CancellationToken,
        resumed: bool,
    ) -> (Self, watch::Receiver<Arc<StreamView>>) {
        let now = cx.clock.now();
        let ingest = Ingest::new(&cx.ingest, &saved.record, now);
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
            refused: None,
            retry_start_at: None,
            leave_again_at: None,
            tried: Vec::new(),
            adapting: Adapting::default(),
            isolation: Isolation::default(),
            ingest,
            problems: BTreeMap::new(),
            request: request::current().filter(|_| !resumed),
            owned: true,
            resumed,
            observed: None,
        };
        actor.hold();
        (actor, receiver)
    }

    /// Runs until the stream is over and owes nothing, or the manager shuts down. A stream that
    /// is merely watched no more stays on air.
    pub(super) async fn run(mut self) {
        let shutdown = self.cx.tasks.token().clone();
        let span = self.span();
        let entering = shutdown.run_until_cancelled(self.enter());
        let Some(()) = entering.instrument(span).await else {
            return;
        };
        loop {
            if self.record().state != StreamState::Starting {
                self.request = None;
            }
            let span = self.span();
            let stepping = shutdown.run_until_cancelled(self.step());
            let Some(()) = stepping.instrument(span).await else {
                return;
            };
            if self.is_over() {
                return;
            }
            let wake = self.cx.clock.instant() + self.patience();
            self.observed = None;
            tokio::select! {
                () = shutdown.cancelled() => return,
                command = self.commands.recv() => match command {
                    Some(order) => {
                        self.request = order.request.or(self.request);
                        let span = self.span();
                        let obeying = shutdown.run_until_cancelled(self.obey(order.command));
                        let Some(()) = obeying.instrument(span).await else { return };
                    }
                    None => return,
                },
                Some((_, seen)) = self.following.next(), if !self.following.is_empty() => {
                    self.observed = seen.observed;
                }
                Some(_) = self.ingest.following.next() => {}
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
        self.state_interest();
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
            && self.problems.keys().all(|code| CALM.contains(code))
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
            self.tend_ingest();
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
                        self.commit_to(plan).await;
                        let _ = reply.send(Ok(accepted));
                        self.carry_on().await;
                    }
                    Err(error) => {
                        let _ = reply.send(Err(error));
                    }
                }
            }
            Command::FleetChanged => {}
            Command::Denied(denied) => self.note_denial(denied),
            Command::Tended(tended) => self.note_tended(tended),
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
