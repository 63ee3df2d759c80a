//! Wiring of the monitors: what learns from fleet and streams beside keeping them on air.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::alerts::{AlertBook, AlertFacts, AlertSink, Notifier, Parts, sinks};
use crate::error::Result;
use crate::metrics::{Known, Source};
use crate::monitor::errors::{self, ErrorMonitor, FactSource, Facts};
use crate::monitor::keeper::{Books, StorageKeeper};
use crate::monitor::{FigureSource, QueueDepths, Recorder, SharedSeries, performance};
use crate::operations::lease::Leadership;
use crate::streams::{StreamContext, Streams};
use crate::tasks::Supervisor;

/// The monitors of a manager.
#[derive(Debug)]
pub(super) struct Monitors {
    pub(super) storage: Arc<StorageKeeper>,
    pub(super) series: SharedSeries,
    pub(super) errors: Arc<ErrorMonitor>,
    /// Targets whose certificates have figures.
    pub(super) certificates: Mutex<BTreeSet<String>>,
}

impl Monitors {
    /// Makes them and starts their tasks.
    pub(super) fn start(
        cx: &StreamContext,
        streams: &Arc<Streams>,
        lease: &Leadership,
        alerts: &Arc<Mutex<AlertBook>>,
        tasks: &Supervisor,
    ) -> Result<Self> {
        Ok(Self {
            storage: keep_storage(cx, lease, alerts, tasks),
            series: record(cx, streams, lease, tasks),
            errors: watch_errors(cx, streams, lease, alerts, tasks)?,
            certificates: Mutex::default(),
        })
    }
}

/// The keeper of recordings, which changes their media.
fn keep_storage(
    cx: &StreamContext,
    lease: &Leadership,
    alerts: &Arc<Mutex<AlertBook>>,
    tasks: &Supervisor,
) -> Arc<StorageKeeper> {
    let keeper = Arc::new(StorageKeeper {
        fleet: Arc::clone(&cx.fleet),
        lease: lease.clone(),
        config: Arc::clone(&cx.config),
        clock: cx.clock.clone(),
        events: cx.events.clone(),
        alerts: Arc::clone(alerts),
        tasks: tasks.child(),
        books: Books::default(),
    });
    tasks.spawn_until_shutdown("storage", Arc::clone(&keeper).run());
    keeper
}

/// Whoever tells people of alerts: the sinks of the program's own, then those of the
/// configuration.
pub(super) fn notifier(
    cx: &StreamContext,
    streams: &Arc<Streams>,
    lease: &Leadership,
    book: &Arc<Mutex<AlertBook>>,
    mut sinks: Vec<Arc<dyn AlertSink>>,
) -> Result<Arc<Notifier>> {
    let config = &cx.config.alerts;
    sinks.extend(sinks::build(config, &cx.clock)?);
    let (fleet, active) = (Arc::clone(&cx.fleet), Arc::clone(streams));
    let facts = Arc::new(move || {
        let specs: Vec<_> = fleet.all().iter().map(|encoder| encoder.spec()).collect();
        AlertFacts::new(specs.iter().map(AsRef::as_ref), active.publishers())
    });
    let parts = Parts {
        book: Arc::clone(book),
        sinks,
        facts,
        store: Arc::clone(&cx.store),
        lease: lease.clone(),
        clock: cx.clock.clone(),
        metrics: cx.metrics.clone(),
    };
    Ok(Arc::new(Notifier::new(config, parts)))
}

/// What waits inside the manager now.
pub(super) fn queues(cx: &StreamContext, streams: &Streams) -> QueueDepths {
    let (stream_commands, stream_commands_max) = streams.waiting_commands();
    QueueDepths {
        event_bus: cx.events.backlog(),
        stream_commands,
        stream_commands_max,
        store: cx.store.queued(),
    }
}

/// Where metrics read what mirrors the fleet. Holds on to nothing, because everything it reads
/// holds on to the metrics.
pub(super) fn figures(
    cx: &StreamContext,
    streams: &Arc<Streams>,
    alerts: &Arc<Mutex<AlertBook>>,
) -> Source {
    let (fleet, streams) = (Arc::downgrade(&cx.fleet), Arc::downgrade(streams));
    let alerts = Arc::downgrade(alerts);
    Box::new(move || {
        let (fleet, streams, alerts) = (fleet.upgrade(), streams.upgrade(), alerts.upgrade());
        let book = |alerts: Arc<Mutex<AlertBook>>| {
            let book = alerts.lock().unwrap_or_else(PoisonError::into_inner);
            book.all()
        };
        Known {
            encoders: fleet.map(|fleet| fleet.samples()).unwrap_or_default(),
            streams: streams.map(|streams| streams.views()).unwrap_or_default(),
            alerts: alerts.map(book).unwrap_or_default(),
        }
    })
}

/// The recorder of readings.
fn record(
    cx: &StreamContext,
    streams: &Arc<Streams>,
    lease: &Leadership,
    tasks: &Supervisor,
) -> SharedSeries {
    let (shared, active) = (cx.clone(), Arc::clone(streams));
    let own: FigureSource = Arc::new(move || {
        let feed = shared.events.meter().rates();
        performance::readings(&feed, queues(&shared, &active))
    });
    let series = SharedSeries::new(&cx.config.series);
    let recorder = Recorder {
        series: series.clone(),
        config: cx.config.series.clone(),
        fleet: Arc::clone(&cx.fleet),
        own,
        store: Arc::clone(&cx.store),
        lease: lease.clone(),
        clock: cx.clock.clone(),
    };
    tasks.spawn("recorder", recorder.run(tasks.token().clone()));
    series
}

/// The error analysis, which sees the whole fleet and hears of everything.
fn watch_errors(
    cx: &StreamContext,
    streams: &Arc<Streams>,
    lease: &Leadership,
    alerts: &Arc<Mutex<AlertBook>>,
    tasks: &Supervisor,
) -> Result<Arc<ErrorMonitor>> {
    let (fleet, active) = (Arc::clone(&cx.fleet), Arc::clone(streams));
    let facts: FactSource = Arc::new(move || {
        let encoders = fleet.all();
        // Not from views: this runs for each encoder that something begins at, perhaps for all.
        let serving = encoders.iter().filter_map(|encoder| encoder.facts());
        Facts::new(serving, &active.views())
    });
    let monitor = Arc::new(ErrorMonitor::new(
        cx.config.errors.clone(),
        facts,
        &cx.metrics,
        Arc::clone(&cx.store),
        lease.clone(),
        cx.clock.clone(),
    )?);
    let watching = errors::watch(
        Arc::clone(&monitor),
        Arc::clone(alerts),
        cx.events.clone(),
        tasks.child(),
    );
    tasks.spawn("errors", watching);
    Ok(monitor)
}
