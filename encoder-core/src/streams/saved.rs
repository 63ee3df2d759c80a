//! A stream's record and its place in the store.
//!
//! Every write is a compare-and-set, so a second manager that took the lease over is noticed at
//! the first write. A store that does not answer does not keep a stream off air: the actor goes
//! on with what it knows, and writes again as soon as it can.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{StreamId, StreamRecord};
use crate::store::{Expect, Key, Record, Revision, StateStore};

pub(super) const STREAMS: &str = "streams/";

pub(super) fn key(id: &StreamId) -> Key {
    Key::try_new(format!("{STREAMS}{id}")).expect("stream ids are made of key characters")
}

#[derive(Debug)]
pub(super) struct Saved {
    store: Arc<dyn StateStore>,
    pub(super) record: StreamRecord,
    revision: Revision,
    /// What was last handed to the store without learning whether it was written.
    in_doubt: Option<Vec<u8>>,
    dirty: bool,
}

impl Saved {
    /// Writes the first version of a record.
    pub(super) async fn create(store: Arc<dyn StateStore>, record: StreamRecord) -> Result<Self> {
        let bytes = encode(&record)?;
        let revision = store.put(&key(&record.id), &bytes, Expect::Absent).await?;
        Ok(Self {
            store,
            record,
            revision,
            in_doubt: None,
            dirty: false,
        })
    }

    /// Takes a record that was read.
    pub(super) fn loaded(store: Arc<dyn StateStore>, stored: &Record) -> Result<Self> {
        let record = serde_json::from_slice(&stored.value).map_err(|error| {
            Error::new(
                ErrorKind::StoreUnavailable,
                "a stream's record cannot be read",
            )
            .with_context("key", &stored.key)
            .with_source(error)
        })?;
        Ok(Self {
            store,
            record,
            revision: stored.revision,
            in_doubt: None,
            dirty: false,
        })
    }

    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether the store lags behind what is known here.
    pub(super) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Asks for a write at the next opportunity.
    pub(super) const fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    /// Writes the record as it is now.
    ///
    /// # Errors
    /// [`ErrorKind::RevisionMismatch`] when somebody else owns the record by now: stop
    /// commanding. [`ErrorKind::StoreUnavailable`]: nothing is known to be written; the record is
    /// dirty until a later call succeeds.
    pub(super) async fn save(&mut self) -> Result<()> {
        self.dirty = true;
        let bytes = encode(&self.record)?;
        if self.in_doubt.is_some() {
            self.settle_doubt().await?;
        }
        self.in_doubt = Some(bytes.clone());
        let expect = Expect::Revision(self.revision);
        match self.store.put(&key(&self.record.id), &bytes, expect).await {
            Ok(revision) => {
                self.revision = revision;
                self.in_doubt = None;
                self.dirty = false;
                Ok(())
            }
            Err(error) => {
                if error.kind() == ErrorKind::RevisionMismatch {
                    self.in_doubt = None;
                }
                Err(error)
            }
        }
    }

    /// [`Saved::save`], giving up after `limit` with [`ErrorKind::StoreUnavailable`].
    pub(super) async fn save_within(&mut self, limit: Duration) -> Result<()> {
        tokio::time::timeout(limit, self.save())
            .await
            .unwrap_or_else(|_| {
                let message = format!("the store did not answer within {} ms", limit.as_millis());
                Err(Error::new(ErrorKind::StoreUnavailable, message))
            })
    }

    /// Learns whether the write in doubt happened.
    async fn settle_doubt(&mut self) -> Result<()> {
        let stored = self.store.get(&key(&self.record.id)).await?;
        if let Some(stored) = stored
            && self.in_doubt.as_ref() == Some(&stored.value)
        {
            self.revision = stored.revision;
        }
        self.in_doubt = None;
        Ok(())
    }
}

fn encode(record: &StreamRecord) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "a stream's record cannot be written").with_source(error)
    })
}
