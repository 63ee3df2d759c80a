//! The fleet: registered encoders, who holds them, and the choice of one for a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::claims::Claims;
use super::encoder::{Duty, Encoder};
use super::scoreboard::{LiveScoreboard, Row, Scoreboard};
use super::watcher::Watcher;
use crate::balancer::{Balancer, Demand};
use crate::config::ManagerConfig;
use crate::driver::{DriverFactory, EncoderDriver};
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventBus;
use crate::health::{ConnectionPolicy, HealthPolicy};
use crate::metrics::Metrics;
use crate::model::{
    DeviceStreamState, EncoderId, EncoderSpec, EncoderState, EncoderView, FleetCounts,
    StreamConfig, StreamId, Verdict, Violation,
};
use crate::tasks::{Clock, Supervisor};
use crate::validate::validate_for_encoder;

/// What watchers share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FleetContext {
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) clock: Clock,
    pub(crate) events: EventBus,
    pub(crate) metrics: Metrics,
    pub(crate) policy: Arc<dyn HealthPolicy>,
    pub(crate) connection: Arc<ConnectionPolicy>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    encoders: RwLock<BTreeMap<EncoderId, Arc<Encoder>>>,
    claims: Mutex<Claims>,
    board: LiveScoreboard,
}

impl FleetContext {
    pub(crate) fn new(
        config: Arc<ManagerConfig>,
        clock: Clock,
        events: EventBus,
        metrics: Metrics,
        policy: Arc<dyn HealthPolicy>,
    ) -> Self {
        let connection = Arc::new(ConnectionPolicy::new(config.connection.clone()));
        Self {
            config,
            clock,
            events,
            metrics,
            policy,
            connection,
            shared: Arc::default(),
        }
    }

    pub(super) fn board_changed(&self) {
        let claims = self.shared.claims();
        self.shared.board.store(self.shared.build_board(&claims));
    }

    pub(super) fn view(&self, encoder: &Encoder) -> EncoderView {
        let streams = self.shared.claims().of(encoder.id());
        encoder.view(streams)
    }
}

impl Shared {
    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Encoder>> {
        let encoders = self.encoders.read().unwrap_or_else(PoisonError::into_inner);
        encoders.values().cloned().collect()
    }

    fn build_board(&self, claims: &Claims) -> Scoreboard {
        Scoreboard::from_rows(self.all().iter().map(|encoder| row(encoder, claims)))
    }
}

fn row(encoder: &Encoder, claims: &Claims) -> Row {
    let spec = encoder.spec();
    let snapshot = encoder.snapshot();
    let streams = claims.count(encoder.id());
    Row {
        id: encoder.id().clone(),
        site: spec.site.clone(),
        weight: spec.weight,
        capacity: spec.capacity,
        streams,
        health: snapshot.assessment.health,
        heat: snapshot.heat,
        reasons: objections(encoder, streams, spec.capacity),
    }
}

/// Why an encoder may not take a stream now.
fn objections(encoder: &Encoder, streams: u32, capacity: u32) -> Vec<String> {
    let snapshot = encoder.snapshot();
    let mut reasons = Vec::new();
    if encoder.spec().maintenance {
        reasons.push("in maintenance".to_owned());
    }
    match snapshot.assessment.verdict {
        Verdict::Unknown => reasons.push("not heard of yet".to_owned()),
        Verdict::Silent => reasons.push("does not answer".to_owned()),
        Verdict::Failing => reasons.push("reports a fault".to_owned()),
        Verdict::Healthy | Verdict::Worn => {}
    }
    match snapshot.stream_state() {
        DeviceStreamState::Initialising | DeviceStreamState::ShuttingDown => {
            reasons.push("is restarting".to_owned());
        }
        state if state.may_publish() && streams == 0 => {
            reasons.push("streams something that this manager did not start".to_owned());
        }
        _ => {}
    }
    if streams >= capacity {
        reasons.push(format!("carries {streams} of {capacity} streams"));
    }
    reasons
}

/// What a stream wants of the fleet.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) config: &'a StreamConfig,
    pub(crate) url: &'a str,
    pub(crate) demand: Demand,
}

/// The encoders that were chosen and are now held for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) primary: EncoderId,
    pub(crate) backup: Option<EncoderId>,
}

/// The fleet.
#[derive(Debug)]
pub(crate) struct Fleet {
    context: FleetContext,
    balancer: Arc<dyn Balancer>,
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

    pub(crate) fn balancer_name(&self) -> &'static str {
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
        let encoder = Arc::new(Encoder::new(spec, revision, driver, self.tasks.child()));
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
        self.context.metrics.forget_encoder(id);
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

    pub(crate) fn board(&self) -> Arc<Scoreboard> {
        self.context.shared.board.load()
    }

    pub(crate) fn view(&self, encoder: &Encoder) -> EncoderView {
        self.context.view(encoder)
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

    /// Chooses encoders and holds them for the stream, in one step.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] when the encoder insisted on cannot do what is asked;
    /// [`ErrorKind::NoEncoderAvailable`] with the reasons of each encoder otherwise.
    pub(crate) fn place(&self, wanted: Wanted<'_>, draw: u64) -> Result<Chosen> {
        let mut demand = wanted.demand;
        let unable = self.unable(wanted.config, wanted.url, &mut demand)?;
        let mut claims = self.context.shared.claims();
        let board = self.context.shared.build_board(&claims);
        let Some(placement) = self.balancer.select(&demand, &board, draw) else {
            return Err(nobody(&board, &demand, &unable));
        };
        let chosen = Chosen {
            primary: board.id(placement.primary).clone(),
            backup: placement.backup.map(|row| board.id(row).clone()),
        };
        for id in std::iter::once(&chosen.primary).chain(&chosen.backup) {
            claims.add(id, wanted.stream);
        }
        drop(claims);
        self.context.board_changed();
        Ok(chosen)
    }

    /// Excludes encoders that cannot do what is asked and remembers why.
    fn unable(
        &self,
        config: &StreamConfig,
        url: &str,
        demand: &mut Demand,
    ) -> Result<BTreeMap<EncoderId, Vec<Violation>>> {
        let mut unable = BTreeMap::new();
        if let Some(id) = &demand.primary {
            self.get(id)?;
        }
        for encoder in self.all() {
            let snapshot = encoder.snapshot();
            let input = snapshot
                .status
                .as_ref()
                .and_then(|status| status.input.as_ref());
            let found = validate_for_encoder(config, url, &encoder.driver.capability(), input);
            if found.is_empty() {
                continue;
            }
            if demand.primary.as_ref() == Some(encoder.id()) {
                let message = format!("{} cannot do what is asked", encoder.id());
                return Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(found));
            }
            demand.exclude.push(encoder.id().clone());
            unable.insert(encoder.id().clone(), found);
        }
        Ok(unable)
    }

    /// Whether any other encoder gave a sign of life after `since`. Without such a witness the
    /// manager's own network is the suspect. A lone encoder has nobody to witness for it.
    pub(crate) fn has_witness(&self, since: Instant, except: &EncoderId) -> bool {
        let mut others = self.others(except).peekable();
        let answers = |encoder: Arc<Encoder>| {
            let alive = encoder.snapshot().last_alive;
            alive.is_some_and(|alive| alive > since)
        };
        others.peek().is_none() || others.any(answers)
    }

    /// Asks other encoders for a sign of life, whoever answers first.
    pub(crate) fn call_witnesses(&self, except: &EncoderId) {
        self.others(except).for_each(|encoder| encoder.look_now());
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

fn nobody(
    board: &Scoreboard,
    demand: &Demand,
    unable: &BTreeMap<EncoderId, Vec<Violation>>,
) -> Error {
    let reasons = (0..board.len()).map(|row| {
        let id = board.id(row);
        let limits = unable
            .get(id)
            .into_iter()
            .flatten()
            .map(|limit| limit.message.clone());
        let mut all: Vec<_> = board.reasons(row).iter().cloned().chain(limits).collect();
        if all.is_empty() && demand.exclude.contains(id) {
            all.push("already has a part in this stream".to_owned());
        }
        if all.is_empty() {
            all.push("not the encoder that was asked for".to_owned());
        }
        Violation::new(id.as_str(), "not_eligible", all.join("; "))
    });
    let violations: Vec<_> = reasons.collect();
    let message = if violations.is_empty() {
        "no encoder is registered".to_owned()
    } else {
        format!(
            "none of {} encoders can take the stream now",
            violations.len()
        )
    };
    Error::new(ErrorKind::NoEncoderAvailable, message).with_violations(violations)
}
