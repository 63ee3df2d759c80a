//! Programs that end with their parent, and leave nothing behind.

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use encoder_ffmpeg::process;
use encoder_ffmpeg::run::{self, Run, Update};
use support::{PATIENCE, children, done_alone, ffmpeg, kill};
use tokio::process::{Child, Command};

/// Says that this process is the parent, and where to write the child's id.
const PARENT: &str = "PARENT_OF_A_CHILD";

/// The state of a process, `None` when there is none.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim().chars().next()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn sleeper() -> Child {
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::null());
    process::spawn(command).await.expect("sleep runs")
}

fn pid(child: &Child) -> u32 {
    child.id().expect("it runs")
}

/// A run that puts out test pictures as fast as `-re` lets it.
fn pictures(ffmpeg: &Path) -> Command {
    let mut command = run::command(ffmpeg, Duration::from_millis(100));
    let source = "testsrc2=size=64x36:rate=10";
    command.args(["-re", "-f", "lavfi", "-i", source, "-f", "null", "-"]);
    command
}

#[tokio::test]
async fn child_dies_when_its_parent_is_killed() {
    if let Some(file) = std::env::var_os(PARENT) {
        let child = sleeper().await;
        std::fs::write(file, pid(&child).to_string()).expect("written");
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let mut parent = Command::new(std::env::current_exe().expect("this program"));
    parent.args([
        "--exact",
        "child_dies_when_its_parent_is_killed",
        "--nocapture",
    ]);
    parent
        .env(PARENT, &file)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut parent = process::spawn(parent).await.expect("this program runs");
    let child = || std::fs::read_to_string(&file).ok()?.parse::<u32>().ok();
    until("started", || child().is_some()).await;
    let child = child().expect("its id");
    assert!(state(child).is_some());
    kill(pid(&parent));
    // Who adopts the orphan may take its time to collect it, so a zombie is dead as well.
    until("gone", || matches!(state(child), None | Some('Z'))).await;
    parent.wait().await.expect("it ends");
}

#[tokio::test]
async fn dropped_child_is_killed() {
    let child = sleeper().await;
    let pid = pid(&child);
    drop(child);
    until("gone", || state(pid).is_none()).await;
}

#[tokio::test]
async fn child_whose_start_nobody_waits_for_is_killed() {
    if done_alone("child_whose_start_nobody_waits_for_is_killed") {
        return;
    }
    for _ in 0..20 {
        let mut command = Command::new("sleep");
        command.arg("600");
        let start = process::spawn(command);
        drop(tokio::time::timeout(Duration::from_micros(50), start).await);
    }
    until("gone", || children().is_empty()).await;
}

#[tokio::test]
async fn child_is_halted_and_goes_on() {
    let child = sleeper().await;
    process::pause(&child).expect("it runs");
    until("halted", || state(pid(&child)) == Some('T')).await;
    process::resume(&child).expect("it runs");
    until("going on", || state(pid(&child)) == Some('S')).await;
}

#[tokio::test]
async fn ended_child_is_no_zombie_and_cannot_be_signalled() {
    let mut child = sleeper().await;
    let pid = pid(&child);
    process::terminate(&child).expect("it runs");
    child.wait().await.expect("it ends");
    assert_eq!(state(pid), None);
    for signal in [process::pause, process::resume, process::terminate] {
        let error = signal(&child).expect_err("nobody is there");
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn missing_program_is_not_found() {
    let start = Run::start(run::command(Path::new("/nowhere/ffmpeg"), PATIENCE), vec![]);
    let error = start.await.expect_err("there is none");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn twenty_runs_leave_nothing_behind() {
    if done_alone("twenty_runs_leave_nothing_behind") {
        return;
    }
    let ffmpeg = ffmpeg();
    // The first one starts the thread that starts all.
    cycle(&ffmpeg).await;
    let before = belongings();
    for _ in 0..20 {
        cycle(&ffmpeg).await;
    }
    assert_eq!(belongings(), before, "file descriptors and threads");
    assert_eq!(children(), []);
}

async fn cycle(ffmpeg: &Path) {
    let mut run = Run::start(pictures(ffmpeg), vec![])
        .await
        .expect("ffmpeg runs");
    let update = run.next().await;
    assert!(matches!(update, Update::Progress(_)), "{update:?}");
    run.stop(PATIENCE).await;
}

/// Open files and threads of this process.
fn belongings() -> (usize, usize) {
    let count = |path| std::fs::read_dir(path).expect("/proc").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[tokio::test]
async fn run_that_does_not_listen_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let deaf = support::script(
        folder.path(),
        "#!/bin/sh\ntrap '' TERM\nwhile true; do sleep 0.1; done\n",
    );
    let mut run = Run::start(run::command(&deaf, PATIENCE), vec![])
        .await
        .expect("it runs");
    let pid = run.id().expect("it runs");
    let begun = Instant::now();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), run.next())
            .await
            .is_err()
    );
    run.stop(Duration::from_millis(200)).await;
    assert_eq!(state(pid), None);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}
