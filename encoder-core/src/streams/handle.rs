//! All streams: creating, finding, resuming and commanding them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::actor::Actor;
use super::command::{Command, Handle, ask};
use super::publishing::{Denials, generate_key};
use super::saved::{STREAMS, Saved};
use super::{plan, saved, timeline};
use crate::balancer::Demand;
use crate::config::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventBus;
use crate::fleet::{Fleet, Wanted};
use crate::ingest::Witnesses;
use crate::metrics::Metrics;
use crate::model::{
    Assignment, EncoderId, FailoverAccepted, FailoverRequest, IngestSlot, StreamConfigPatch,
    StreamId, StreamRecord, StreamRequest, StreamState, StreamView, Subject, TimelineEntry,
    Trigger,
};
use crate::remediation::Remediator;
use crate::store::{Expect, Key, StateStore};
use crate::tasks::{Clock, Supervisor};
use crate::validate::{ValidatedStream, validate_stream};

/// Commands that may wait for a busy actor.
const QUEUE: usize = 16;

/// What actors share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StreamContext {
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) clock: Clock,
    pub(crate) events: EventBus,
    pub(crate) metrics: Metrics,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) remediator: Arc<dyn Remediator>,
    pub(crate) tasks: Supervisor,
    pub(crate) ingest: Witnesses,
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(super) context: StreamContext,
    handles: RwLock<BTreeMap<StreamId, Handle>>,
    pub(super) denials: Denials,
    /// Owns the actors; replaced when they are suspended.
    actors: Mutex<Supervisor>,
}

impl Streams {
    pub(crate) fn new(context: StreamContext) -> Self {
        let actors = Mutex::new(context.tasks.child());
        Self {
            context,
            handles: RwLock::default(),
            denials: Denials::default(),
            actors,
        }
    }

    /// Takes a request: checks it, chooses encoders, writes the intent, and sets off.
    pub(crate) async fn start(&self, id: StreamId, request: StreamRequest) -> Result<StreamView> {
        let valid = validate_stream(&request, &self.context.config.stream_defaults)?;
        self.prune().await;
        if self.handles().contains_key(&id) {
            return Err(
                Error::new(ErrorKind::AlreadyExists, "the stream exists already")
                    .with_context("stream", &id),
            );
        }
        let demand = Demand {
            key: id.to_string(),
            primary: request.encoder_id.clone(),
            backup: valid.protection.holds_backup(),
            ..Demand::default()
        };
        let wanted = Wanted {
            stream: &id,
            config: &valid.config,
            url: &valid.destination.url,
            demand,
        };
        let chosen = self.context.fleet.place(wanted, rand::random())?;
        let record = self.new_record(id.clone(), request, valid, chosen.primary, chosen.backup);
        match Saved::create(Arc::clone(&self.context.store), record).await {
            Ok(saved) => Ok(self.spawn(saved, false)),
            Err(error) => {
                self.context.fleet.hold(&id, &BTreeSet::new());
                Err(error)
            }
        }
    }

    fn new_record(
        &self,
        id: StreamId,
        request: StreamRequest,
        valid: ValidatedStream,
        primary: EncoderId,
        backup: Option<EncoderId>,
    ) -> StreamRecord {
        let now = self.context.clock.now();
        let mut record = StreamRecord {
            id,
            name: request.name,
            labels: request.labels,
            config: valid.config,
            adaptation: None,
            destination: valid.destination,
            stream_key: valid.stream_key.unwrap_or_else(generate_key),
            protection: valid.protection,
            state: StreamState::Starting,
            primary: Assignment {
                encoder_id: primary,
                slot: IngestSlot::Main,
            },
            backup: None,
            fences: Vec::new(),
            failover: None,
            drill: None,
            history: Vec::new(),
            failure: None,
            created_at: now,
            live_at: None,
            updated_at: now,
        };
        let slot = plan::backup_slot(&record);
        record.backup = backup.map(|encoder_id| Assignment { encoder_id, slot });
        record
    }

    fn spawn(&self, saved: Saved, resumed: bool) -> StreamView {
        let id = saved.record.id.clone();
        let (commands, receiver) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let tasks = self.actors().clone();
        let context = StreamContext {
            tasks: tasks.clone(),
            ..self.context.clone()
        };
        let (actor, view) = Actor::new(context, saved, receiver, stop.clone(), resumed);
        let first = StreamView::clone(&view.borrow());
        let handle = Handle {
            commands,
            view,
            stop,
        };
        self.handles
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, handle);
        tasks.spawn("stream", actor.run());
        first
    }

    /// Takes up every stream in the store.
    pub(crate) async fn resume(&self) -> Result<()> {
        let prefix = Key::try_new(STREAMS).expect("the prefix is a constant");
        for stored in self.context.store.list(&prefix).await? {
            let saved = Saved::loaded(Arc::clone(&self.context.store), &stored)?;
            if !self.handles().contains_key(&saved.record.id) {
                self.spawn(saved, true);
            }
        }
        self.prune().await;
        Ok(())
    }

    /// Forgets streams that ended long ago, with their timelines.
    async fn prune(&self) {
        let now = self.context.clock.now();
        let kept = self.context.config.stream_retention;
        let ended = |handle: &Handle| {
            let view = handle.view.borrow();
            let over = !view.record.state.is_active() && view.record.fences.is_empty();
            over && now.since(view.record.updated_at) > kept
        };
        let old: Vec<_> = self
            .handles()
            .iter()
            .filter(|(_, handle)| ended(handle))
            .map(|(id, _)| id.clone())
            .collect();
        for id in old {
            if let Err(error) = forget(self.context.store.as_ref(), &id).await {
                tracing::warn!(stream = %id, %error, "ended stream not forgotten yet");
                continue;
            }
            self.context.events.forget(&Subject::Stream(id.clone()));
            self.handles
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
        }
    }

    /// Ends all actors and forgets them, because somebody else commands the devices now.
    pub(crate) fn suspend(&self) {
        let suspended = std::mem::replace(&mut *self.actors(), self.context.tasks.child());
        suspended.cancel();
        self.handles
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn actors(&self) -> std::sync::MutexGuard<'_, Supervisor> {
        self.actors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a failover is over, and then, for a while, until the encoder that lost the
    /// stream was seen idle.
    pub(crate) async fn settled(&self, failover: &FailoverAccepted) -> Result<StreamView> {
        let mut view = self.handle(&failover.stream_id)?.view;
        let ended = |view: &Arc<StreamView>| {
            let mut past = view.record.history.iter();
            past.any(|past| past.incident_id == failover.incident_id)
        };
        // A stream whose task ended is as settled as it gets.
        let _ = view.wait_for(ended).await;
        let idle = |view: &Arc<StreamView>| {
            let mut fences = view.record.fences.iter();
            !fences.any(|f| f.encoder_id == failover.from && f.idle_since.is_none())
        };
        // One that cannot be reached is let go all the same.
        let patience = self.context.config.failover.fence_deadline * 2;
        let _ = tokio::time::timeout(patience, view.wait_for(idle)).await;
        self.view(&failover.stream_id)
    }

    pub(super) fn handles(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<StreamId, Handle>> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commands that wait for all actors together, and for the one with the most.
    pub(crate) fn waiting_commands(&self) -> (usize, usize) {
        let handles = self.handles();
        let waiting = handles.values().map(|handle| {
            let commands = &handle.commands;
            commands.max_capacity() - commands.capacity()
        });
        waiting.fold((0, 0), |(total, most), waiting| {
            (total + waiting, most.max(waiting))
        })
    }

    fn handle(&self, id: &StreamId) -> Result<Handle> {
        self.handles().get(id).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no such stream").with_context("stream", id)
        })
    }

    pub(crate) fn view(&self, id: &StreamId) -> Result<StreamView> {
        Ok(StreamView::clone(&self.handle(id)?.view.borrow()))
    }

    /// Active streams with the encoders that publish them.
    pub(crate) fn publishers(&self) -> Vec<(StreamId, EncoderId)> {
        let handles = self.handles();
        let active = handles.values().filter_map(|handle| {
            let view = handle.view.borrow();
            let publisher = view.record.primary.encoder_id.clone();
            let active = view.record.state.is_active();
            active.then(|| (view.record.id.clone(), publisher))
        });
        active.collect()
    }

    pub(crate) fn views(&self) -> Vec<StreamView> {
        self.handles()
            .values()
            .map(|handle| StreamView::clone(&handle.view.borrow()))
            .collect()
    }

    /// Waits until the device reports that it streams; a stream that does not get there is
    /// stopped and released.
    pub(crate) async fn wait_live(&self, id: &StreamId, deadline: Duration) -> Result<StreamView> {
        let mut view = self.handle(id)?.view;
        let settled = |view: &Arc<StreamView>| {
            matches!(
                view.record.state,
                StreamState::Live | StreamState::Stopped | StreamState::Failed
            )
        };
        let reached = {
            let waited = tokio::time::timeout(deadline, view.wait_for(settled)).await;
            matches!(waited, Ok(Ok(view)) if view.record.state == StreamState::Live)
        };
        if reached {
            return self.view(id);
        }
        let last = self.stop(id).await?;
        let message = match last.record.failure {
            Some(reason) => format!("not started: {reason}"),
            None => format!(
                "the device does not stream within {} ms",
                deadline.as_millis()
            ),
        };
        Err(Error::new(ErrorKind::DeadlineExceeded, message)
            .with_context("stream", id)
            .with_context("encoder", &last.record.primary.encoder_id))
    }

    /// Stops a stream; does nothing more for one that is stopped.
    pub(crate) async fn stop(&self, id: &StreamId) -> Result<StreamView> {
        let handle = self.handle(id)?;
        if handle.view.borrow().record.state.is_active() {
            handle.stop.cancel();
            ask(&handle, Command::Stop).await?;
        }
        self.view(id)
    }

    pub(crate) async fn update(
        &self,
        id: &StreamId,
        patch: StreamConfigPatch,
        expect: Option<u64>,
    ) -> Result<StreamView> {
        let handle = self.handle(id)?;
        ask(&handle, |reply| Command::Update(patch, expect, reply)).await?;
        self.view(id)
    }

    pub(crate) async fn failover(
        &self,
        id: &StreamId,
        request: FailoverRequest,
        trigger: Trigger,
    ) -> Result<FailoverAccepted> {
        let handle = self.handle(id)?;
        ask(&handle, |reply| Command::Failover(request, trigger, reply)).await
    }

    pub(crate) async fn timeline(&self, id: &StreamId) -> Result<Vec<TimelineEntry>> {
        let entries = timeline::read(self.context.store.as_ref(), id).await?;
        if entries.is_empty() {
            self.handle(id)?;
        }
        Ok(entries)
    }

    /// Tells every stream to look at the fleet again.
    pub(crate) fn fleet_changed(&self) {
        for handle in self.handles().values() {
            // A full queue means that the actor is about to look anyway.
            let _ = handle.commands.try_send(Command::FleetChanged.into());
        }
    }
}

/// Deletes a stream's timeline and then its record, so that a crash in between leaves no orphan.
async fn forget(store: &dyn StateStore, id: &StreamId) -> Result<()> {
    timeline::delete(store, id).await?;
    store.delete(&saved::key(id), Expect::Any).await
}
