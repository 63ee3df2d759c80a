//! One encoder of the fleet: its registration, its driver, and what its watcher concludes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::pacing::{Budget, Exempt, Paced};
use super::snapshot::EncoderSnapshot;
use super::start_times::StartTimes;
use super::thermostat::Thermostat;
use crate::config::{FailoverConfig, ManagerConfig};
use crate::driver::EncoderDriver;
use crate::error::Result;
use crate::metrics::Tally;
use crate::model::{
    CoolingEntry, CoolingState, EncoderId, EncoderSpec, EncoderState, EncoderView, StreamId,
};
use crate::monitor::errors::EncoderFacts;
use crate::tasks::{Clock, Supervisor};

/// What an encoder is meant to be doing. Decides how often it is polled, and what counts as a
/// fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duty {
    /// In the pool.
    #[default]
    Free,
    /// Held for a stream: as idle backup, or fenced.
    Held,
    /// Meant to publish.
    Publishing,
}

/// An encoder of the fleet. Shared by its watcher, the streams that hold it, and readers.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// For whatever brings a stream on air or off it: its calls count and never wait.
    pub(crate) driver: Arc<dyn EncoderDriver>,
    /// For everything else: its calls wait for the burst limit.
    pub(crate) paced: Arc<dyn EncoderDriver>,
    /// The driver itself, for calls that were counted already.
    pub(super) bare: Arc<dyn EncoderDriver>,
    pub(super) budget: Arc<Budget>,
    thermostat: Mutex<Thermostat>,
    pub(super) tally: Arc<Tally>,
    spec: ArcSwap<EncoderSpec>,
    revision: AtomicU64,
    pub(super) snapshots: watch::Sender<Arc<EncoderSnapshot>>,
    pub(super) duty: watch::Sender<Duty>,
    pub(super) look_now: Notify,
    /// Counts the polls that ended.
    pub(super) polls: watch::Sender<u64>,
    /// Asks the watcher to conclude anew from what it knows.
    pub(super) think_again: Notify,
    start_times: Mutex<StartTimes>,
    pub(super) tasks: Supervisor,
}

impl Encoder {
    pub(crate) fn new(
        spec: EncoderSpec,
        revision: u64,
        driver: Arc<dyn EncoderDriver>,
        config: &ManagerConfig,
        tasks: Supervisor,
        tally: Arc<Tally>,
    ) -> Self {
        let budget = Arc::new(Budget::new(&config.thermal));
        Self {
            driver: Arc::new(Exempt::new(Arc::clone(&driver), Arc::clone(&budget))),
            paced: Arc::new(Paced::new(Arc::clone(&driver), Arc::clone(&budget))),
            bare: driver,
            budget,
            thermostat: Mutex::new(Thermostat::new(Arc::clone(&tally))),
            tally,
            spec: ArcSwap::from_pointee(spec),
            revision: AtomicU64::new(revision),
            snapshots: watch::Sender::default(),
            duty: watch::Sender::default(),
            look_now: Notify::new(),
            polls: watch::Sender::default(),
            think_again: Notify::new(),
            start_times: Mutex::default(),
            tasks,
        }
    }

    pub(crate) fn id(&self) -> &EncoderId {
        self.driver.id()
    }

    pub(crate) fn spec(&self) -> Arc<EncoderSpec> {
        self.spec.load_full()
    }

    pub(super) fn set_spec(&self, spec: EncoderSpec, revision: u64) {
        self.spec.store(Arc::new(spec));
        self.revision.store(revision, Ordering::Release);
    }

    /// The watcher's latest conclusions.
    pub(crate) fn snapshot(&self) -> Arc<EncoderSnapshot> {
        self.snapshots.borrow().clone()
    }

    /// Follows the watcher's conclusions.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<EncoderSnapshot>> {
        self.snapshots.subscribe()
    }

    /// Asks the watcher to poll at once.
    pub(crate) fn look_now(&self) {
        self.look_now.notify_one();
    }

    /// Has the watcher poll at once, and waits until it has concluded from that, for so long at most.
    pub(crate) async fn look(&self, patience: Duration) {
        let mut polls = self.polls.subscribe();
        let before = *polls.borrow_and_update();
        self.look_now();
        // A watcher that ended, or is late, has nothing newer to say.
        let looked = polls.wait_for(|count| *count > before);
        let _ = tokio::time::timeout(patience, looked).await;
    }

    /// States what the encoder is meant to be doing from now on.
    pub(crate) fn set_duty(&self, duty: Duty) {
        self.duty
            .send_if_modified(|current| std::mem::replace(current, duty) != duty);
    }

    pub(crate) fn duty(&self) -> Duty {
        *self.duty.borrow()
    }

    pub(crate) fn record_start(&self, taken: Duration) {
        self.start_times().record(taken);
    }

    /// How long its starts took, as measured; `None` before the first one.
    pub(crate) fn measured_start(&self) -> Option<Duration> {
        self.start_times().slowest()
    }

    /// How long the next start may take before that is a fault.
    pub(crate) fn start_grace(&self, config: &FailoverConfig) -> Duration {
        self.start_times().grace(config)
    }

    fn start_times(&self) -> std::sync::MutexGuard<'_, StartTimes> {
        self.start_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn thermostat(&self) -> std::sync::MutexGuard<'_, Thermostat> {
        self.thermostat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to cool the encoder by an operator's wish.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it cools already.
    pub(crate) fn begin_cooling(&self, config: &ManagerConfig, clock: &Clock) -> Result<()> {
        let begun = self.thermostat().begin_by_hand(&config.thermal, clock);
        begun.map_err(|error| error.with_context("encoder", self.id()))?;
        self.think_again.notify_one();
        Ok(())
    }

    /// Where its cooling stands, and its latest transitions, oldest first.
    pub(super) fn cooling(
        &self,
        config: &ManagerConfig,
        clock: &Clock,
    ) -> (Option<CoolingState>, Vec<CoolingEntry>) {
        let thermostat = self.thermostat();
        (
            thermostat.state(&config.thermal, clock),
            thermostat.record(),
        )
    }

    pub(crate) fn state(&self) -> EncoderState {
        self.snapshot().state(&self.spec())
    }

    /// What can be its share in an error; `None` in maintenance.
    pub(crate) fn facts(&self) -> Option<(EncoderId, EncoderFacts)> {
        let (spec, snapshot) = (self.spec(), self.snapshot());
        let status = snapshot.status.as_ref();
        let firmware = status.and_then(|status| status.identity.firmware.as_deref());
        let facts = || (spec.id.clone(), EncoderFacts::new(&spec, firmware));
        (!spec.maintenance).then(facts)
    }

    pub(super) fn view(&self, streams: Vec<StreamId>, clock: &Clock) -> EncoderView {
        let snapshot = self.snapshot();
        // Before the registration: one that changes in between then has an old revision, which a
        // conditional write refuses, rather than an old registration with the new revision.
        let revision = self.revision.load(Ordering::Acquire);
        let spec = self.spec();
        EncoderView {
            state: snapshot.state(&spec),
            spec: EncoderSpec::clone(&spec),
            revision,
            status: snapshot.status.clone(),
            last_seen_at: snapshot.last_seen_at,
            assessment: snapshot.assessment.clone(),
            connection: snapshot.connection.clone(),
            heat: snapshot.heat,
            cooling: snapshot.cooling.clone(),
            burst: self.budget.usage(clock.instant()).state(clock.now()),
            streams,
        }
    }
}
