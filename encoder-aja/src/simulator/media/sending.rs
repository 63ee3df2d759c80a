//! One stream on its way: an ffmpeg, and the pictures written to it as time passes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{PublishTarget, Secret};
use encoder_ffmpeg::failure::{Cause, Ending};
use encoder_ffmpeg::publish::Publish;
use encoder_ffmpeg::run::{Run, Update, command};
use encoder_ffmpeg::version::Version;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::MediaConfig;
use super::encoding::Rate;
use super::picture::{Camera, PictureFaults};
use super::uplink::{Job, Report};

/// How often ffmpeg reports; the first report comes with the first bytes.
const REPORTS: Duration = Duration::from_millis(500);
/// How long a proper end may take.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// A stream between its start and its end. Dropping it kills ffmpeg.
pub(super) struct Sending {
    run: Run,
    stdin: Option<ChildStdin>,
    camera: Camera,
    clock: Pin<Box<Interval>>,
    picture: Vec<u8>,
    /// How much of the picture ffmpeg has.
    written: usize,
    load: Load,
    on_air: bool,
    faults: PictureFaults,
    report: Arc<Report>,
    /// ffmpeg reads the key from it.
    _publish: Publish,
}

impl Sending {
    pub(super) async fn start(
        job: Job,
        config: &MediaConfig,
        ffmpeg: &Version,
    ) -> io::Result<Self> {
        let Job {
            place,
            encoding,
            name,
            report,
        } = job;
        let key = Secret::new(place.key);
        let target = PublishTarget {
            url: place.url,
            stream_key: key.clone(),
        };
        let publish = Publish::try_new(&target, ffmpeg)
            .map_err(io::Error::other)?
            .with_agent(format!("HELO ({})", place.serial));
        let encoding = encoding.within(config.max_resolution, config.max_fps);
        let mut command = command(&config.ffmpeg, REPORTS);
        command.stdin(std::process::Stdio::piped());
        encoding.add_to(&mut command, tone(config.source));
        publish.add_to(&mut command);
        let mut run = Run::start(command, vec![key]).await?;
        Ok(Self {
            stdin: run.take_stdin(),
            run,
            camera: Camera::new(config.source, &name),
            clock: Box::pin(clock(encoding.rate)),
            picture: Vec::new(),
            written: 0,
            load: Load::over(encoding.rate),
            on_air: false,
            faults: PictureFaults::default(),
            report,
            _publish: publish,
        })
    }

    /// Sends pictures until ffmpeg ends. Nothing is lost when it is dropped.
    pub(super) async fn go_on(&mut self, faults: &mut watch::Receiver<PictureFaults>) -> Ending {
        loop {
            tokio::select! {
                update = self.run.next() => match update {
                    Update::Progress(progress) if progress.bytes > Some(0) && !self.on_air => {
                        self.on_air = true;
                        self.report.on_air(false);
                        self.follow(*faults.borrow_and_update());
                    }
                    Update::Ended(ending) => return ending,
                    _ => {}
                },
                _ = self.clock.tick() => self.take_picture(),
                written = write_some(&mut self.stdin, &self.picture[self.written..]) => {
                    match written {
                        Ok(written) => self.written += written,
                        // ffmpeg ends, and says why.
                        Err(_) => self.stdin = None,
                    }
                }
                Ok(()) = faults.changed() => self.follow(*faults.borrow_and_update()),
            }
        }
    }

    /// Ends the stream with a goodbye.
    pub(super) async fn stop(mut self) {
        self.follow(PictureFaults::default());
        // The end of its input, for an ffmpeg that waits for more.
        self.stdin = None;
        self.run.stop(STOP_PATIENCE).await;
    }

    /// Ends the stream at once; the system closes its connection.
    pub(super) async fn kill(self) {
        self.run.kill().await;
    }

    /// Keeps the connection open without a byte on it.
    pub(super) fn halt(&self) {
        if let Err(error) = self.run.pause() {
            tracing::debug!(%error, "nothing to halt");
        }
    }

    pub(super) fn lost(&self, cause: Cause) {
        self.report.lost(cause);
    }

    /// Only a stream on the air can stall: a start needs pictures.
    fn follow(&mut self, faults: PictureFaults) {
        let before = std::mem::replace(&mut self.faults, faults);
        if !self.on_air {
            self.faults.stall = false;
        }
        let changed = match (before.stall, self.faults.stall) {
            (false, true) => self.run.pause(),
            (true, false) => self.run.resume(),
            _ => Ok(()),
        };
        if let Err(error) = changed {
            tracing::debug!(%error, "ffmpeg has ended");
        }
    }

    /// Time for a picture. When ffmpeg has not taken the last one it is lost, so that what flows is
    /// never late.
    fn take_picture(&mut self) {
        let full = self.written < self.picture.len();
        if self.on_air && !self.faults.stall && self.load.changes_with(full) {
            self.report.on_air(self.load.slow);
        }
        if full || self.faults.stall {
            self.camera.miss();
            return;
        }
        let picture = self.camera.take(unix_millis(), self.faults);
        self.picture.clear();
        self.picture.extend_from_slice(picture);
        self.written = 0;
    }
}

/// Writes what fits; waits for ever when there is nothing to write.
async fn write_some(stdin: &mut Option<ChildStdin>, bytes: &[u8]) -> io::Result<usize> {
    match stdin {
        Some(stdin) if !bytes.is_empty() => match stdin.write(bytes).await {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        },
        _ => std::future::pending().await,
    }
}

/// How pictures get through: slow is a second in which a quarter of them did not, until one in
/// which all did.
#[derive(Debug)]
struct Load {
    second: u32,
    seen: u32,
    lost: u32,
    slow: bool,
}

impl Load {
    fn over(rate: Rate) -> Self {
        Self {
            second: (rate.fps().round() as u32).max(2),
            seen: 0,
            lost: 0,
            slow: false,
        }
    }

    /// Counts a picture; whether that changed the judgement.
    fn changes_with(&mut self, lost: bool) -> bool {
        self.seen += 1;
        self.lost += u32::from(lost);
        if self.seen < self.second {
            return false;
        }
        let slow = match self.lost {
            0 => false,
            lost => self.slow || lost * 4 >= self.seen,
        };
        (self.seen, self.lost) = (0, 0);
        std::mem::replace(&mut self.slow, slow) != slow
    }
}

fn clock(rate: Rate) -> Interval {
    let mut clock = interval(rate.period());
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    clock
}

/// Every encoder has its own, in hertz.
fn tone(source: u8) -> u32 {
    300 + 20 * u32::from(source)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pictures show the time of day; their pace is tokio's clock"
)]
fn unix_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_begins_with_a_quarter_lost_and_ends_with_a_whole_second() {
        let mut load = Load::over(Rate::of(4.0));
        let mut second = |lost: u32| (0..4).any(|place| load.changes_with(place < lost));
        assert!(!second(0));
        assert!(second(1));
        assert!(!second(2));
        assert!(second(0));
    }
}
