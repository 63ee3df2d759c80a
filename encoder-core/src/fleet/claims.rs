//! Which streams hold which encoders. Kept in memory; rebuilt from the records at start.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{EncoderId, StreamId};

/// Who holds whom. An encoder is held from the moment it is chosen, before anything is written,
/// so that two requests at once never get the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(BTreeMap<EncoderId, BTreeSet<StreamId>>);

impl Claims {
    pub(crate) fn add(&mut self, encoder: &EncoderId, stream: &StreamId) {
        self.0
            .entry(encoder.clone())
            .or_default()
            .insert(stream.clone());
    }

    pub(crate) fn remove(&mut self, encoder: &EncoderId, stream: &StreamId) {
        if let Some(streams) = self.0.get_mut(encoder) {
            streams.remove(stream);
            if streams.is_empty() {
                self.0.remove(encoder);
            }
        }
    }

    /// Makes the stream hold exactly these encoders.
    pub(crate) fn set(&mut self, stream: &StreamId, encoders: &BTreeSet<EncoderId>) {
        let held: Vec<_> = self
            .0
            .keys()
            .filter(|id| !encoders.contains(*id))
            .cloned()
            .collect();
        for encoder in held {
            self.remove(&encoder, stream);
        }
        for encoder in encoders {
            self.add(encoder, stream);
        }
    }

    pub(crate) fn of(&self, encoder: &EncoderId) -> Vec<StreamId> {
        self.0.get(encoder).into_iter().flatten().cloned().collect()
    }

    pub(crate) fn count(&self, encoder: &EncoderId) -> u32 {
        self.0.get(encoder).map_or(0, |streams| {
            u32::try_from(streams.len()).unwrap_or(u32::MAX)
        })
    }
}
