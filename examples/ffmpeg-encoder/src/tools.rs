//! Whether there is a usable ffmpeg, and what it can do.
//!
//! That the program is still there is looked at every time, which costs a system call. What it
//! can do costs a few processes, so it is asked once, and again when the file has changed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use encoder_core::{Error, ErrorKind, Result, Retry};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::process::Command;

use crate::process;
use crate::version::Version;

/// How long ffmpeg may take to say what it can.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes into one small picture, which takes a filter and a font.
const WRITING: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "color=size=64x36:rate=1,drawtext=text=x",
    "-frames:v",
    "1",
    "-f",
    "null",
    "-",
];

/// One state of the program's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    path: PathBuf,
    changed: Option<SystemTime>,
    size: u64,
}

/// What an ffmpeg can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tools {
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
    /// Protocols that it can publish by.
    pub(crate) protocols: BTreeSet<String>,
    /// Whether it can write into pictures: that takes a filter and a font.
    pub(crate) writes_text: bool,
}

/// Why it is not usable. [`Error`] cannot be told twice.
#[derive(Clone, Debug)]
struct Fault(ErrorKind, String);

type Answer = std::result::Result<Arc<Tools>, Fault>;

/// Finds ffmpeg and remembers what it can.
#[derive(Debug)]
pub(crate) struct Toolbox {
    path: PathBuf,
    video_encoder: String,
    asked: Mutex<Option<Question>>,
}

/// A question under way, or its answer. Who stops waiting leaves it to the next one.
#[derive(Clone, Debug)]
struct Question {
    program: Program,
    answer: Shared<BoxFuture<'static, Answer>>,
}

impl Toolbox {
    pub(crate) fn new(path: PathBuf, video_encoder: String) -> Self {
        Self {
            path,
            video_encoder,
            asked: Mutex::default(),
        }
    }

    /// The program as it is now. Looks at the disk; call it off the async threads.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceUnreachable`] when it is missing or cannot be run.
    pub(crate) fn find(&self) -> Result<Program> {
        let search = std::env::var_os("PATH").unwrap_or_default();
        let found = candidates(&self.path, &search).find_map(|path| executable(&path));
        found.ok_or_else(|| missing(&self.path))
    }

    /// What the program can do.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceUnreachable`] when it does not run, [`ErrorKind::DeviceProtocol`] when
    /// it is no ffmpeg, or one without the encoders needed.
    pub(crate) async fn tools(&self, program: Program) -> Result<Arc<Tools>> {
        let answer = self.ask(&program);
        answer.clone().await.map_err(|Fault(kind, message)| {
            self.forget(&answer);
            Error::new(kind, message).with_retry(Retry::Safe)
        })
    }

    fn ask(&self, program: &Program) -> Shared<BoxFuture<'static, Answer>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match asked.as_ref().filter(|known| known.program == *program) {
            Some(known) => known.answer.clone(),
            None => {
                let path = program.path.clone();
                let question = ask(path, self.video_encoder.clone());
                let answer = question.map(|answer| answer.map(Arc::new)).boxed().shared();
                *asked = Some(Question {
                    program: program.clone(),
                    answer: answer.clone(),
                });
                answer
            }
        }
    }

    /// A fault may pass, so the next one asks again.
    fn forget(&self, answer: &Shared<BoxFuture<'static, Answer>>) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked
            .as_ref()
            .is_some_and(|known| known.answer.ptr_eq(answer))
        {
            *asked = None;
        }
    }
}

/// Where a program of that name can be: at its path, or somewhere in the search path.
fn candidates(name: &Path, search: &OsStr) -> impl Iterator<Item = PathBuf> {
    let named = name.components().count() > 1;
    let at = named.then(|| name.to_owned());
    let folders: Vec<_> = std::env::split_paths(search).collect();
    let name = name.to_owned();
    let inside = folders.into_iter().map(move |folder| folder.join(&name));
    at.into_iter().chain(inside.filter(move |_| !named))
}

fn executable(path: &Path) -> Option<Program> {
    use std::os::unix::fs::PermissionsExt;
    let about = std::fs::metadata(path).ok()?;
    let runs = about.is_file() && about.permissions().mode() & 0o111 != 0;
    runs.then(|| Program {
        path: path.to_owned(),
        changed: about.modified().ok(),
        size: about.len(),
    })
}

/// The error for a program that is not there.
pub(crate) fn missing(path: &Path) -> Error {
    let message = format!(
        "ffmpeg not found at {}; install it or set ffmpeg.path",
        path.display()
    );
    Error::new(ErrorKind::DeviceUnreachable, message)
}

/// Asks everything at once: who waits may leave, and the processes go on meanwhile.
async fn ask(path: PathBuf, video_encoder: String) -> std::result::Result<Tools, Fault> {
    let (version, encoders, protocols, trial) = tokio::join!(
        words(&path, &["-version"]),
        words(&path, &["-encoders"]),
        words(&path, &["-protocols"]),
        run(&path, WRITING),
    );
    let version = version?;
    let version = Version::parse(&version).ok_or_else(|| {
        let message = format!("{} is not ffmpeg; set ffmpeg.path", path.display());
        Fault(ErrorKind::DeviceProtocol, message)
    })?;
    let encoders = encoders?;
    for wanted in [video_encoder.as_str(), "aac"] {
        if !has_encoder(&encoders, wanted) {
            let message = format!(
                "the ffmpeg at {} has no encoder {wanted}; install another build, or set \
                 ffmpeg.video_encoder",
                path.display()
            );
            return Err(Fault(ErrorKind::DeviceProtocol, message));
        }
    }
    Ok(Tools {
        version,
        protocols: outputs(&protocols?),
        writes_text: trial?.status.success(),
        path,
    })
}

async fn words(path: &Path, arguments: &[&str]) -> std::result::Result<String, Fault> {
    let output = run(path, arguments).await?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn run(path: &Path, arguments: &[&str]) -> std::result::Result<std::process::Output, Fault> {
    let mut command = Command::new(path);
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = async { process::spawn(command).await?.wait_with_output().await };
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.unwrap_or_else(|_| Err(io::Error::other("no answer within 10 s")));
    output.map_err(|error| {
        let message = format!("the ffmpeg at {} does not run: {error}", path.display());
        Fault(ErrorKind::DeviceUnreachable, message)
    })
}

fn has_encoder(list: &str, name: &str) -> bool {
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    names.into_iter().any(|known| known == name)
}

/// The names below `Output:`.
fn outputs(list: &str) -> BTreeSet<String> {
    let names = list.lines().skip_while(|line| line.trim() != "Output:");
    names.skip(1).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ffmpeg_are_understood() {
        let encoders = " V..... = Video\n ------\n V....D libx264   H.264 (codec h264)\n";
        assert!(has_encoder(encoders, "libx264") && !has_encoder(encoders, "h264"));
        let protocols = "Supported file protocols:\nInput:\n  tls\nOutput:\n  rtmp\n  srt\n";
        assert_eq!(
            outputs(protocols).into_iter().collect::<Vec<_>>(),
            ["rtmp", "srt"]
        );
    }

    #[test]
    fn name_without_slash_is_looked_for() {
        let all = |name: &str| {
            let found = candidates(Path::new(name), OsStr::new("/a:/b"));
            found
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(all("ffmpeg"), ["/a/ffmpeg", "/b/ffmpeg"]);
        assert_eq!(all("/opt/ffmpeg"), ["/opt/ffmpeg"]);
        assert_eq!(all("bin/ffmpeg"), ["bin/ffmpeg"]);
    }

    #[test]
    fn missing_program_is_named_with_what_to_do() {
        let toolbox = Toolbox::new(PathBuf::from("/nowhere/ffmpeg"), "libx264".to_owned());
        let error = toolbox.find().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
        assert_eq!(
            error.message(),
            "ffmpeg not found at /nowhere/ffmpeg; install it or set ffmpeg.path"
        );
    }
}
