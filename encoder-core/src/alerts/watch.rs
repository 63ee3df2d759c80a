//! Feeds the book from the event bus.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::book::AlertBook;
use crate::events::{Delivery, EventBus};
use crate::model::{Alert, Event, EventKind, Subject};
use crate::tasks::Clock;

/// How often conditions that are gone are looked at again.
const TICK: Duration = Duration::from_secs(1);

/// Opens and resolves alerts until the bus is gone. A lagging subscription loses nothing for
/// long, because health events repeat everything that is wrong at every report interval.
pub(crate) async fn watch(book: Arc<Mutex<AlertBook>>, events: EventBus, clock: Clock) {
    let mut feed = events.subscribe();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let (changed, observed) = tokio::select! {
            delivery = feed.next() => match delivery {
                Some(Delivery::Event(event)) => (take(&book, &event), event.observed),
                Some(Delivery::Lagged(_)) => (Vec::new(), None),
                None => return,
            },
            _ = ticks.tick() => {
                let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                (book.settle(clock.now()), None)
            }
        };
        for alert in changed {
            let kind = EventKind::Alert(Box::new(alert));
            events.publish_observed(Subject::Alerts, clock.now(), kind, observed);
        }
    }
}

fn take(book: &Mutex<AlertBook>, event: &Event) -> Vec<Alert> {
    let issues = match &event.kind {
        EventKind::StreamHealth(report) => &report.issues,
        EventKind::HealthUpdate(report) => &report.issues,
        _ => return Vec::new(),
    };
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    book.observe(&event.subject, issues, event.timestamp)
}
