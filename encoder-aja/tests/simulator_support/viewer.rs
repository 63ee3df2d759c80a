//! Somebody who watches a stream and reads the marks in its pictures.

use std::path::Path;

use encoder_core::model::{PublishTarget, Secret};
use encoder_ffmpeg::code::FrameCode;
use encoder_ffmpeg::viewer;

use super::PATIENCE;

/// A player that ends with its test.
#[derive(Debug)]
pub(crate) struct Viewer {
    player: viewer::Viewer,
    /// One for each picture; `None` when it has no mark.
    seen: Vec<Option<FrameCode>>,
}

impl Viewer {
    pub(crate) async fn of(url: &str, key: &str) -> Self {
        let target = PublishTarget {
            url: url.to_owned(),
            stream_key: Secret::from(key),
        };
        let player = viewer::Viewer::play(Path::new("ffmpeg"), &target).await;
        Self {
            player: player.expect("ffmpeg is missing; Debian: apt-get install ffmpeg"),
            seen: Vec::new(),
        }
    }

    /// Watches until the pictures seen from now on show what `find` looks for.
    pub(crate) async fn until<T: Send>(
        &mut self,
        find: impl Fn(&[Option<FrameCode>]) -> Option<T> + Send + Sync,
    ) -> T {
        self.seen.clear();
        let found = async {
            loop {
                let picture = self.player.next().await;
                self.seen.push(picture.expect("the player goes on").code);
                if let Some(found) = find(&self.seen) {
                    return found;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!("only {:?} came", self.seen),
        }
    }
}
