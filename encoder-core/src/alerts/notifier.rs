//! Tells people: one task decides and writes down, one for each sink delivers.
//!
//! The task that decides waits for the store and for nothing else; a sink that hangs holds up its
//! own task. Neither listens to the event bus: the book tells that it changed, so nothing is missed
//! when much happens at once. Alternatives were a delivery within the event feed, which a slow sink
//! would hold up, and a queue in memory, which a crash would empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::book::AlertBook;
use super::cause::{AlertFacts, BookEntry};
use super::config::AlertsConfig;
use super::desk::{Desk, View};
use super::mirror::{self, Mirrored, placed};
use super::notice::{NoticeAlert, NoticeRecord};
use super::outbox::Outbox;
use super::route::{self, AlertRoute, sinks_for};
use super::silence::{Silence, is_muted};
use super::sink::AlertSink;
use super::{group, keep};
use crate::error::Result;
use crate::metrics::Metrics;
use crate::model::{Alert, AlertId, AlertState, Timestamp};
use crate::operations::lease::Leadership;
use crate::store::StateStore;
use crate::tasks::{Clock, Supervisor};

mod requests;
mod worker;
mod write;

pub use requests::{NoticeQuery, SinkReport};

/// How often is looked at what depends on time or on the lease.
const TICK: Duration = Duration::from_secs(1);

/// A store that does not answer keeps a notice back for so long. A page that may come twice after
/// a crash is better than none.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Ended silences are shown for this long.
const SILENCE_MEMORY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Who is there, asked for when it is needed.
pub(crate) type FactsSource = Arc<dyn Fn() -> AlertFacts + Send + Sync>;

/// What the notifier is made of.
pub(crate) struct Parts {
    pub(crate) book: Arc<Mutex<AlertBook>>,
    pub(crate) sinks: Vec<Arc<dyn AlertSink>>,
    pub(crate) facts: FactsSource,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) lease: Leadership,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

/// Decides, keeps and delivers.
pub(crate) struct Notifier {
    config: Arc<AlertsConfig>,
    book: Arc<Mutex<AlertBook>>,
    sinks: BTreeMap<String, Arc<dyn AlertSink>>,
    wakes: BTreeMap<String, Notify>,
    routes: Vec<AlertRoute>,
    facts: FactsSource,
    store: Arc<dyn StateStore>,
    lease: Leadership,
    clock: Clock,
    metrics: Metrics,
    state: Mutex<State>,
    news: Arc<Notify>,
}

/// Everything that is decided by.
#[derive(Debug)]
struct State {
    desk: Desk,
    outbox: Outbox,
    mirrored: Mirrored,
    silences: Vec<Silence>,
    facts: AlertFacts,
    /// Alerts that are not written as they are.
    alerts: BTreeSet<AlertId>,
    /// Whether what was stored is taken up, and this manager tells.
    leads: bool,
    unwritten_since: Option<Timestamp>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}

impl Notifier {
    pub(crate) fn new(config: &AlertsConfig, parts: Parts) -> Self {
        let named = |sink: Arc<dyn AlertSink>| (sink.name().to_owned(), sink);
        let sinks: BTreeMap<_, _> = parts.sinks.into_iter().map(named).collect();
        let routes = if config.routes.is_empty() {
            route::defaults(sinks.values().map(|sink| (sink.name(), sink.kind())))
        } else {
            config.routes.clone()
        };
        let is_mirror = |sink: &&Arc<dyn AlertSink>| sink.mirror_interval().is_some();
        let mirrors = sinks.values().filter(is_mirror);
        let mirrors: BTreeSet<_> = mirrors.map(|sink| sink.name().to_owned()).collect();
        let mut grouped = routes.clone();
        for route in &mut grouped {
            route.sinks.retain(|name| !mirrors.contains(name));
        }
        let config = Arc::new(config.clone());
        let news = lock(&parts.book).news();
        Self {
            metrics: parts.metrics,
            wakes: sinks
                .keys()
                .map(|name| (name.clone(), Notify::new()))
                .collect(),
            state: Mutex::new(State {
                desk: Desk::new(Arc::clone(&config), grouped),
                outbox: Outbox::new(Arc::clone(&config), mirrors),
                mirrored: Mirrored::default(),
                silences: Vec::new(),
                facts: AlertFacts::default(),
                alerts: BTreeSet::new(),
                leads: false,
                unwritten_since: None,
            }),
            book: parts.book,
            facts: parts.facts,
            store: parts.store,
            lease: parts.lease,
            clock: parts.clock,
            config,
            sinks,
            routes,
            news,
        }
    }

    /// Takes up what was stored, so that alerts are known before anything is observed.
    ///
    /// # Errors
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    pub(crate) async fn load(&self) -> Result<()> {
        let store = self.store.as_ref();
        let entries: Vec<BookEntry> = keep::load(store, keep::BOOK).await?;
        let groups: Vec<group::Group> = keep::load(store, keep::GROUPS).await?;
        let notices: Vec<NoticeRecord> = keep::load(store, keep::NOTICES).await?;
        let silences = keep::load(store, keep::SILENCES).await?;
        let (facts, now) = ((self.facts)(), self.clock.now());
        let known = |alert: &Alert| facts.knows(alert);
        let was_open: Vec<_> = entries
            .iter()
            .filter(|entry| entry.alert.state != AlertState::Resolved)
            .map(|entry| placed(entry, &facts))
            .collect();
        let (open, over) = {
            let mut book = lock(&self.book);
            book.restore(entries, known, now);
            let over: Vec<_> = book.resolved_entries().cloned().collect();
            (book.open_entries().collect::<Vec<_>>(), over)
        };
        let mut state = self.state();
        let sinks = self.sinks.keys().cloned().collect();
        state.desk.restore(groups, &notices);
        state.outbox.restore(notices, &sinks, now);
        state.mirrored.restore(was_open);
        state.silences = silences;
        state.facts = facts.clone();
        for entry in over {
            state.desk.refresh(&entry);
        }
        if !self.sinks.is_empty() {
            for entry in open {
                state.desk.take(&entry, &facts, now);
            }
        }
        Ok(())
    }

    /// Starts the tasks.
    pub(crate) fn start(self: &Arc<Self>, tasks: &Supervisor) {
        tasks.spawn_until_shutdown("alert notices", Arc::clone(self).run());
        for sink in self.sinks.values() {
            let token = tasks.token().clone();
            let work = Arc::clone(self).work(Arc::clone(sink), token);
            tasks.spawn("alert sink", work);
        }
    }

    async fn run(self: Arc<Self>) {
        loop {
            let due = self.pass().await;
            let pause = due.map_or(TICK, |due| due.since(self.clock.now()).min(TICK));
            let pause = pause.max(Duration::from_millis(1));
            tokio::select! {
                () = self.news.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Decides and writes down what is due now. Returns when to look again.
    async fn pass(&self) -> Option<Timestamp> {
        if self.lease.check().is_err() {
            self.state().leads = false;
            return None;
        }
        if !self.state().leads {
            if let Err(error) = self.load().await {
                tracing::warn!(%error, "alerts cannot be read; trying again");
                return None;
            }
            self.state().leads = true;
        }
        let due = self.decide();
        self.write().await;
        self.wake_all();
        self.count();
        due
    }

    fn decide(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let (changed, open) = {
            let mut book = lock(&self.book);
            book.forget_before(now.minus(self.config.history_retention));
            let changed = book.take_changed();
            (changed, book.open_entries().collect::<Vec<_>>())
        };
        let mut state = self.state();
        let state = &mut *state;
        state.facts = (self.facts)().after(&state.facts, now);
        let entries = changed.iter().filter_map(|(_, entry)| entry.as_ref());
        if !self.sinks.is_empty() {
            for entry in entries.clone() {
                state.desk.take(entry, &state.facts, now);
            }
        }
        let view = View {
            facts: &state.facts,
            silences: &state.silences,
            now,
        };
        for due in state.desk.look(view) {
            let held = state.outbox.admit(due.notice, &due.sinks, due.covers, now);
            held.iter()
                .for_each(|sink| self.metrics.observe_notification(sink, "suppressed"));
        }
        let next = state.desk.next_due(view);
        let shown = shown(&open, view);
        let ended = |id: &_| {
            let mut over = entries
                .clone()
                .filter(|e| e.alert.state == AlertState::Resolved);
            let entry = over.find(|entry| entry.alert.alert_id == *id)?;
            Some(placed(entry, view.facts))
        };
        let news = state.mirrored.look(&shown, ended);
        self.tell_mirrors(&mut state.outbox, &news, now);
        state.outbox.digest(now);
        state.outbox.prune(now);
        let digest = state.outbox.digest_due(now);
        state.alerts.extend(changed.into_iter().map(|(id, _)| id));
        next.into_iter().chain(digest).min()
    }

    fn tell_mirrors(&self, outbox: &mut Outbox, news: &[NoticeAlert], now: Timestamp) {
        for sink in self
            .sinks
            .values()
            .filter(|s| s.mirror_interval().is_some())
        {
            let wanted = |told: &&NoticeAlert| sinks_for(&self.routes, told).contains(sink.name());
            let alerts: Vec<_> = news.iter().filter(wanted).cloned().collect();
            if !alerts.is_empty() {
                let to = BTreeSet::from([sink.name().to_owned()]);
                outbox.admit(mirror::notice(alerts, now), &to, BTreeSet::new(), now);
            }
        }
    }

    fn wake_all(&self) {
        self.wakes.values().for_each(Notify::notify_one);
    }

    fn count(&self) {
        let state = self.state();
        for name in self.sinks.keys() {
            self.metrics
                .set_alert_queue(name, state.outbox.waiting(name));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Open alerts that nobody silenced.
fn shown(open: &[BookEntry], view: View<'_>) -> Vec<NoticeAlert> {
    let placed = open.iter().map(|entry| placed(entry, view.facts));
    let shown = placed.filter(|told| !is_muted(told, view.silences, view.facts, view.now));
    shown.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
