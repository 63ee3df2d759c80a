//! The fleet: registered encoders, who holds them, and the choice of one for a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::context::FleetContext;
use super::encoder::{Duty, Encoder};
use super::scoreboard::Scoreboard;
use super::watcher::Watcher;
use crate::balancer::Balancer;
use crate::driver::{DriverFactory, EncoderDriver};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::Identity;
use crate::metrics::EncoderSample;
use crate::model::{
    EncoderId, EncoderSpec, EncoderState, EncoderView, FleetCounts, StreamId, ThermalView, Verdict,
    Violation,
};
use crate::tasks::Supervisor;

/// The fleet.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(super) context: FleetContext,
    pub(super) balancer: Arc<dyn Balancer>,
    factories: Vec<Arc<dyn DriverFactory>>,
    tasks: Supervisor,
}

impl Fleet {
    pub(crate) fn new(
        context: FleetContext,
        balancer: Arc<dyn Balancer>,
        factories: Vec<Arc<dyn DriverFactory>>,
        tasks: Supervisor,
    ) -> Self {
        Self {
            context,
            balancer,
            factories,
            tasks,
        }
    }

    pub(crate) fn balancer_name(&self) -> &str {
        self.balancer.name()
    }

    /// Makes the driver that a registration asks for.
    pub(crate) fn make_driver(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>> {
        let factory = self
            .factories
            .iter()
            .find(|factory| factory.name() == spec.driver);
        let factory = factory.ok_or_else(|| {
            let known: Vec<_> = self
                .factories
                .iter()
                .map(|factory| factory.name())
                .collect();
            let message = format!("unknown driver; available: {}", known.join(", "));
            let violation = Violation::new("driver", "unknown_driver", message.clone());
            Error::new(ErrorKind::ValidationFailed, message).with_violations(vec![violation])
        })?;
        factory.create(spec)
    }

    /// Enters an encoder and starts watching it. An encoder of the same name is replaced.
    pub(crate) fn enter(&self, spec: EncoderSpec, revision: u64, driver: Arc<dyn EncoderDriver>) {
        let id = spec.id.clone();
        let known = self.find(&id).map(|encoder| Arc::clone(&encoder.tally));
        let encoder = Arc::new(Encoder::new(
            spec,
            revision,
            driver,
            &self.context.config,
            self.tasks.child(),
            known.unwrap_or_default(),
        ));
        let previous = self.encoders_mut().insert(id, Arc::clone(&encoder));
        if let Some(previous) = previous {
            encoder.set_duty(*previous.duty.borrow());
            previous.tasks.cancel();
        }
        let watcher = Watcher::new(Arc::clone(&encoder), self.context.clone());
        encoder.tasks.spawn_until_shutdown("watcher", watcher.run());
        self.context.board_changed();
    }

    /// Changes a registration without touching its driver.
    pub(crate) fn amend(&self, spec: EncoderSpec, revision: u64) -> Result<()> {
        self.get(&spec.id)?.set_spec(spec, revision);
        self.context.board_changed();
        Ok(())
    }

    /// Takes an encoder out and stops watching it.
    pub(crate) fn leave(&self, id: &EncoderId) {
        if let Some(encoder) = self.encoders_mut().remove(id) {
            encoder.tasks.cancel();
        }
        self.context.board_changed();
    }

    fn encoders_mut(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<EncoderId, Arc<Encoder>>> {
        self.context
            .shared
            .encoders
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, id: &EncoderId) -> Option<Arc<Encoder>> {
        let encoders = self
            .context
            .shared
            .encoders
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        encoders.get(id).cloned()
    }

    pub(crate) fn get(&self, id: &EncoderId) -> Result<Arc<Encoder>> {
        self.find(id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no such encoder").with_context("encoder", id)
        })
    }

    pub(crate) fn all(&self) -> Vec<Arc<Encoder>> {
        self.context.shared.all()
    }

    /// What tells the encoders apart at an ingest.
    pub(crate) fn identities(&self) -> Vec<Identity> {
        let identity = |encoder: &Arc<Encoder>| Identity {
            id: encoder.id().clone(),
            address: encoder.spec().address.clone(),
            serial: encoder
                .snapshot()
                .status
                .as_ref()
                .and_then(|status| status.identity.serial.clone()),
        };
        self.all().iter().map(identity).collect()
    }

    pub(crate) fn board(&self) -> Arc<Scoreboard> {
        self.context.shared.board.load()
    }

    pub(crate) fn view(&self, encoder: &Encoder) -> EncoderView {
        self.context.view(encoder)
    }

    pub(crate) fn thermal(&self, encoder: &Encoder) -> ThermalView {
        let context = &self.context;
        let (cooling, record) = encoder.cooling(&context.config, &context.clock);
        self.view(encoder).thermal(cooling, record)
    }

    /// Every encoder as its metrics tell it.
    pub(crate) fn samples(&self) -> Vec<EncoderSample> {
        let sample = |encoder: &Arc<Encoder>| {
            let is_loop = encoder.snapshot().reboots.is_loop;
            EncoderSample::new(self.view(encoder), &encoder.tally, is_loop)
        };
        self.all().iter().map(sample).collect()
    }

    pub(crate) fn counts(&self) -> FleetCounts {
        let mut counts = FleetCounts::default();
        for encoder in self.all() {
            counts.total += 1;
            counts.streaming += usize::from(encoder.snapshot().is_streaming());
            match encoder.state() {
                EncoderState::Online => counts.online += 1,
                EncoderState::Degraded => counts.degraded += 1,
                EncoderState::Cooling => counts.cooling += 1,
                EncoderState::Offline => counts.offline += 1,
                EncoderState::Maintenance => counts.maintenance += 1,
                EncoderState::Unknown => counts.unknown += 1,
            }
        }
        counts
    }

    /// Streams that hold the encoder.
    pub(crate) fn holders(&self, id: &EncoderId) -> Vec<StreamId> {
        self.context.shared.claims().of(id)
    }

    /// Makes the stream hold exactly these encoders. The duty of those it gives up becomes free
    /// unless another stream holds them.
    pub(crate) fn hold(&self, stream: &StreamId, encoders: &BTreeSet<EncoderId>) {
        {
            let mut claims = self.context.shared.claims();
            claims.set(stream, encoders);
            for encoder in self.all() {
                if claims.count(encoder.id()) == 0 {
                    encoder.set_duty(Duty::Free);
                }
            }
        }
        self.context.board_changed();
    }

    /// Whether any other encoder gave a sign of life since then. Without such a witness the
    /// manager's own network is the suspect. A lone encoder has nobody to witness for it.
    pub(crate) fn has_witness(&self, since: Instant, except: &EncoderId) -> bool {
        let mut others = self.others(except).peekable();
        let answers = |encoder: Arc<Encoder>| {
            let alive = encoder.snapshot().last_alive;
            alive.is_some_and(|alive| alive >= since)
        };
        others.peek().is_none() || others.any(answers)
    }

    /// Asks those other encoders for a sign of life that gave none since then.
    pub(crate) fn call_witnesses(&self, since: Instant, except: &EncoderId) {
        let unheard = |encoder: &Arc<Encoder>| {
            let alive = encoder.snapshot().last_alive;
            alive.is_none_or(|alive| alive < since)
        };
        let unheard = self.others(except).filter(unheard);
        unheard.for_each(|encoder| encoder.look_now());
    }

    fn others<'a>(&self, except: &'a EncoderId) -> impl Iterator<Item = Arc<Encoder>> + 'a {
        self.all()
            .into_iter()
            .filter(move |encoder| encoder.id() != except)
    }

    /// Waits until every one of these was heard of or found silent, at most `limit`.
    pub(crate) async fn first_look(&self, ids: &BTreeSet<EncoderId>, limit: Duration) {
        let looks = ids
            .iter()
            .filter_map(|id| self.find(id))
            .map(|encoder| async move {
                let mut snapshots = encoder.follow();
                let known = |snapshot: &Arc<super::EncoderSnapshot>| {
                    snapshot.assessment.verdict != Verdict::Unknown
                };
                // The watcher outlives this wait unless the encoder is removed; both are an answer.
                let _ = snapshots.wait_for(known).await;
            });
        let _ = tokio::time::timeout(limit, futures::future::join_all(looks)).await;
    }
}
