//! One picture of a stream, by ffmpeg.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use encoder_core::model::{MASK, PublishTarget};
use encoder_ffmpeg::{process, script};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Largest picture that is taken; at 640 pixels across they have a hundredth of this.
const MAX_PICTURE: u64 = 4 << 20;
/// As much of the program's own words as is read.
const MAX_WORDS: u64 = 4096;
/// How every JPEG begins.
const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPicture {
    /// The stream is not on air.
    NotLive,
    /// It is not known where the stream can be played.
    NotPlayable,
    /// The program that takes pictures cannot be started.
    NoProgram,
    /// The ingest gave no picture.
    NothingPlayed,
    /// It took too long.
    TooLate,
}

/// Takes one picture, a JPEG at most 640 pixels across, of what is played at `source`.
///
/// The address goes to the program by its input, as a list of one entry: the key would be seen by
/// every user of the machine in the program's arguments.
///
/// # Cancellation
/// Ends the program, as does running out of `patience`.
pub(super) async fn capture(
    program: &Path,
    source: &PublishTarget,
    patience: Duration,
) -> Result<Bytes, NoPicture> {
    let mut child = process::spawn(command(program)).await.map_err(|error| {
        tracing::warn!(program = %program.display(), %error, "ingest.ffmpeg cannot be started");
        NoPicture::NoProgram
    })?;
    let talk = tokio::time::timeout(patience, talk(&mut child, source)).await;
    let Ok(talk) = talk else {
        // Waits for its end, too.
        if let Err(error) = child.kill().await {
            tracing::warn!(%error, "a program that takes a picture does not end");
        }
        return Err(NoPicture::TooLate);
    };
    let (picture, words) = talk.map_err(|error| {
        tracing::warn!(%error, "a program that takes a picture cannot be talked to");
        NoPicture::NothingPlayed
    })?;
    if picture.starts_with(&START_OF_IMAGE) {
        return Ok(Bytes::from(picture));
    }
    let words = words.replace(source.stream_key.expose().as_str(), MASK);
    let reason = words.lines().last().unwrap_or_default();
    tracing::debug!(reason, "no picture");
    Err(NoPicture::NothingPlayed)
}

/// Waiting for the next key frame is most of the time this takes.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "error"])
        .args(["-fpsprobesize", "0"])
        .args(script::INPUT)
        .args(["-an", "-sn", "-dn", "-frames:v", "1"])
        .args(["-vf", "scale=w='min(640,iw)':h=-2"])
        .args(["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "5", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The picture and the program's words, once it has ended.
async fn talk(child: &mut Child, source: &PublishTarget) -> io::Result<(Vec<u8>, String)> {
    let missing = || io::Error::other("a pipe is missing");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    match stdin.write_all(script::play(source).as_bytes()).await {
        // It ended early, and its words say why.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => drop(stdin),
    }
    let (mut picture, mut words) = (Vec::new(), Vec::new());
    let mut stdout = stdout.take(MAX_PICTURE);
    let mut stderr = stderr.take(MAX_WORDS);
    tokio::try_join!(
        stdout.read_to_end(&mut picture),
        stderr.read_to_end(&mut words)
    )?;
    // More than that is read by nobody, and must not keep the program waiting.
    drop((stdout, stderr));
    child.wait().await?;
    Ok((picture, String::from_utf8_lossy(&words).into_owned()))
}

#[cfg(test)]
mod tests {
    use encoder_core::model::Secret;

    use super::*;

    fn source(key: &str) -> PublishTarget {
        PublishTarget {
            url: "rtmp://127.0.0.1/live/".to_owned(),
            stream_key: Secret::from(key),
        }
    }

    #[test]
    fn no_argument_tells_the_source() {
        let command = command(Path::new("ffmpeg"));
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert!(!format!("{arguments:?}").contains("127.0.0.1"));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_or_no_program_takes_no_picture() {
        for program in [
            "/nowhere/ffmpeg",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ] {
            let taken = capture(Path::new(program), &source("k"), Duration::from_secs(5)).await;
            assert_eq!(taken, Err(NoPicture::NoProgram), "{program}");
        }
    }

    #[tokio::test]
    async fn what_is_no_jpeg_is_no_picture() {
        // It ends at once, says nothing, and does not read.
        let taken = capture(Path::new("true"), &source("k"), Duration::from_secs(5)).await;
        assert_eq!(taken, Err(NoPicture::NothingPlayed));
    }

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (program, id) = (folder.path().join("slow"), folder.path().join("id"));
        let script = format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 600\n", id.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let taken = capture(&program, &source("k"), Duration::from_secs(1)).await;
        assert_eq!(taken, Err(NoPicture::TooLate));
        let id = std::fs::read_to_string(id).unwrap();
        assert!(!Path::new("/proc").join(id.trim()).exists());
    }
}
