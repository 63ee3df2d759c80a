//! Recorded series in a store.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Timestamp;

/// Consecutive buckets of one series. Only the recorder reads the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesChunk {
    /// Whose readings they are.
    pub subject: String,
    /// What was read.
    pub metric: String,
    /// Span of a bucket.
    pub step: Duration,
    /// When the first bucket begins.
    pub start: Timestamp,
    /// The buckets, packed.
    pub body: Vec<u8>,
}

/// Which chunks are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRange {
    /// Of whom.
    pub subject: String,
    /// In which resolution.
    pub step: Duration,
    /// Chunks that begin then or later.
    pub from: Timestamp,
    /// Chunks that begin before.
    pub to: Timestamp,
}

/// Keeps chunks of recorded series.
///
/// Series are worth less than records: writing them must not hold up the writes of a
/// [`StateStore`](super::StateStore) for long, so callers hand over a few hundred chunks at a time.
#[async_trait]
pub trait SeriesStore: Debug + Send + Sync {
    /// Writes chunks, all or none. One of the same subject, metric, step and start is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    async fn append(&self, chunks: Vec<SeriesChunk>) -> Result<()>;

    /// Chunks of a subject, by metric and time.
    ///
    /// # Errors
    /// As for [`SeriesStore::append`].
    async fn load(&self, range: &SeriesRange) -> Result<Vec<SeriesChunk>>;

    /// Removes chunks of that step that begin before, at most a few hundred. Returns how many;
    /// ask again until there are none.
    ///
    /// # Errors
    /// As for [`SeriesStore::append`].
    async fn prune(&self, step: Duration, before: Timestamp) -> Result<usize>;

    /// Removes everything of a subject.
    ///
    /// # Errors
    /// As for [`SeriesStore::append`].
    async fn forget(&self, subject: &str) -> Result<()>;
}
