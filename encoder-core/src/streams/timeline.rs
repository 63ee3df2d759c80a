//! The timeline of a stream: every transition with its evidence.
//!
//! Entries are written after the act they describe, so that no device waits for them, and in
//! order. One that cannot be written now is kept and written later.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    IncidentId, Interruption, PhaseTiming, RejectedAlternative, RequestId, Severity, StreamId,
    TimelineEntry, Timestamp,
};
use crate::store::{Expect, Key, StateStore};

/// Unwritten entries that are kept while the store is away; older ones are dropped first.
const KEPT_UNWRITTEN: usize = 256;

fn prefix(stream: &StreamId) -> Key {
    Key::try_new(format!("timeline/{stream}/")).expect("stream ids are made of key characters")
}

fn key(stream: &StreamId, number: u64) -> Key {
    let name = format!("timeline/{stream}/{number:012}");
    Key::try_new(name).expect("stream ids are made of key characters")
}

/// Reads a stream's timeline, oldest first.
pub(super) async fn read(store: &dyn StateStore, stream: &StreamId) -> Result<Vec<TimelineEntry>> {
    let records = store.list(&prefix(stream)).await?;
    let decode = |record: &crate::store::Record| {
        serde_json::from_slice(&record.value).map_err(|error| {
            Error::new(
                ErrorKind::StoreUnavailable,
                "a timeline entry cannot be read",
            )
            .with_context("key", &record.key)
            .with_source(error)
        })
    };
    records.iter().map(decode).collect()
}

/// Deletes a stream's timeline.
pub(super) async fn delete(store: &dyn StateStore, stream: &StreamId) -> Result<()> {
    for record in store.list(&prefix(stream)).await? {
        store.delete(&record.key, Expect::Any).await?;
    }
    Ok(())
}

/// What happened, before it gets its number.
#[derive(Clone, Debug)]
pub(super) struct Note {
    entry: TimelineEntry,
}

impl Note {
    pub(super) fn new(
        stream: &StreamId,
        timestamp: Timestamp,
        transition: &str,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        Self {
            entry: TimelineEntry {
                number: 0,
                timestamp,
                stream_id: stream.clone(),
                incident_id: None,
                request_id: None,
                transition: transition.to_owned(),
                severity,
                message: message.into(),
                evidence: Vec::new(),
                threshold: None,
                rejected: Vec::new(),
                phases: Vec::new(),
                interruption: None,
            },
        }
    }

    /// Says for which request it was done.
    pub(super) fn request(mut self, request: Option<RequestId>) -> Self {
        self.entry.request_id = request;
        self
    }

    pub(super) fn incident(mut self, incident: &IncidentId) -> Self {
        self.entry.incident_id = Some(incident.clone());
        self
    }

    pub(super) fn evidence(mut self, evidence: Vec<String>, threshold: Option<String>) -> Self {
        self.entry.evidence = evidence;
        self.entry.threshold = threshold;
        self
    }

    pub(super) fn rejected(mut self, rejected: Vec<RejectedAlternative>) -> Self {
        self.entry.rejected = rejected;
        self
    }

    pub(super) fn interruption(mut self, interruption: Interruption) -> Self {
        self.entry.interruption = Some(interruption);
        self
    }

    pub(super) fn phases(mut self, phases: Vec<PhaseTiming>) -> Self {
        self.entry.phases = phases;
        self
    }
}

/// Writes a stream's timeline.
#[derive(Debug)]
pub(super) struct Timeline {
    store: Arc<dyn StateStore>,
    next: Option<u64>,
    unwritten: VecDeque<TimelineEntry>,
}

impl Timeline {
    pub(super) fn new(store: Arc<dyn StateStore>) -> Self {
        Self {
            store,
            next: None,
            unwritten: VecDeque::new(),
        }
    }

    /// Takes an entry; [`Timeline::flush`] writes it.
    pub(super) fn add(&mut self, note: Note) {
        let entry = note.entry;
        tracing::info!(
            stream = %entry.stream_id,
            transition = entry.transition,
            "{}", entry.message
        );
        if self.unwritten.len() >= KEPT_UNWRITTEN {
            self.unwritten.pop_front();
        }
        self.unwritten.push_back(entry);
    }

    /// Whether nothing is waiting to be written.
    pub(super) fn is_written(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// Writes what is waiting. Stops at the first failure and keeps the rest.
    pub(super) async fn flush(&mut self) -> Result<()> {
        while let Some(mut entry) = self.unwritten.front().cloned() {
            let number = self.number(&entry.stream_id).await?;
            entry.number = number;
            let bytes = serde_json::to_vec(&entry).map_err(|error| {
                Error::new(ErrorKind::Unexpected, "a timeline entry cannot be written")
                    .with_source(error)
            })?;
            self.store
                .put(&key(&entry.stream_id, number), &bytes, Expect::Any)
                .await?;
            self.next = Some(number + 1);
            self.unwritten.pop_front();
        }
        Ok(())
    }

    async fn number(&mut self, stream: &StreamId) -> Result<u64> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let last = read(self.store.as_ref(), stream)
            .await?
            .last()
            .map_or(0, |entry| entry.number);
        Ok(last + 1)
    }
}
