//! Keeps recordings going: wakes with what the watchers tell, decides, and acts.
//!
//! One task serves the whole fleet, since deciding costs microseconds; a switch runs in a task of
//! its own, because a device takes a quarter of a minute for it. Nothing here asks a device
//! unless a switch is under way, and nothing here touches a stream.

mod book;
mod switch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::book::{Book, Plan};
use super::storage::{Decision, Facts, SwitchMode, decide, recommendations};
use crate::alerts::AlertBook;
use crate::config::ManagerConfig;
use crate::events::{Delivery, EventBus};
use crate::fleet::{Encoder, Fleet};
use crate::model::{
    Action, ClosedFile, EncoderId, EventKind, Issue, RecordingSwitch, Severity, StorageReport,
    Subject, SwitchOutcome, issue_code,
};
use crate::operations::lease::Leadership;
use crate::tasks::{Clock, Supervisor};

/// Everything the keeper works with.
#[derive(Debug)]
pub(crate) struct StorageKeeper {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) lease: Leadership,
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) clock: Clock,
    pub(crate) events: EventBus,
    pub(crate) alerts: Arc<Mutex<AlertBook>>,
    pub(crate) tasks: Supervisor,
    pub(crate) books: Books,
}

/// What is remembered of each encoder.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<BTreeMap<EncoderId, Book>>);

impl Books {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<EncoderId, Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageKeeper {
    /// Runs until the bus is gone. A lagging subscription loses nothing for long, because health
    /// events come at every report interval.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut feed = self.events.subscribe();
        self.look_at_all();
        loop {
            match feed.next().await {
                Some(Delivery::Event(event)) => {
                    if let (Subject::Encoder(id), EventKind::HealthUpdate(_)) =
                        (&event.subject, &event.kind)
                    {
                        self.look(id);
                    }
                }
                Some(Delivery::Lagged(_)) => self.look_at_all(),
                None => return,
            }
        }
    }

    fn look_at_all(self: &Arc<Self>) {
        let mut known = self.books.lock();
        known.retain(|id, _| self.fleet.find(id).is_some());
        drop(known);
        for encoder in self.fleet.all() {
            self.look(encoder.id());
        }
    }

    /// Somebody told the encoder to do this, so what follows is no fault.
    pub(crate) fn told(&self, id: &EncoderId, action: &Action) {
        let ends = matches!(
            action,
            Action::StopRecording | Action::Reboot | Action::SelectRecordingMedium { .. }
        );
        if ends && let Some(book) = self.books.lock().get_mut(id) {
            book.forget_recording();
        }
    }

    /// Takes what is known of an encoder now, and does what follows from it.
    fn look(self: &Arc<Self>, id: &EncoderId) {
        let Some(encoder) = self.fleet.find(id) else {
            self.books.lock().remove(id);
            return;
        };
        let Some(plan) = self.consider(&encoder) else {
            return;
        };
        let keeper = Arc::clone(self);
        self.tasks
            .spawn_until_shutdown("recording switch", async move {
                let done = keeper.switch(&encoder, plan).await;
                keeper.conclude(&encoder, done);
            });
    }

    /// Decides; returns what to carry out now.
    fn consider(&self, encoder: &Encoder) -> Option<Plan> {
        let snapshot = encoder.snapshot();
        let status = snapshot
            .status
            .as_ref()
            .filter(|_| snapshot.is_reachable())?;
        let (now, wall) = (self.clock.instant(), self.clock.now());
        let mut books = self.books.lock();
        let book = books.entry(encoder.id().clone()).or_default();
        if !book.observe(now, wall, status) {
            return None;
        }
        let can = encoder.driver.capability();
        let decision = decide(&Facts {
            config: &self.config.storage,
            low_percent: self.config.direct.storage_percent,
            now,
            status,
            phase: book.phase(),
            can_switch: can.record && can.select_recording_medium,
            past: book.past(),
        });
        let idle_hands = self.lease.check().is_err() || encoder.spec().maintenance;
        if book.decided(decision.clone()) || idle_hands {
            return None;
        }
        let plan = book.plan(now, decision)?;
        if self.config.storage.switch == SwitchMode::Observe {
            let switch = plan.ended(wall, SwitchOutcome::Proposed, "only observed, not done");
            book.propose(switch);
            return None;
        }
        book.begin();
        Some(plan)
    }

    fn conclude(self: &Arc<Self>, encoder: &Arc<Encoder>, switch: RecordingSwitch) {
        tracing::info!(encoder = %encoder.id(), message = switch.message, "recording moved");
        let now = self.clock.instant();
        if let Some(book) = self.books.lock().get_mut(encoder.id()) {
            book.end(now, switch.clone());
        }
        self.publish(encoder.id(), &switch);
        encoder.look_now();
        self.look(encoder.id());
    }

    fn publish(&self, id: &EncoderId, switch: &RecordingSwitch) {
        let (code, severity) = match switch.outcome {
            SwitchOutcome::Switched => (issue_code::RECORDING_SWITCHED, Severity::Info),
            _ => (issue_code::RECORDING_NOT_SWITCHED, Severity::Warning),
        };
        let subject = Subject::Encoder(id.clone());
        let now = self.clock.now();
        let issue = Issue::new(code, severity, switch.message.clone(), switch.at);
        let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        let alert = alerts.tell(&subject, &issue, now);
        drop(alerts);
        let kind = EventKind::Alert(Box::new(alert));
        self.events.publish(Subject::Alerts, now, kind);
    }

    /// Recording and media of an encoder as they are known now. Draws trends, so it is for
    /// requests.
    pub(crate) fn report(&self, encoder: &Encoder) -> StorageReport {
        let snapshot = encoder.snapshot();
        let status = snapshot.status.clone().unwrap_or_default();
        let books = self.books.lock();
        let unknown = Book::default();
        let book = books.get(encoder.id()).unwrap_or(&unknown);
        let media = book.media(&status, self.config.direct.storage_percent);
        StorageReport {
            encoder_id: encoder.id().clone(),
            record_state: status.record_state,
            recording_since: book.recording_since(),
            recommendations: recommendations(&media, book.decision().unwrap_or(&Decision::Keep)),
            media,
            switches: book.switches(),
            reboots: snapshot.reboots.clone(),
        }
    }
}

/// What was closed, in words.
fn described(file: ClosedFile) -> String {
    let seconds = file.duration.as_secs();
    match file.bytes {
        Some(bytes) => format!("its file was closed after {seconds} s, at least {bytes} bytes"),
        None => format!("its file was closed after {seconds} s"),
    }
}

#[cfg(test)]
mod tests;
