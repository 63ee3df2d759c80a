//! What a series of looks says of one stream. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::{Publisher, Sighting};
use crate::model::{PublishTarget, Timestamp};

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) at: Timestamp,
}

impl Moment {
    /// Time since an earlier moment; zero when that one is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.instant.saturating_duration_since(earlier.instant)
    }
}

/// A look that found media which the look before it had not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// When it was found.
    pub(crate) found: Moment,
    /// It arrived after this.
    pub(crate) after: Moment,
    /// The first look that found no more; `None` while every one does.
    pub(crate) until: Option<Moment>,
    /// Whose connection brought it, counted up with every new connection that was noticed.
    pub(crate) epoch: u32,
    /// Whether bytes were counted. Without them all that is known is that somebody publishes.
    pub(crate) counted: bool,
}

impl Growth {
    /// How far from `found` the first of it may have arrived.
    pub(crate) fn spacing(&self) -> Duration {
        self.found.since(self.after)
    }

    /// How far from `found` the last of it may have arrived, given the look that found another's.
    pub(crate) fn end_spacing(&self, other: Moment) -> Duration {
        let later = self.until.unwrap_or(other).since(self.found);
        self.spacing().max(later)
    }
}

/// A look that succeeded, in its series.
#[derive(Clone, Copy, Debug)]
struct Look {
    now: Moment,
    /// The one before that succeeded, whatever failed since.
    last: Option<Moment>,
    /// Whether nothing failed since.
    unbroken: bool,
}

/// One address and key over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace {
    /// The first of the looks that succeeded one after the other.
    pub(crate) watched_since: Moment,
    /// As the latest look found it.
    pub(crate) present: Option<Sighting>,
    /// The latest growth.
    pub(crate) grown: Option<Growth>,
    /// The first growth since the last longer pause.
    pub(crate) began: Option<Growth>,
    /// The connection that the latest look found, or the last one that was found.
    pub(crate) epoch: u32,
    /// The highest count that is known of this connection.
    count: Option<u64>,
    /// The look before the connection was first found, as long as nothing has grown since.
    appeared_after: Option<Moment>,
}

impl Trace {
    fn new(now: Moment) -> Self {
        Self {
            watched_since: now,
            present: None,
            grown: None,
            began: None,
            epoch: 0,
            count: None,
            appeared_after: None,
        }
    }

    /// What is known after one more look.
    ///
    /// A count that is smaller than before is a new beginning. The first count of all is no
    /// growth: it may be what somebody sent long ago.
    fn after(&self, found: Option<&Sighting>, look: Look, pause: Duration) -> Self {
        let mut next = self.clone();
        next.present = found.cloned();
        if !look.unbroken {
            next.watched_since = look.now;
        }
        let grew = match found {
            Some(sighting) => next.take(self, sighting, look, pause),
            None => {
                next.appeared_after = None;
                false
            }
        };
        if let Some(grown) = next.grown.as_mut().filter(|_| !grew) {
            grown.until.get_or_insert(look.now);
        }
        next
    }

    /// Takes a sighting; returns whether it shows that media arrived.
    fn take(&mut self, old: &Self, sighting: &Sighting, look: Look, pause: Duration) -> bool {
        let after = look.last.unwrap_or(look.now);
        let restarted = matches!((old.count, sighting.bytes_in), (Some(a), Some(b)) if b < a);
        let before = old.present.as_ref();
        let replaced = before.is_some_and(|before| differs(before, sighting));
        if restarted || replaced || before.is_none() {
            self.epoch += 1;
            self.appeared_after = Some(after);
        }
        let grew = match (old.count, sighting.bytes_in) {
            (_, None) => true,
            (Some(known), Some(count)) => count > known || (restarted && count > 0),
            (None, Some(_)) => false,
        };
        self.count = sighting.bytes_in;
        if grew {
            // What grew as one publisher followed another at once may be the last of the old one,
            // or all of that may have come before.
            let flowing = old.grown.filter(|grown| grown.found == after);
            let of_old = flowing.filter(|_| replaced && !restarted && sighting.bytes_in.is_some());
            let growth = Growth {
                found: look.now,
                after: match of_old {
                    Some(grown) => grown.after,
                    None => self.appeared_after.take().unwrap_or(after),
                },
                until: None,
                epoch: of_old.map_or(self.epoch, |_| old.epoch),
                counted: sighting.bytes_in.is_some(),
            };
            self.grow(growth, pause);
        }
        grew
    }

    fn grow(&mut self, growth: Growth, pause: Duration) {
        let lasting = |grown: Growth| growth.found.since(grown.found) < pause;
        if !self.grown.is_some_and(lasting) {
            self.began = Some(growth);
        }
        self.grown = Some(growth);
    }

    /// Who publishes, as the latest look found it.
    pub(crate) fn publishers(&self) -> &[Publisher] {
        self.present
            .as_ref()
            .map_or(&[], |sighting| &sighting.publishers)
    }

    /// Whether media arrived within that time before the latest look.
    pub(crate) fn is_receiving(&self, looked: Moment, within: Duration) -> bool {
        self.grown
            .is_some_and(|grown| looked.since(grown.found) < within)
    }
}

/// Whether the two cannot be the same connection.
fn differs(before: &Sighting, now: &Sighting) -> bool {
    let younger = matches!(
        (before.connected_for, now.connected_for), (Some(before), Some(now)) if now < before
    );
    before.publishers != now.publishers || younger
}

/// Everything one witness saw. Immutable; the next look makes another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The latest look that succeeded.
    pub(crate) looked: Option<Moment>,
    /// The look before that, when it succeeded too.
    pub(crate) before: Option<Moment>,
    /// Since when every look failed, and the latest reason.
    pub(crate) failing: Option<(Moment, String)>,
    traces: HashMap<PublishTarget, Trace>,
}

impl Seen {
    pub(crate) fn trace(&self, target: &PublishTarget) -> Option<&Trace> {
        self.traces.get(target)
    }

    /// What is known after a look that succeeded, of the targets that somebody cares about. A
    /// pause of `pause` in which nothing arrives ends a reception.
    pub(crate) fn after(
        &self,
        sightings: &[Sighting],
        wanted: &HashSet<PublishTarget>,
        now: Moment,
        pause: Duration,
    ) -> Self {
        let look = Look {
            now,
            last: self.looked,
            unbroken: self.failing.is_none() && self.looked.is_some(),
        };
        let follow = |target: &PublishTarget| {
            let found = sightings.iter().find(|sighting| sighting.target == *target);
            let known = self.traces.get(target);
            let trace = match known {
                Some(trace) => trace.after(found, look, pause),
                None => Trace::new(now).after(found, Look { last: None, ..look }, pause),
            };
            (target.clone(), trace)
        };
        Self {
            looked: Some(now),
            before: self.looked.filter(|_| look.unbroken),
            failing: None,
            traces: wanted.iter().map(follow).collect(),
        }
    }

    /// What is known after a look that failed: no more than before.
    pub(crate) fn after_failure(&self, reason: String, now: Moment) -> Self {
        let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
        Self {
            failing: Some((since, reason)),
            ..self.clone()
        }
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
