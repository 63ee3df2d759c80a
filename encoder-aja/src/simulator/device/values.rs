//! The current values of a device, and who is told when one changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::simulator::catalogue::{ParameterIndex, catalogue};
use crate::simulator::events::{Change, Connections};

/// More than changes between two looks of a task in this process.
const OBSERVED: usize = 4096;

/// What differs from the defaults.
#[derive(Default)]
pub(super) struct Values {
    changed: BTreeMap<ParameterIndex, String>,
    pinned: BTreeSet<ParameterIndex>,
    /// Who listens over the network.
    pub(super) connections: Connections,
    /// Who listens within this process.
    pub(super) observers: Connections,
    /// How many unread changes a connection keeps.
    queue: usize,
    /// How many changes there were.
    pub(super) update: u64,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values hold passwords and stream keys.
        f.debug_struct("Values")
            .field("update", &self.update)
            .finish_non_exhaustive()
    }
}

impl Values {
    /// All defaults; connections keep `queue` unread changes.
    pub(super) fn new(queue: usize) -> Self {
        Self {
            queue,
            ..Self::default()
        }
    }

    pub(super) fn at(&self, index: ParameterIndex) -> &str {
        match self.changed.get(&index) {
            Some(value) => value,
            None => &catalogue().parameter(index).default,
        }
    }

    /// The value of a parameter this crate names.
    pub(super) fn get(&self, id: &str) -> &str {
        self.at(catalogue().named(id))
    }

    /// The choice text of an enum this crate names; empty when the value has none.
    pub(super) fn choice_text(&self, id: &str) -> String {
        let index = catalogue().named(id);
        let text = catalogue().parameter(index).choice_text(self.at(index));
        text.unwrap_or_default().to_owned()
    }

    /// Writes a parameter this crate names, unless a test holds it.
    pub(super) fn show(&mut self, id: &str, value: String) {
        self.put(catalogue().named(id), value);
    }

    /// Writes a value, unless a test holds it; listeners hear of a change.
    pub(super) fn put(&mut self, index: ParameterIndex, value: String) {
        if !self.pinned.contains(&index) {
            self.force(index, value);
        }
    }

    /// Writes without telling anybody, for values that always move.
    pub(super) fn put_quietly(&mut self, id: &str, value: String) {
        let index = catalogue().named(id);
        if !self.pinned.contains(&index) {
            self.changed.insert(index, value);
        }
    }

    /// Holds a value against the device itself.
    pub(super) fn pin(&mut self, index: ParameterIndex, value: String) {
        self.pinned.insert(index);
        self.force(index, value);
    }

    pub(super) fn unpin(&mut self, index: ParameterIndex) {
        self.pinned.remove(&index);
    }

    /// Forgets everything a restart forgets.
    pub(super) fn restart(&mut self) {
        self.forget(|index| !catalogue().parameter(index).kept);
    }

    /// Back to the defaults.
    pub(super) fn reset(&mut self) {
        self.forget(|_| true);
    }

    fn forget(&mut self, goes: impl Fn(ParameterIndex) -> bool) {
        self.pinned.clear();
        let gone: Vec<_> = self
            .changed
            .keys()
            .copied()
            .filter(|index| goes(*index))
            .collect();
        for index in gone {
            self.force(index, catalogue().parameter(index).default.clone());
            self.changed.remove(&index);
        }
    }

    fn force(&mut self, index: ParameterIndex, value: String) {
        if self.at(index) == value {
            return;
        }
        self.update += 1;
        let change = Arc::new(Change {
            index,
            value: value.clone(),
            update: self.update,
        });
        self.connections.publish(&change, self.queue);
        self.observers.publish(&change, OBSERVED);
        self.changed.insert(index, value);
    }
}
