//! What everything about the fleet shares: settings, clocks, feeds, and the encoders themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use super::claims::Claims;
use super::encoder::Encoder;
use super::scoreboard::{LiveScoreboard, Row, Scoreboard};
use crate::config::ManagerConfig;
use crate::events::EventBus;
use crate::health::{ConnectionPolicy, HealthPolicy};
use crate::model::{DeviceStreamState, EncoderId, EncoderView, Verdict};
use crate::tasks::Clock;

/// What watchers share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FleetContext {
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) clock: Clock,
    pub(crate) events: EventBus,
    pub(crate) policy: Arc<dyn HealthPolicy>,
    pub(crate) connection: Arc<ConnectionPolicy>,
    /// What moments that concern all encoders are counted from.
    pub(super) begun: Instant,
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) encoders: RwLock<BTreeMap<EncoderId, Arc<Encoder>>>,
    pub(super) claims: Mutex<Claims>,
    pub(super) board: LiveScoreboard,
}

impl FleetContext {
    pub(crate) fn new(
        config: Arc<ManagerConfig>,
        clock: Clock,
        events: EventBus,
        policy: Arc<dyn HealthPolicy>,
    ) -> Self {
        let begun = clock.instant();
        let connection = Arc::new(ConnectionPolicy::new(config.connection.clone()));
        Self {
            config,
            clock,
            events,
            policy,
            connection,
            begun,
            shared: Arc::default(),
        }
    }

    pub(super) fn board_changed(&self) {
        let claims = self.shared.claims();
        self.shared.board.store(self.shared.build_board(&claims));
    }

    pub(super) fn view(&self, encoder: &Encoder) -> EncoderView {
        let streams = self.shared.claims().of(encoder.id());
        encoder.view(streams, &self.clock)
    }
}

impl Shared {
    pub(super) fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Arc<Encoder>> {
        let encoders = self.encoders.read().unwrap_or_else(PoisonError::into_inner);
        encoders.values().cloned().collect()
    }

    pub(super) fn build_board(&self, claims: &Claims) -> Scoreboard {
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
        // A cooling encoder gets that much less new work, and none is left to it at the last step.
        weight: spec.weight * snapshot.share,
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
    reasons.extend(snapshot.misbehaviour());
    if snapshot.is_restless() {
        reasons.push("reboots again and again".to_owned());
    }
    if snapshot.serves_files() {
        reasons.push("serves its medium instead of streaming".to_owned());
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
