//! Since when media are as they are.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::model::MediumReadings;

/// What of a medium changes rarely: mounted, ready, full.
type Condition = (Option<bool>, Option<bool>, bool);

/// Since when each slot is as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaSince(BTreeMap<String, (Condition, Instant)>);

impl MediaSince {
    pub(crate) fn observe(&mut self, at: Instant, media: &[MediumReadings]) {
        for medium in media {
            let condition = (medium.mounted, medium.ready, medium.free_bytes == Some(0));
            match self.0.get_mut(&medium.slot) {
                Some(known) if known.0 == condition => {}
                Some(known) => *known = (condition, at),
                None => {
                    self.0.insert(medium.slot.clone(), (condition, at));
                }
            }
        }
    }

    pub(crate) fn of(&self, slot: &str) -> Option<Instant> {
        self.0.get(slot).map(|(_, since)| *since)
    }
}
