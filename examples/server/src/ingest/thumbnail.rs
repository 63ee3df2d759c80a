//! Pictures of streams, taken from what the ingest plays.
//!
//! A picture is taken when somebody asks, and given to everybody who asks within the next seconds.
//! So is the lack of one: a stream that cannot be played starts no more programs than one that can.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use encoder_core::model::{PublishTarget, StreamId, StreamRecord, StreamState, Timestamp};
use encoder_core::tasks::Clock;
use moka::future::Cache;
use tokio::sync::Semaphore;

use super::capture::{NoPicture, capture};
use crate::config::IngestConfig;

/// How long a picture is given to others.
pub const FRESH: Duration = Duration::from_secs(5);
/// How long taking one may take, and how long its turn may be waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Programs at a time; each decodes a key frame, so they would only slow each other down.
const AT_A_TIME: usize = 4;
/// Streams whose pictures are kept.
const STREAMS: u64 = 1024;

/// A picture of a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// A JPEG at most 640 pixels across.
    pub jpeg: Bytes,
    /// When it was taken.
    pub taken_at: Timestamp,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture")
            .field("bytes", &self.jpeg.len())
            .field("taken_at", &self.taken_at)
            .finish()
    }
}

/// Takes and keeps pictures.
#[derive(Debug)]
pub struct Thumbnails {
    config: IngestConfig,
    clock: Clock,
    taken: Cache<StreamId, Result<Picture, NoPicture>>,
    turns: Semaphore,
}

impl Thumbnails {
    /// Pictures of what is published to the ingest of these settings.
    pub fn new(config: IngestConfig, clock: Clock) -> Self {
        Self {
            config,
            clock,
            taken: Cache::builder()
                .max_capacity(STREAMS)
                .time_to_live(FRESH)
                .build(),
            turns: Semaphore::new(AT_A_TIME),
        }
    }

    /// A picture of the stream, at most [`FRESH`] old. Several who ask at once share one.
    ///
    /// # Errors
    /// Why there is none.
    ///
    /// # Cancellation
    /// The picture is taken nonetheless while others wait for it.
    pub async fn of(&self, stream: &StreamRecord) -> Result<Picture, NoPicture> {
        let source = self.source(stream)?;
        let taken = self.taken.get_with_by_ref(&stream.id, self.take(source));
        taken.await
    }

    /// Where the stream can be played.
    fn source(&self, stream: &StreamRecord) -> Result<PublishTarget, NoPicture> {
        use StreamState::{Degraded, FailingOver, Live};
        if !matches!(stream.state, Live | Degraded | FailingOver) {
            return Err(NoPicture::NotLive);
        }
        let target = stream.target(stream.primary.slot);
        let address = self.config.address(&target.url);
        let url = address.and_then(|address| address.play_url.clone());
        Ok(PublishTarget {
            url: url.ok_or(NoPicture::NotPlayable)?,
            ..target
        })
    }

    async fn take(&self, source: PublishTarget) -> Result<Picture, NoPicture> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| NoPicture::TooLate)?;
        let jpeg = capture(&self.config.ffmpeg, &source, PATIENCE).await?;
        let taken_at = self.clock.now();
        Ok(Picture { jpeg, taken_at })
    }
}
