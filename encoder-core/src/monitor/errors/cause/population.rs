//! Who could have been affected.

use std::collections::{BTreeMap, BTreeSet};

use super::CauseKind;
use crate::model::{EncoderId, StreamId};
use crate::monitor::errors::facts::{Facts, Place};
use crate::monitor::errors::occurrence::Occurrence;

/// What is counted: encoders, and for destinations each attempt to publish, which is an encoder
/// with a stream. A stream that fails from two encoders says more about its ingest than one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::monitor::errors) struct Unit(EncoderId, Option<StreamId>);

impl Unit {
    /// What an error at that place counts as.
    pub(in crate::monitor::errors) fn of(kind: CauseKind, place: &Place) -> Option<Self> {
        let encoder = place.encoder_id.clone()?;
        match kind {
            CauseKind::Destination => {
                place.destination.as_ref()?;
                Some(Self(encoder, Some(place.stream_id.clone()?)))
            }
            _ => Some(Self(encoder, None)),
        }
    }
}

/// Everybody, by what they have in common.
#[derive(Debug, Default)]
pub(in crate::monitor::errors) struct Population {
    groups: BTreeMap<(CauseKind, String), BTreeSet<Unit>>,
    encoders: BTreeSet<Unit>,
    attempts: BTreeSet<Unit>,
    nobody: BTreeSet<Unit>,
}

impl Population {
    /// The present fleet and streams; attempts to publish that failed are remembered by their
    /// occurrences.
    pub(in crate::monitor::errors) fn new(facts: &Facts, occurrences: &[&Occurrence]) -> Self {
        let mut population = Self::default();
        for id in facts.encoders.keys() {
            population.encoders.insert(Unit(id.clone(), None));
            let place = facts.at_encoder(id);
            for kind in [
                CauseKind::Source,
                CauseKind::Site,
                CauseKind::Firmware,
                CauseKind::Manager,
            ] {
                population.join(kind, &place);
            }
        }
        for id in facts.streams.keys() {
            population.attempt(&facts.at_stream(id, None));
        }
        for occurrence in occurrences {
            population.attempt(&occurrence.place);
        }
        population
    }

    fn attempt(&mut self, place: &Place) {
        if let Some(unit) = Unit::of(CauseKind::Destination, place) {
            self.attempts.insert(unit);
            self.join(CauseKind::Destination, place);
        }
    }

    fn join(&mut self, kind: CauseKind, place: &Place) {
        let Some(unit) = Unit::of(kind, place) else {
            return;
        };
        for value in values(kind, place) {
            let group = self.groups.entry((kind, value)).or_default();
            group.insert(unit.clone());
        }
    }

    /// Whom a cause could affect.
    pub(in crate::monitor::errors) fn exposed(
        &self,
        kind: CauseKind,
        value: &str,
    ) -> &BTreeSet<Unit> {
        let group = self.groups.get(&(kind, value.to_owned()));
        group.unwrap_or(&self.nobody)
    }

    /// All that causes of that kind could affect.
    pub(in crate::monitor::errors) fn everybody(&self, kind: CauseKind) -> &BTreeSet<Unit> {
        match kind {
            CauseKind::Destination => &self.attempts,
            _ => &self.encoders,
        }
    }
}

/// What something at that place has in common with others, for causes of that kind.
pub(in crate::monitor::errors) fn values(kind: CauseKind, place: &Place) -> Vec<String> {
    let one = |value: Option<String>| value.into_iter().collect();
    match kind {
        CauseKind::Encoder => one(place.encoder_id.as_ref().map(ToString::to_string)),
        CauseKind::Site => one(place.site.clone()),
        CauseKind::Destination => one(place.destination.clone()),
        CauseKind::Firmware => one(place.firmware.clone()),
        CauseKind::Manager => one(place.encoder_id.as_ref().map(|_| String::new())),
        CauseKind::Source => {
            let labels = place.labels.iter();
            labels
                .map(|(key, value)| format!("{key}={value}"))
                .collect()
        }
    }
}
