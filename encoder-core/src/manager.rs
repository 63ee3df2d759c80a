//! The manager: everything a program can ask of its fleet and its streams.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::alerts::{AlertBook, Notifier};
use crate::config::ManagerConfig;
use crate::driver::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventBus;
use crate::ingest::{PublishAttempt, PublishVerdict};
use crate::metrics::Metrics;
use crate::model::{
    Action, ControlOutcome, EncoderId, EncoderSpec, EncoderView, FailoverAccepted, FailoverRequest,
    FleetCounts, LoadBalancerReport, StreamConfigPatch, StreamId, StreamRequest, StreamView,
    Subject, TimelineEntry, Trigger,
};
use crate::operations::{control, encoders, lease, load};
use crate::store::StateStore;
use crate::streams::{StreamContext, Streams};
use crate::tasks::{Clock, Supervisor};

mod alerts;
mod builder;
mod certificates;
mod monitoring;
mod monitors;

pub use builder::ManagerBuilder;
use monitors::Monitors;

/// Manages a fleet of encoders and the streams on it. Cheap to clone; all clones are one manager.
///
/// Dropping the last clone does not stop anything; call [`Manager::shutdown`]. Streams stay on
/// air either way, because the devices carry them.
#[derive(Clone, Debug)]
pub struct Manager(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cx: StreamContext,
    streams: Arc<Streams>,
    lease: lease::Leadership,
    tasks: Supervisor,
    closing: AtomicBool,
    alerts: Arc<Mutex<AlertBook>>,
    notifier: Arc<Notifier>,
    monitors: Monitors,
}

impl Manager {
    /// Begins to put a manager together.
    pub fn builder() -> ManagerBuilder {
        ManagerBuilder::default()
    }

    /// Registers an encoder and starts watching it.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`]; [`ErrorKind::ValidationFailed`] with every violation;
    /// [`ErrorKind::StoreUnavailable`].
    pub async fn add_encoder(&self, spec: EncoderSpec) -> Result<EncoderView> {
        self.commanding()?;
        encoders::add(&self.0.cx.fleet, self.0.cx.store.as_ref(), spec).await
    }

    /// Changes a registration. A new address, driver or password takes effect at once.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::RevisionMismatch`] when `expect` is not its revision;
    /// otherwise as for [`Manager::add_encoder`].
    pub async fn update_encoder(
        &self,
        spec: EncoderSpec,
        expect: Option<u64>,
    ) -> Result<EncoderView> {
        self.commanding()?;
        let view =
            encoders::update(&self.0.cx.fleet, self.0.cx.store.as_ref(), spec, expect).await?;
        self.0.streams.fleet_changed();
        Ok(view)
    }

    /// Takes an encoder out of the fleet. With `drain` its streams are moved away first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] when it serves a stream and `drain` is
    /// false, or when a stream could not be moved.
    pub async fn remove_encoder(&self, id: &EncoderId, drain: bool) -> Result<()> {
        self.commanding()?;
        let inner = &self.0;
        encoders::clear(&inner.cx.fleet, &inner.streams, id, drain).await?;
        encoders::remove(&inner.cx.fleet, inner.cx.store.as_ref(), id).await?;
        inner.streams.fleet_changed();
        let gone = Subject::Encoder(id.clone());
        self.alert_book().observe(&gone, &[], inner.cx.clock.now());
        Ok(())
    }

    /// An encoder with everything known about it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn encoder(&self, id: &EncoderId) -> Result<EncoderView> {
        let encoder = self.0.cx.fleet.get(id)?;
        Ok(self.0.cx.fleet.view(&encoder))
    }

    /// All encoders, by name.
    pub fn encoders(&self) -> Vec<EncoderView> {
        self.0
            .cx
            .fleet
            .all()
            .iter()
            .map(|encoder| self.0.cx.fleet.view(encoder))
            .collect()
    }

    /// Asks an encoder how it is, now, and tells everything known about it. An encoder that does not
    /// answer within `watch.timeout_ms` is in the answer as what it is then. Cancellation stops the
    /// waiting.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn monitor_encoder(&self, id: &EncoderId) -> Result<EncoderView> {
        let encoder = self.0.cx.fleet.get(id)?;
        // One poll may be under way already, and the next is the one that was asked for.
        encoder.look(self.0.cx.config.watch.timeout * 2).await;
        Ok(self.0.cx.fleet.view(&encoder))
    }

    /// What an encoder can do and tell.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn capability(&self, id: &EncoderId) -> Result<Capability> {
        Ok(self.0.cx.fleet.get(id)?.driver.capability())
    }

    /// Tells an encoder to do something, and looks whether it did.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Unsupported`]; [`ErrorKind::Conflict`] when the act
    /// would break a managed stream; otherwise those of the device.
    pub async fn control(&self, id: &EncoderId, action: &Action) -> Result<ControlOutcome> {
        self.commanding()?;
        let inner = &self.0;
        inner.monitors.storage.told(id, action);
        let outcome = control::run(
            &inner.cx.fleet,
            inner.cx.store.as_ref(),
            &inner.cx.config,
            id,
            action,
        )
        .await?;
        inner.streams.fleet_changed();
        Ok(outcome)
    }

    /// How many encoders are in which state.
    pub fn fleet_counts(&self) -> FleetCounts {
        self.0.cx.fleet.counts()
    }

    /// Takes a request for a stream under a generated name; see [`Manager::start_stream_as`].
    ///
    /// # Errors
    /// Those of [`Manager::start_stream_as`].
    pub async fn start_stream(&self, request: StreamRequest) -> Result<StreamView> {
        self.start_stream_as(StreamId::generate(), request).await
    }

    /// Takes a request for a stream: checks it, chooses encoders, and writes the intent. The
    /// stream is `starting` then, and survives a crash; [`Manager::wait_live`] waits for more.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every violation; [`ErrorKind::NoEncoderAvailable`]
    /// with the reasons of each encoder; [`ErrorKind::AlreadyExists`];
    /// [`ErrorKind::StoreUnavailable`].
    pub async fn start_stream_as(
        &self,
        id: StreamId,
        request: StreamRequest,
    ) -> Result<StreamView> {
        self.commanding()?;
        self.0.streams.start(id, request).await
    }

    /// Waits until the device itself reports that it streams.
    ///
    /// # Errors
    /// [`ErrorKind::DeadlineExceeded`]; the stream was stopped and released then.
    pub async fn wait_live(&self, id: &StreamId, deadline: Duration) -> Result<StreamView> {
        self.0.streams.wait_live(id, deadline).await
    }

    /// Takes a request for a stream and waits until the device itself reports that it streams.
    /// Cancelled on the way, it stops the stream and releases its encoders.
    ///
    /// # Errors
    /// Those of [`Manager::start_stream_as`] and [`Manager::wait_live`].
    pub async fn start_live(
        &self,
        id: StreamId,
        request: StreamRequest,
        deadline: Duration,
    ) -> Result<StreamView> {
        let mut abandoned = StopAbandoned {
            stream: Some(id.clone()),
            manager: self.clone(),
            runtime: Handle::current(),
        };
        let started = self.start_stream_as(id.clone(), request).await;
        if let Err(error) = started {
            abandoned.stream = None;
            return Err(error);
        }
        let waited = self.wait_live(&id, deadline).await;
        abandoned.stream = None;
        waited
    }

    /// A stream with everything known about it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn stream(&self, id: &StreamId) -> Result<StreamView> {
        self.0.streams.view(id)
    }

    /// All streams, oldest first, ended ones included.
    pub fn streams(&self) -> Vec<StreamView> {
        self.0.streams.views()
    }

    /// Changes the settings of a stream on air; see its timeline for the interruption.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::ValidationFailed`]; [`ErrorKind::RevisionMismatch`];
    /// [`ErrorKind::Conflict`] while the stream starts, moves or stops; those of the device.
    pub async fn update_stream(
        &self,
        id: &StreamId,
        patch: StreamConfigPatch,
        expect: Option<u64>,
    ) -> Result<StreamView> {
        self.commanding()?;
        self.0.streams.update(id, patch, expect).await
    }

    /// Stops a stream and releases its encoders. Asking twice is harmless.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::StoreUnavailable`], then ask again.
    pub async fn stop_stream(&self, id: &StreamId) -> Result<StreamView> {
        self.commanding()?;
        self.0.streams.stop(id).await
    }

    /// Moves a stream on request. Returns when it is decided; events and timeline tell the rest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] when there is nothing to move or the
    /// wanted encoder is not ready; [`ErrorKind::NoEncoderAvailable`].
    pub async fn failover(
        &self,
        id: &StreamId,
        request: FailoverRequest,
    ) -> Result<FailoverAccepted> {
        self.commanding()?;
        self.0.streams.failover(id, request, Trigger::Manual).await
    }

    /// Moves a stream and, once the original encoder is ready again, back.
    ///
    /// # Errors
    /// As for [`Manager::failover`].
    pub async fn drill(&self, id: &StreamId, request: FailoverRequest) -> Result<FailoverAccepted> {
        self.commanding()?;
        self.0.streams.failover(id, request, Trigger::Drill).await
    }

    /// Whether somebody may publish, for an ingest that asks before it accepts a publisher: the
    /// second line of the guard against two publishers at once. It keeps off an encoder that
    /// cannot be reached to be stopped.
    ///
    /// The answer needs nothing from any device. Only where the newcomer takes over and a witness
    /// sees another publisher, that one is dropped first, within `ingest.timeout_ms`. A denial is
    /// told as a `stream_error` and in the stream's timeline, one of a kind in ten seconds.
    /// Cancellation loses the answer, and a drop that is on the wire may still happen.
    ///
    /// # Errors
    /// [`ErrorKind::NotLeader`] and [`ErrorKind::ShuttingDown`]: ask the manager that commands.
    pub async fn authorize_publisher(&self, attempt: &PublishAttempt) -> Result<PublishVerdict> {
        self.commanding()?;
        Ok(self.0.streams.authorize(attempt).await)
    }

    /// Every transition of a stream, oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::StoreUnavailable`].
    pub async fn timeline(&self, id: &StreamId) -> Result<Vec<TimelineEntry>> {
        self.0.streams.timeline(id).await
    }

    /// The feed of everything that happens.
    pub fn events(&self) -> &EventBus {
        &self.0.cx.events
    }

    /// How the balancer sees the fleet.
    pub fn load_balancer(&self) -> LoadBalancerReport {
        load::report(self.0.cx.fleet.balancer_name(), &self.0.cx.fleet.board())
    }

    /// The figures and their registry.
    pub fn metrics(&self) -> &Metrics {
        &self.0.cx.metrics
    }

    /// All figures in Prometheus' text format.
    pub fn render_metrics(&self) -> String {
        self.0.cx.metrics.render()
    }

    /// The store, for records of the program around the manager; use prefixes of your own.
    pub fn store(&self) -> &Arc<dyn StateStore> {
        &self.0.cx.store
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.cx.clock
    }

    /// The settings.
    pub fn config(&self) -> &ManagerConfig {
        &self.0.cx.config
    }

    /// Whether this manager commands the devices: it holds the lease and is not closing.
    pub fn is_ready(&self) -> bool {
        self.commanding().is_ok()
    }

    /// Ends all tasks and gives the lease back. Streams stay on air. Returns whether everything
    /// ended within the configured time.
    pub async fn shutdown(&self) -> bool {
        self.0.closing.store(true, Ordering::Release);
        let ended = self.0.tasks.shutdown(self.0.cx.config.drain).await;
        self.0.lease.release(self.0.cx.store.as_ref()).await;
        ended
    }

    fn commanding(&self) -> Result<()> {
        if self.0.closing.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::ShuttingDown,
                "the manager is shutting down",
            ));
        }
        self.0.lease.check()
    }
}

/// Stops a stream that nobody waits for any more.
struct StopAbandoned {
    stream: Option<StreamId>,
    manager: Manager,
    runtime: Handle,
}

impl Drop for StopAbandoned {
    fn drop(&mut self) {
        let Some(id) = self.stream.take() else { return };
        // Whoever drops a future may do so outside the runtime.
        let _entered = self.runtime.enter();
        let streams = Arc::clone(&self.manager.0.streams);
        self.manager
            .0
            .tasks
            .spawn("stop abandoned stream", async move {
                if let Err(error) = streams.stop(&id).await
                    && error.kind() != ErrorKind::NotFound
                {
                    tracing::warn!(stream = %id, %error, "an abandoned stream was not stopped");
                }
            });
    }
}
