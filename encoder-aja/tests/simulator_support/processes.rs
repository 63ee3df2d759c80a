//! The processes of a test, as the system lists them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use encoder_ffmpeg::code::FrameCode;
use serde_json::Value;

use super::PATIENCE;

/// A shell script that stands in for ffmpeg.
#[derive(Debug)]
pub(crate) struct Script(PathBuf);

impl Script {
    pub(crate) fn new(text: &str) -> Self {
        let name = format!("ffmpeg-{}-{}", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o700);
        let mut file = options.open(&path).unwrap();
        let named = "[ \"$1\" = -version ] && echo 'ffmpeg version 5.1 for tests' && exit";
        write!(file, "#!/bin/sh\n{named}\n{text}\n").unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the file that the script waits for.
    pub(crate) fn go(&self) {
        fs::write(self.sign(), "").unwrap();
    }

    fn sign(&self) -> PathBuf {
        PathBuf::from(format!("{}.go", self.0.display()))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
        // Most scripts wait for nothing.
        let _ = fs::remove_file(self.sign());
    }
}

/// The program `helo-simulator` with one device.
#[derive(Debug)]
pub(crate) struct Binary {
    process: Child,
    pub(crate) url: String,
}

impl Binary {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_helo-simulator"))
            .args(["--listen", "127.0.0.1:0", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["devices"][0]["url"].as_str().unwrap().to_owned();
        Self { process, url }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it as nothing can prevent.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It has ended when the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The programs called ffmpeg that this process started, dead and unburied ones included.
pub(crate) fn children() -> Vec<u32> {
    children_of(std::process::id())
}

pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| status(*id).is_some_and(|(name, _, of)| name == "ffmpeg" && of == parent))
        .collect()
}

/// Waits until this process has no such children, not even dead ones.
pub(crate) async fn none_left() {
    until(|| children().is_empty()).await;
}

/// Waits until a process is dead, whether or not somebody has noticed.
pub(crate) async fn gone(id: u32) {
    until(|| status(id).is_none_or(|(_, state, _)| state == "Z")).await;
}

/// What everybody may read of the programs that this process started.
pub(crate) fn shown() -> String {
    let read = |id: &u32| {
        let file = |name: &str| fs::read(format!("/proc/{id}/{name}")).unwrap();
        String::from_utf8_lossy(&[file("cmdline"), file("environ")].concat()).into_owned()
    };
    children().iter().map(read).collect()
}

/// How many files and threads this process has open.
pub(crate) fn held() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// How long ago a picture with that time was made.
pub(crate) fn millis_since(code_millis: u32) -> u32 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = u32::try_from(since % u128::from(FrameCode::WRAP)).unwrap();
    (now + FrameCode::WRAP - code_millis) % FrameCode::WRAP
}

/// Name, state and parent of a process.
fn status(id: u32) -> Option<(String, String, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(") ")?;
    let mut rest = rest.split(' ');
    let state = rest.next()?.to_owned();
    Some((name.to_owned(), state, rest.next()?.parse().ok()?))
}

async fn until(true_at_last: impl Fn() -> bool + Send + Sync) {
    let waiting = async {
        while !true_at_last() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}
