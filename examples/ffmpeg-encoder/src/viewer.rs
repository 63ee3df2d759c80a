//! What a viewer gets: a player that notes when which picture arrived.
//!
//! The player decodes, because only a decoded picture is a seen one: after a change of encoder a
//! player waits for a key frame. It keeps no buffer, so that its figures are those of the network
//! and not of its own patience; a real player may hide a short gap, and adds its delay to all.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use encoder_core::model::PublishTarget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

use crate::code::{self, CELLS, FrameCode};
use crate::{process, script};

mod measure;

pub use measure::{Interruption, Watched};

/// A picture that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// When it was decoded.
    pub at: Instant,
    /// Its mark; `None` for a picture without a readable one, such as a black one.
    pub code: Option<FrameCode>,
}

/// Plays one address. Dropping it ends the player.
#[derive(Debug)]
pub struct Viewer {
    player: Child,
    pictures: ChildStdout,
}

impl Viewer {
    /// Begins to play; it waits for as long as nobody publishes, if the ingest lets it.
    ///
    /// # Errors
    /// Those of starting ffmpeg.
    pub async fn play(ffmpeg: &Path, target: &PublishTarget) -> io::Result<Self> {
        let mut player = process::spawn(player(ffmpeg)).await?;
        let pipes = player.stdin.take().zip(player.stdout.take());
        let (mut stdin, pictures) = pipes.ok_or_else(|| io::Error::other("no pipes to ffmpeg"))?;
        stdin.write_all(script::play(target).as_bytes()).await?;
        Ok(Self { player, pictures })
    }

    /// The next picture; `None` when the player ended, as it does when the ingest hangs up.
    ///
    /// # Cancellation
    /// A picture may be torn: go on only with a new viewer.
    pub async fn next(&mut self) -> Option<Picture> {
        let mut cells = [0; CELLS];
        self.pictures.read_exact(&mut cells).await.ok()?;
        Some(Picture {
            at: Instant::now(),
            code: FrameCode::read(&cells),
        })
    }

    /// Ends the player and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn stop(mut self) -> io::Result<()> {
        self.player.kill().await
    }
}

fn player(ffmpeg: &Path) -> Command {
    let mut command = Command::new(ffmpeg);
    command
        .args(["-hide_banner", "-loglevel", "error"])
        .args(["-flags", "low_delay", "-threads", "1"])
        .args(["-probesize", "2048", "-analyzeduration", "0"])
        .args(script::INPUT)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough"])
        .args(["-vf", &code::filter()])
        .args([
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gray",
            "-flush_packets",
            "1",
            "pipe:1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Plays an address until `until` says that it has seen enough.
pub async fn watch(
    viewer: &mut Viewer,
    period: Duration,
    mut until: impl FnMut(&Watched) -> bool,
) -> Watched {
    let mut watched = Watched::new(period);
    while !until(&watched) {
        match viewer.next().await {
            Some(picture) => watched.add(picture),
            None => break,
        }
    }
    watched
}
