//! How long nothing arrived while a stream moved. Pure.
//!
//! The true gap lies between what two pairs of looks allow, so every figure comes with the time
//! between the looks at its ends.

use std::time::Duration;

use super::identify::Identity;
use super::judge::publisher_of;
use super::trace::{Growth, Moment, Seen};
use crate::model::{EncoderId, IncidentId, Interruption, PublishTarget, StreamId, Trigger};

/// A replacement of which nothing arrives for so long is not waited for any more.
const HOPELESS: Duration = Duration::from_secs(600);

/// A move that is to be measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Move {
    pub(crate) stream: StreamId,
    pub(crate) incident: IncidentId,
    pub(crate) trigger: Trigger,
    pub(crate) from: (EncoderId, PublishTarget),
    pub(crate) to: (EncoderId, PublishTarget),
}

/// A move that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) stream: StreamId,
    pub(crate) incident: IncidentId,
    pub(crate) trigger: Trigger,
    pub(crate) to: EncoderId,
    pub(crate) interruption: Interruption,
}

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Meter {
    what: Move,
    fleet: Vec<Identity>,
    opened: Moment,
    /// The latest media of the old publisher.
    old: Option<Growth>,
    /// The connection of the old publisher, where both use one address.
    epoch: u32,
    void: bool,
}

impl Meter {
    /// Begins with what was seen until now.
    pub(crate) fn new(what: Move, fleet: Vec<Identity>, seen: &Seen, opened: Moment) -> Self {
        let trace = seen.trace(&what.from.1);
        Self {
            old: trace.and_then(|trace| trace.grown),
            epoch: trace.map_or(0, |trace| trace.epoch),
            what,
            fleet,
            opened,
            void: false,
        }
    }

    pub(crate) const fn stream(&self) -> &StreamId {
        &self.what.stream
    }

    /// Whether nothing will come of it.
    pub(crate) fn is_hopeless(&self, now: Moment) -> bool {
        self.void || now.since(self.opened) >= HOPELESS
    }

    /// Takes a look that succeeded.
    pub(crate) fn look(&mut self, seen: &Seen, now: Moment) -> Option<Measured> {
        let new = if self.what.from.1 == self.what.to.1 {
            self.newcomer(seen)
        } else {
            self.elsewhere(seen, now)
        }?;
        let Some(old) = self.old else {
            // Nothing is known of before, so there is no telling what was interrupted.
            self.void = true;
            return None;
        };
        let what = self.what.clone();
        Some(Measured {
            stream: what.stream,
            incident: what.incident,
            trigger: what.trigger,
            to: what.to.0,
            interruption: Interruption {
                gap: new.found.since(old.found),
                resolution: old.end_spacing(new.found) + new.spacing(),
            },
        })
    }

    /// The first media of another connection at the same address, unless that is the old
    /// publisher again.
    fn newcomer(&mut self, seen: &Seen) -> Option<Growth> {
        let trace = seen.trace(&self.what.to.1)?;
        let grown = trace.grown?;
        let returned = trace.epoch == grown.epoch
            && publisher_of(trace.publishers(), &self.fleet).as_ref() == Some(&self.what.from.0);
        if grown.epoch > self.epoch && !returned {
            return Some(grown);
        }
        self.epoch = self.epoch.max(grown.epoch);
        self.old = Some(grown);
        None
    }

    /// The first media at the other address: zero from the old when that was still arriving.
    fn elsewhere(&mut self, seen: &Seen, now: Moment) -> Option<Growth> {
        let grown = |target| seen.trace(target).and_then(|trace| trace.grown);
        self.old = grown(&self.what.from.1).or(self.old);
        let arrives = grown(&self.what.to.1)?.found == now;
        seen.trace(&self.what.to.1)?.began.filter(|_| arrives)
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
