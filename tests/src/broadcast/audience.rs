//! Players at all addresses of a stream.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encoder_core::model::PublishTarget;
use encoder_ffmpeg::viewer::{Viewer, Watched};
use tokio::task::JoinSet;

use super::{Outcome, PATIENCE};

/// Players whose pictures are put together, as for somebody who watches wherever there is one.
#[derive(Debug)]
pub struct Audience {
    seen: Vec<Arc<Mutex<Watched>>>,
    /// Ends with the audience.
    _playing: JoinSet<()>,
}

impl Audience {
    /// Starts a player at each address.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn gather(targets: &[PublishTarget], fps: u32) -> Outcome<Self> {
        let period = Duration::from_secs(1) / fps;
        let mut playing = JoinSet::new();
        let mut seen = Vec::new();
        for target in targets {
            let mut viewer = Viewer::play(Path::new("ffmpeg"), target).await?;
            let watched = Arc::new(Mutex::new(Watched::new(period)));
            seen.push(Arc::clone(&watched));
            playing.spawn(async move {
                while let Some(picture) = viewer.next().await {
                    let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                    watched.add(picture);
                }
            });
        }
        Ok(Self {
            seen,
            _playing: playing,
        })
    }

    /// Everything that was shown so far.
    ///
    /// # Panics
    /// Never: there is at least one player.
    #[must_use]
    pub fn seen(&self) -> Watched {
        let seen = self.seen.iter();
        let seen = seen.map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner).clone());
        seen.reduce(Watched::and).expect("at least one player")
    }

    /// Waits until an encoder has been seen for so many pictures.
    ///
    /// # Errors
    /// When it never is.
    pub async fn until_seen(&self, source: u8, pictures: usize) -> Outcome<()> {
        let begun = std::time::Instant::now();
        loop {
            let seen = self.seen();
            let codes = seen.pictures().iter().filter_map(|picture| picture.code);
            let count = codes.filter(|code| code.source == source).count();
            if count >= pictures {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("encoder {source} is not seen, {count} pictures").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
