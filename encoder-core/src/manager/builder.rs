//! Wiring: the one place that makes the parts and hands them to each other.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::monitors::{self, Monitors};
use super::{Inner, Manager};
use crate::alerts::{self, AlertBook, AlertSink};
use crate::balancer::{self, Balancer};
use crate::config::ManagerConfig;
use crate::driver::{DriverFactory, EncoderDriver};
use crate::error::Result;
use crate::events::EventBus;
use crate::fleet::{Fleet, FleetContext};
use crate::health::{Composite, HealthPolicy};
use crate::ingest::{self, IngestWitness, Witnesses};
use crate::metrics::Metrics;
use crate::model::{EncoderId, EncoderSpec};
use crate::operations::{encoders, lease};
use crate::remediation::{Ladder, Remediator};
use crate::store::{MemoryStore, StateStore};
use crate::streams::{StreamContext, Streams, keep_devices};
use crate::tasks::{Clock, Supervisor};

/// Puts a [`Manager`] together.
#[derive(Debug, Default)]
pub struct ManagerBuilder {
    config: ManagerConfig,
    clock: Option<Clock>,
    store: Option<Arc<dyn StateStore>>,
    factories: Vec<Arc<dyn DriverFactory>>,
    specs: Vec<EncoderSpec>,
    drivers: BTreeMap<EncoderId, Arc<dyn EncoderDriver>>,
    balancer: Option<Arc<dyn Balancer>>,
    policy: Option<Arc<dyn HealthPolicy>>,
    remediator: Option<Arc<dyn Remediator>>,
    witnesses: Vec<Arc<dyn IngestWitness>>,
    sinks: Vec<Arc<dyn AlertSink>>,
}

impl ManagerBuilder {
    /// Sets every threshold, interval and deadline.
    #[must_use]
    pub fn with_config(mut self, config: ManagerConfig) -> Self {
        self.config = config;
        self
    }

    /// Keeps records in this store; without it they live in memory and end with the process.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Knows one more kind of device.
    #[must_use]
    pub fn with_driver_factory(mut self, factory: Arc<dyn DriverFactory>) -> Self {
        self.factories.push(factory);
        self
    }

    /// Registers an encoder, or changes the registration that the store has of it.
    #[must_use]
    pub fn with_encoder(mut self, spec: EncoderSpec) -> Self {
        self.specs.push(spec);
        self
    }

    /// Registers an encoder with a driver made elsewhere.
    #[must_use]
    pub fn with_encoder_driver(
        mut self,
        spec: EncoderSpec,
        driver: Arc<dyn EncoderDriver>,
    ) -> Self {
        self.drivers.insert(spec.id.clone(), driver);
        self.specs.push(spec);
        self
    }

    /// Replaces the balancer that the configuration names.
    #[must_use]
    pub fn with_balancer(mut self, balancer: Arc<dyn Balancer>) -> Self {
        self.balancer = Some(balancer);
        self
    }

    /// Replaces the built-in judgement of device and connection.
    #[must_use]
    pub fn with_health_policy(mut self, policy: Arc<dyn HealthPolicy>) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Replaces the built-in ladder of repairs.
    #[must_use]
    pub fn with_remediator(mut self, remediator: Arc<dyn Remediator>) -> Self {
        self.remediator = Some(remediator);
        self
    }

    /// Asks this ingest what arrives there. May be called once for each ingest; of two that cover
    /// the same address the first is asked. See `ingest` in [`ManagerConfig`] for what its word
    /// counts for.
    #[must_use]
    pub fn with_ingest_witness(mut self, witness: Arc<dyn IngestWitness>) -> Self {
        self.witnesses.push(witness);
        self
    }

    /// Tells this sink of alerts, beside those that the configuration names. May be called once for
    /// each sink.
    #[must_use]
    pub fn with_alert_sink(mut self, sink: Arc<dyn AlertSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Replaces the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Registers the encoders, takes the lease, and takes up the streams that the store knows.
    /// Without the lease the manager stands by and does so as soon as it gets it.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid);
    /// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) for an encoder;
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    pub async fn build(mut self) -> Result<Manager> {
        let sinks = std::mem::take(&mut self.sinks);
        let names: Vec<_> = sinks.iter().map(|sink| sink.name()).collect();
        self.config.validate_with_sinks(&names)?;
        let tasks = Supervisor::new();
        let specs = std::mem::take(&mut self.specs);
        let drivers = std::mem::take(&mut self.drivers);
        let cx = self.context(&tasks);
        let lease = lease::Leadership::new(&cx.config);
        let leads = lease.try_acquire(cx.store.as_ref()).await?;
        encoders::load(&cx.fleet, cx.store.as_ref(), specs, drivers, leads).await?;
        for watched in cx.ingest.all() {
            let watching = ingest::watch(
                Arc::clone(watched),
                Arc::clone(&cx.config),
                cx.clock.clone(),
            );
            tasks.spawn_until_shutdown("ingest witness", watching);
        }
        let streams = Arc::new(Streams::new(cx.clone()));
        lease
            .keep(&tasks, Arc::clone(&cx.store), Arc::clone(&streams))
            .await?;
        let leading = lease.clone();
        let caring = keep_devices(Arc::clone(&streams), move || leading.check().is_ok());
        tasks.spawn_until_shutdown("care of devices", caring);
        let book = AlertBook::new(cx.config.alerts.history_limit);
        let alerts = Arc::new(Mutex::new(book));
        let notifier = monitors::notifier(&cx, &streams, &lease, &alerts, sinks)?;
        notifier.load().await?;
        let watching = alerts::watch(Arc::clone(&alerts), cx.events.clone(), cx.clock.clone());
        tasks.spawn_until_shutdown("alerts", watching);
        let monitors = Monitors::start(&cx, &streams, &lease, &alerts, &tasks)?;
        notifier.start(&tasks);
        cx.metrics.follow(monitors::figures(&cx, &streams, &alerts));
        let closing = AtomicBool::new(false);
        Ok(Manager(Arc::new(Inner {
            cx,
            streams,
            lease,
            tasks,
            closing,
            alerts,
            notifier,
            monitors,
        })))
    }

    /// Makes what all parts share, with the built-in choice for whatever was not given.
    fn context(self, tasks: &Supervisor) -> StreamContext {
        let config = Arc::new(self.config);
        let clock = self.clock.unwrap_or_else(Clock::system);
        let events = EventBus::new(config.event_capacity);
        let metrics = Metrics::new();
        events.meter().register(&metrics);
        let watching = FleetContext::new(
            Arc::clone(&config),
            clock.clone(),
            events.clone(),
            self.policy
                .unwrap_or_else(|| Arc::new(Composite::built_in(&config))),
        );
        let balancer = self
            .balancer
            .unwrap_or_else(|| balancer::built_in(config.balancer));
        let fleet = Fleet::new(watching, balancer, self.factories, tasks.child());
        let ladder = || Arc::new(Ladder::new(config.remediation.clone())) as Arc<dyn Remediator>;
        StreamContext {
            remediator: self.remediator.unwrap_or_else(ladder),
            store: self
                .store
                .unwrap_or_else(|| Arc::new(MemoryStore::default())),
            fleet: Arc::new(fleet),
            tasks: tasks.child(),
            ingest: Witnesses::new(self.witnesses, &config.ingest),
            config,
            clock,
            events,
            metrics,
        }
    }
}
