//! One run of ffmpeg, from its start to its end.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use encoder_core::model::Secret;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::failure::{Cause, Ending, cause_of};
use crate::process;
use crate::progress::{Progress, ProgressParser};

/// Lines of ffmpeg that are kept to find the cause of its end.
const KEPT_LINES: usize = 32;
/// A longer line is not read further; ffmpeg writes none of that length.
const MAX_LINE: usize = 4096;

/// What a run has to tell.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// It goes on.
    Progress(Progress),
    /// It is over; nothing follows.
    Ended(Ending),
}

/// A running ffmpeg. Dropping it kills ffmpeg; see [`process`].
#[derive(Debug)]
pub struct Run {
    child: Child,
    progress: Lines<ChildStdout>,
    words: Lines<ChildStderr>,
    parser: ProgressParser,
    last_words: VecDeque<String>,
    put_out: bool,
    secrets: Vec<Secret>,
}

/// A command for ffmpeg at that path that reports as a [`Run`] expects it: progress on the standard
/// output every `period`, warnings on the standard error, nothing asked of anybody.
pub fn command(ffmpeg: &Path, period: Duration) -> Command {
    let mut command = Command::new(ffmpeg);
    let period = format!("{:.3}", period.as_secs_f64());
    command
        .args([
            "-hide_banner",
            "-loglevel",
            "warning",
            "-nostdin",
            "-nostats",
        ])
        .args(["-progress", "pipe:1", "-stats_period", &period])
        .stdin(Stdio::null());
    command
}

impl Run {
    /// Starts a command made by [`command`]. The secrets are blotted out of what ffmpeg says.
    ///
    /// # Errors
    /// Those of starting a program, [`io::ErrorKind::NotFound`] for a missing ffmpeg.
    pub async fn start(mut command: Command, secrets: Vec<Secret>) -> io::Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process::spawn(command).await?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let (stdout, stderr) = pipes.ok_or_else(|| io::Error::other("no pipes to ffmpeg"))?;
        Ok(Self {
            child,
            progress: Lines::new(stdout),
            words: Lines::new(stderr),
            parser: ProgressParser::default(),
            last_words: VecDeque::new(),
            put_out: false,
            secrets,
        })
    }

    /// Its process id; `None` once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The writing end of its standard input, when the command has one; once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for the next thing it has to tell. After [`Update::Ended`] the same end is told again.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn next(&mut self) -> Update {
        loop {
            tokio::select! {
                Some(line) = self.progress.next() => {
                    if let Some(progress) = self.parser.line(&line) {
                        self.put_out |= progress.bytes.is_some_and(|bytes| bytes > 0);
                        return Update::Progress(progress);
                    }
                }
                Some(line) = self.words.next() => self.remember(&line),
                status = self.child.wait(), if self.progress.ended && self.words.ended => {
                    return Update::Ended(self.ending(status));
                }
                // Both pipes came to their end just now.
                else => {}
            }
        }
    }

    /// Halts it: nothing is put out, and its connections stay open.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> io::Result<()> {
        process::pause(&self.child)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> io::Result<()> {
        process::resume(&self.child)
    }

    /// Asks it to end properly, which closes its connections with a goodbye, and kills it when it
    /// does not within `patience`.
    pub async fn stop(mut self, patience: Duration) {
        // One that has ended, or is halted, is dealt with below.
        let _ = process::terminate(&self.child);
        let ended = async { while !matches!(self.next().await, Update::Ended(_)) {} };
        if tokio::time::timeout(patience, ended).await.is_err() {
            self.kill().await;
        }
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "ffmpeg could not be killed");
        }
    }

    fn remember(&mut self, line: &str) {
        let line = self.presentable(line);
        tracing::debug!(pid = self.child.id(), line, "ffmpeg");
        if self.last_words.len() == KEPT_LINES {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line);
    }

    fn ending(&self, status: io::Result<ExitStatus>) -> Ending {
        use std::os::unix::process::ExitStatusExt;
        let status = status.ok();
        let lines = self.last_words.iter().map(String::as_str);
        let (cause, line) = cause_of(lines, self.put_out);
        let success = status.is_some_and(|status| status.success());
        let signal = status.and_then(|status| status.signal());
        let (cause, message) = match signal {
            _ if success => (Cause::Other, String::new()),
            Some(signal) => (Cause::Killed, format!("killed by signal {signal}")),
            None => (cause, line.to_owned()),
        };
        Ending {
            success,
            cause,
            message,
        }
    }

    fn presentable(&self, line: &str) -> String {
        let secrets = self.secrets.iter().map(Secret::expose);
        let secrets = secrets.filter(|secret| !secret.is_empty());
        secrets.fold(line.to_owned(), |line, secret| line.replace(secret, "***"))
    }
}

/// Lines of a pipe, whatever bytes they are made of.
#[derive(Debug)]
struct Lines<R> {
    pipe: BufReader<R>,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(pipe: R) -> Self {
        Self {
            pipe: BufReader::new(pipe),
            buffer: Vec::new(),
            ended: false,
        }
    }

    /// The next line; `None` at the end. Nothing is lost when it is dropped. A line without an end
    /// comes in pieces.
    async fn next(&mut self) -> Option<String> {
        while !self.ended {
            let bytes = match self.pipe.fill_buf().await {
                Ok(bytes) if !bytes.is_empty() => bytes,
                Ok(_) | Err(_) => {
                    self.ended = true;
                    break;
                }
            };
            // Carriage returns end the lines of a status that is overwritten.
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.buffer.extend_from_slice(&bytes[..taken]);
            self.pipe.consume(taken);
            if end.is_some() || self.buffer.len() >= MAX_LINE {
                return Some(self.take());
            }
        }
        (!self.buffer.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.buffer).trim_end().to_owned();
        self.buffer.clear();
        line
    }
}
