//! Somebody who watches a stream and reads the marks in its pictures.

use std::path::Path;
use std::process::Stdio;

use encoder_ffmpeg::code::{CELLS, FrameCode, filter};
use encoder_ffmpeg::process;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::PATIENCE;

/// An ffmpeg that plays a stream and ends with its test.
#[derive(Debug)]
pub(crate) struct Viewer {
    process: Child,
    /// One for each picture; `None` when it has no mark.
    seen: Vec<Option<FrameCode>>,
}

impl Viewer {
    pub(crate) async fn of(url: &str) -> Self {
        let mut command = Command::new(Path::new("ffmpeg"));
        // It looks at the stream for longer than two key frames are apart.
        command
            .args(["-loglevel", "error", "-nostdin", "-fflags", "nobuffer"])
            .args(["-probesize", "500000", "-analyzeduration", "1000000"])
            .args(["-i", url, "-an", "-vf", &filter(), "-vsync", "passthrough"])
            .args([
                "-f",
                "rawvideo",
                "-pix_fmt",
                "gray",
                "-flush_packets",
                "1",
                "pipe:1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let started = process::spawn(command).await;
        Self {
            process: started.expect("ffmpeg is missing; Debian: apt-get install ffmpeg"),
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
                let mut cells = [0; CELLS];
                let pictures = self.process.stdout.as_mut().unwrap();
                pictures.read_exact(&mut cells).await.unwrap();
                self.seen.push(FrameCode::read(&cells));
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
