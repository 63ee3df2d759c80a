//! Feeds the analysis from the event bus, keeps it in the store, and opens its alerts.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::actions::AutomatedAction;
use super::book::ErrorBook;
use super::cause::root_causes;
use super::config::ErrorsConfig;
use super::correlate::WINDOWS;
use super::escalate::Escalations;
use super::facts::Facts;
use super::figures::Figures;
use super::findings::Told;
use super::occurrence::{ErrorQuery, Occurrence};
use super::pattern::Patterns;
use super::report::ErrorAnalysis;
use super::{findings, keep};
use crate::alerts::{AlertBook, Standing};
use crate::error::Result;
use crate::events::{Delivery, EventBus};
use crate::metrics::Metrics;
use crate::model::{
    Event, EventKind, Issue, Severity, StreamId, Subject, TimelineEntry, Timestamp,
};
use crate::operations::lease::Leadership;
use crate::store::StateStore;
use crate::tasks::{Clock, Supervisor};

/// How often what is open is looked at as a whole.
const TICK: Duration = Duration::from_secs(1);

/// Who is there to be affected, asked for when it is needed.
pub(crate) type FactSource = Arc<dyn Fn() -> Facts + Send + Sync>;

/// The error analysis of a running manager.
pub(crate) struct ErrorMonitor {
    book: Mutex<ErrorBook>,
    escalations: Mutex<Escalations>,
    config: ErrorsConfig,
    facts: FactSource,
    figures: Figures,
    store: Arc<dyn StateStore>,
    lease: Leadership,
    clock: Clock,
}

impl fmt::Debug for ErrorMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorMonitor").finish_non_exhaustive()
    }
}

impl ErrorMonitor {
    /// Reads the patterns.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) when the file is wrong.
    pub(crate) fn new(
        config: ErrorsConfig,
        facts: FactSource,
        metrics: &Metrics,
        store: Arc<dyn StateStore>,
        lease: Leadership,
        clock: Clock,
    ) -> Result<Self> {
        let patterns = Arc::new(Patterns::load(&config)?);
        Ok(Self {
            book: Mutex::new(ErrorBook::new(config.clone(), patterns)),
            escalations: Mutex::new(Escalations::new(config.clone())),
            facts,
            figures: Figures::new(metrics),
            config,
            store,
            lease,
            clock,
        })
    }

    /// All occurrences that are wanted, newest first.
    pub(crate) fn history(&self, query: &ErrorQuery) -> Vec<Occurrence> {
        self.book().history(query)
    }

    /// Everything but the automated actions.
    pub(crate) fn analysis(&self) -> ErrorAnalysis {
        let (facts, now) = ((self.facts)(), self.clock.now());
        let book = self.book();
        ErrorAnalysis::of(&book, &self.escalations(), &facts, now)
    }

    /// Streams whose timelines may tell what was done about the errors of the longest window.
    pub(crate) fn streams_concerned(&self) -> Vec<StreamId> {
        let book = self.book();
        let recent = book.recent(self.clock.now(), WINDOWS[2]);
        let streams = recent.iter().filter_map(|o| o.place.stream_id.clone());
        let mut streams: Vec<_> = streams.collect();
        streams.sort();
        streams.dedup();
        streams
    }

    /// What a timeline tells of acts within the longest window.
    pub(crate) fn acts(&self, timeline: &[TimelineEntry]) -> Vec<AutomatedAction> {
        let earliest = self.clock.now().minus(WINDOWS[2]);
        let recent = timeline.iter().filter(|entry| entry.timestamp >= earliest);
        recent.filter_map(AutomatedAction::of).collect()
    }

    fn take(&self, event: &Event) {
        let told = Told::by(event);
        if told == Told::Nothing {
            return;
        }
        let now = event.timestamp;
        if let Told::FailedRecovery(failed) = told {
            return self.escalations().note_failed(failed);
        }
        let facts = self.facts_for(&told);
        let mut book = self.book();
        match told {
            Told::Encoder(id, found) => book.observe_encoder(&id, &found, &facts, now),
            Told::Stream(id, encoder, found) => {
                book.observe_stream(&id, &encoder, &found, &facts, now);
            }
            Told::Once(id, encoder, finding) => {
                let place = facts.at_stream(&id, encoder.as_ref());
                book.observe_once(&finding, "stream_error", place, now);
            }
            Told::Alert(code, finding) => book.observe_alert(&code, finding, now),
            Told::FailedRecovery(_) | Told::Nothing => {}
        }
    }

    /// The facts are needed only where something begins, which is rare.
    fn facts_for(&self, told: &Told) -> Facts {
        let needed = match told {
            Told::Encoder(_, found) | Told::Stream(_, _, found) => !found.is_empty(),
            Told::Once(..) => true,
            _ => false,
        };
        if needed && self.book().would_open(told) {
            (self.facts)()
        } else {
            Facts::default()
        }
    }

    /// Looks at everything that lasts or lasted until just now.
    fn look(&self, now: Timestamp) -> Vec<Standing> {
        let mut book = self.book();
        let mut escalations = self.escalations();
        self.figures.update(&mut book);
        let window = self.config.similar_window.max(self.config.calm);
        if book.recent(now, window).is_empty() && escalations.is_idle() {
            return Vec::new();
        }
        drop(book);
        let facts = (self.facts)();
        book = self.book();
        book.settle(&facts, now);
        let recent = book.recent(now, window);
        let causes = root_causes(&recent, &facts, book.patterns());
        escalations.evaluate(&causes, &recent, book.patterns(), now);
        standing(&escalations, book.patterns(), &recent)
    }

    /// Only one of several managers on a store writes.
    async fn save(&self) {
        if self.lease.check().is_err() {
            return;
        }
        if let Err(error) = keep::save(&self.book, self.store.as_ref()).await {
            tracing::debug!(%error, "errors are not stored yet");
        }
    }

    async fn restore(&self) {
        match keep::load(self.store.as_ref()).await {
            Ok(stored) => self.book().restore(stored),
            Err(error) => tracing::warn!(%error, "earlier errors cannot be read"),
        }
    }

    fn book(&self) -> MutexGuard<'_, ErrorBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn escalations(&self) -> MutexGuard<'_, Escalations> {
        self.escalations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The alerts that should stand.
fn standing(
    escalations: &Escalations,
    patterns: &Patterns,
    recent: &[&Occurrence],
) -> Vec<Standing> {
    let [escalated, suspect] = findings::OWN_ALERTS;
    let suggestions = |ids: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        let known = ids.filter_map(|id| patterns.get(id));
        known.flat_map(|p| p.suggested_actions.clone()).collect()
    };
    let raised = escalations.standing().map(|raised| Standing {
        about: raised.cause.clone(),
        category: "error",
        issue: Issue::new(escalated, raised.severity, &raised.message, raised.since),
        suggested_actions: suggestions(&mut raised.patterns.iter()),
        concerns: concerned(&raised.occurrences, recent),
    });
    let sites = escalations.suspected_sites().map(|suspected| {
        let (site, since) = (&suspected.cause, suspected.since);
        let message = site.evidence_for.join("; ");
        let issue = Issue::new(suspect, Severity::Critical, message, since);
        Standing {
            about: site.cause.clone(),
            category: "site",
            issue: issue.with_evidence(site.evidence_for.iter().cloned()),
            suggested_actions: suggestions(&mut site.scores.keys()),
            concerns: concerned(&site.occurrences, recent),
        }
    });
    raised.chain(sites).collect()
}

/// Whom occurrences of these numbers happened to.
fn concerned(numbers: &BTreeSet<u64>, recent: &[&Occurrence]) -> Vec<Subject> {
    let places = recent.iter().filter(|o| numbers.contains(&o.number));
    let concerned: BTreeSet<_> = places
        .flat_map(|occurrence| {
            let place = &occurrence.place;
            let encoder = place.encoder_id.clone().map(Subject::Encoder);
            encoder
                .into_iter()
                .chain(place.stream_id.clone().map(Subject::Stream))
        })
        .collect();
    concerned.into_iter().collect()
}

/// Runs until it is told to end; what is known then is stored.
pub(crate) async fn watch(
    monitor: Arc<ErrorMonitor>,
    alerts: Arc<Mutex<AlertBook>>,
    events: EventBus,
    tasks: Supervisor,
) {
    let mut feed = events.subscribe();
    monitor.restore().await;
    let mut ticks = tokio::time::interval(TICK);
    let mut saves = tokio::time::interval(monitor.config.save_interval);
    loop {
        tokio::select! {
            () = tasks.token().cancelled() => return monitor.save().await,
            delivery = feed.next() => match delivery {
                Some(Delivery::Event(event)) => monitor.take(&event),
                // Health events repeat everything that is wrong at every report interval.
                Some(Delivery::Lagged(_)) => {}
                None => return,
            },
            _ = ticks.tick() => {
                let now = monitor.clock.now();
                let standing = monitor.look(now);
                let changed = alerts
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .observe_standing(&standing, now);
                for alert in changed {
                    events.publish(Subject::Alerts, now, EventKind::Alert(Box::new(alert)));
                }
            }
            _ = saves.tick() => monitor.save().await,
        }
    }
}
