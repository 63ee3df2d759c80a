//! What the tests of the driver share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use encoder_core::EncoderDriver;
use encoder_core::model::{
    Bitrate, DeviceStreamState, EncoderId, EncoderStatus, FrameRate, PublishTarget, Resolution,
    Secret, StreamConfig,
};
use encoder_ffmpeg::testkit::Nginx;
use encoder_ffmpeg::{FfmpegConfig, FfmpegDriver};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Small pictures.
pub(crate) fn small() -> StreamConfig {
    StreamConfig {
        resolution: Resolution::new(320, 180),
        bitrate: Bitrate::from_kbps(300),
        fps: FrameRate::from_fps(15.0),
        keyframe_interval: Duration::from_secs(1),
        audio_bitrate: Bitrate::from_kbps(64),
    }
}

pub(crate) fn to(nginx: &Nginx, key: &str) -> PublishTarget {
    PublishTarget {
        url: nginx.url(),
        stream_key: Secret::from(key),
    }
}

/// Settings with short waits.
pub(crate) fn quick() -> FfmpegConfig {
    let mut config = FfmpegConfig::default();
    config.path = ffmpeg();
    config.preset = Some("ultrafast".to_owned());
    config.retry_min = Duration::from_millis(100);
    config.stall_timeout = Duration::from_secs(2);
    config
}

/// The installed ffmpeg.
pub(crate) fn ffmpeg() -> PathBuf {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&search).map(|folder| folder.join("ffmpeg"));
    let found = folders.find(|path| path.exists());
    found.expect("these tests need ffmpeg: install it")
}

pub(crate) fn driver(address: &str, config: FfmpegConfig) -> FfmpegDriver {
    let id = EncoderId::try_new("soft-1").expect("a valid id");
    FfmpegDriver::new(id, config, address, None).expect("a valid address")
}

/// Configures and starts.
pub(crate) async fn start(driver: &FfmpegDriver, target: &PublishTarget) {
    driver
        .configure(&small(), target)
        .await
        .expect("configured");
    driver.start().await.expect("started");
}

/// Looks until the status is as wanted.
pub(crate) async fn until(
    driver: &FfmpegDriver,
    what: &str,
    holds: impl Fn(&EncoderStatus) -> bool,
) -> EncoderStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        let status = driver.status().await.expect("a status");
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < end, "never {what}: {status:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn until_state(driver: &FfmpegDriver, state: DeviceStreamState) -> EncoderStatus {
    let what = format!("{state:?}");
    until(driver, &what, |status| status.stream_state == state).await
}

/// Makes a program of a shell script. A process of its own writes it: a file that any process
/// holds open for writing cannot be run.
pub(crate) fn script(folder: &Path, text: &str) -> PathBuf {
    use std::io::Write;
    let path = folder.join("ffmpeg");
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = writer.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    assert!(writer.wait().expect("it ends").success());
    path
}

/// An ffmpeg that says what it can do like the real one, and streams like this.
pub(crate) fn fake(folder: &Path, stream: &str) -> FfmpegConfig {
    let real = ffmpeg();
    let real = real.display();
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n*-progress*) ;;\n*) exec {real} \"$@\" ;;\nesac\n{stream}\n"
    );
    let mut config = quick();
    config.path = script(folder, &text);
    config
}

/// Children of this process that run ffmpeg for a stream, and the states they are in.
pub(crate) fn children() -> Vec<(u32, char)> {
    let me = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = pids.filter_map(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let (state, parent) = (fields.next()?.chars().next()?, fields.next()?);
        (parent == me && name != "nginx").then_some((pid, state))
    });
    children.collect()
}

/// Whether a test that counts what its process holds was run in a process of its own, which is
/// what this does. nextest gives every test one anyway.
pub(crate) fn done_alone(name: &str) -> bool {
    const ALONE: &str = "TEST_IS_ALONE";
    let is_alone = ["NEXTEST", ALONE]
        .iter()
        .any(|key| std::env::var_os(key).is_some());
    if is_alone {
        return false;
    }
    let me = std::env::current_exe().expect("this program");
    let mut command = std::process::Command::new(me);
    command
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1");
    let status = command.status().expect("this program runs");
    assert!(status.success(), "{name} failed in a process of its own");
    true
}

/// Kills a process of our own, by its id.
pub(crate) fn kill(pid: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}
