//! What an encoder does when things go wrong, in front of a real ingest.

mod support;

use std::time::Duration;

use encoder_core::model::{DeviceStreamState, EncoderId, PublishTarget, Secret, alarm_code};
use encoder_core::{EncoderDriver, ErrorKind};
use encoder_ffmpeg::FfmpegDriver;
use encoder_ffmpeg::testkit::Nginx;
use support::{
    children, done_alone, driver, fake, kill, quick, small, start, to, until, until_state,
};

use DeviceStreamState::{Failing, FailingIdle, Idle, Starting, Streaming};

/// Characters that mean something to shells, URLs, filters and files of settings.
const NASTY: &str = "k$(id)`x`&a=1;'\"%41#+*|<b>\\~{}^,=";

fn only_child() -> u32 {
    let children = children();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0].0
}

/// A directory entry of a process as text, also of one that is ending.
fn told(pid: u32, file: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn until_gone() {
    for _ in 0..400 {
        if children().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("left behind: {:?}", children());
}

#[tokio::test]
async fn readings_are_measured() {
    let nginx = Nginx::start().await;
    let encoder = driver("testsrc:", quick());
    let idle = encoder.status().await.expect("a status");
    assert_eq!((idle.output.bitrate, idle.output.duration), (None, None));
    start(&encoder, &to(&nginx, "measured")).await;
    let live = until(&encoder, "measured", |s| s.output.bitrate.is_some()).await;
    // A new picture every 67 ms; the first second of a start may be faster or slower.
    let measured = |s: &encoder_core::model::EncoderStatus| {
        s.output.fps.is_some_and(|fps| (12.0..=18.0).contains(&fps))
    };
    until(&encoder, "at about 15 pictures per second", measured).await;
    assert!(live.output.dropped_frames.is_some() && live.output.duration.is_some());
    assert!(live.system.memory_percent.is_some() && live.system.uptime.is_some());
    until(&encoder, "with processor load", |s| {
        s.system.cpu_percent.is_some()
    })
    .await;
    assert_eq!(live.identity.product.as_deref(), Some("FFmpeg"));
    let serial = live.identity.serial.expect("a serial number");
    let published = nginx.published().await;
    assert_eq!(published[0].agent, format!("FFmpeg ({serial})"));
    encoder.stop().await.expect("stopped");
    let idle = encoder.status().await.expect("a status");
    assert_eq!((idle.stream_state, idle.output.bitrate), (Idle, None));
    assert!(
        nginx.published().await.is_empty(),
        "the ingest was told goodbye"
    );
}

#[tokio::test]
async fn key_arrives_unchanged_and_is_seen_nowhere() {
    let nginx = Nginx::start().await;
    let encoder = driver("testsrc:", quick());
    start(&encoder, &to(&nginx, NASTY)).await;
    until_state(&encoder, Streaming).await;
    let published = nginx.published().await;
    assert_eq!(published[0].key, NASTY);
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        for file in ["cmdline", "environ"] {
            assert!(!told(pid, file).contains(NASTY), "/proc/{pid}/{file}");
        }
    }
    assert!(!format!("{encoder:?}").contains(NASTY));
}

#[tokio::test]
async fn killed_ffmpeg_fails_the_stream_which_recovers_by_itself() {
    if done_alone("killed_ffmpeg_fails_the_stream_which_recovers_by_itself") {
        return;
    }
    let nginx = Nginx::start().await;
    let encoder = driver("testsrc:", quick());
    start(&encoder, &to(&nginx, "killed")).await;
    until_state(&encoder, Streaming).await;
    let pid = only_child();
    kill(pid);
    let failing = until_state(&encoder, Failing).await;
    let alarm = failing
        .alarm(alarm_code::STREAMING_FAILED)
        .expect("an alarm");
    assert_eq!(alarm.message, "ffmpeg ended: killed by signal 9");
    let back = until_state(&encoder, Streaming).await;
    assert_eq!(back.alarms, []);
    assert_ne!(only_child(), pid);
}

#[tokio::test]
async fn without_recovery_a_killed_ffmpeg_stays_away() {
    if done_alone("without_recovery_a_killed_ffmpeg_stays_away") {
        return;
    }
    let nginx = Nginx::start().await;
    let mut config = quick();
    config.auto_recover = false;
    let encoder = driver("testsrc:", config);
    start(&encoder, &to(&nginx, "once")).await;
    until_state(&encoder, Streaming).await;
    kill(only_child());
    until_state(&encoder, FailingIdle).await;
    assert_eq!(children(), [], "no zombie either");
    encoder.start().await.expect("started again");
    until_state(&encoder, Streaming).await;
}

#[tokio::test]
async fn publisher_that_the_ingest_drops_comes_back() {
    let nginx = Nginx::start().await;
    let mut config = quick();
    config.retry_min = Duration::from_secs(1);
    let encoder = driver("testsrc:", config);
    start(&encoder, &to(&nginx, "dropped")).await;
    until_state(&encoder, Streaming).await;
    nginx.drop_publisher("dropped").await;
    let failing = until_state(&encoder, Failing).await;
    let alarm = failing
        .alarm(alarm_code::STREAMING_FAILED)
        .expect("an alarm");
    assert!(alarm.message.contains("closed the connection"), "{alarm:?}");
    until_state(&encoder, Streaming).await;
}

#[tokio::test]
async fn second_publisher_of_a_key_is_refused() {
    let nginx = Nginx::start().await;
    let first = driver("testsrc:", quick());
    let second = driver("testsrc:", quick());
    start(&first, &to(&nginx, "taken")).await;
    until_state(&first, Streaming).await;
    start(&second, &to(&nginx, "taken")).await;
    let refused = until_state(&second, FailingIdle).await;
    let alarm = refused
        .alarm(alarm_code::STREAMING_FAILED)
        .expect("an alarm");
    assert!(alarm.message.contains("refused the stream"), "{alarm:?}");
    assert_eq!(
        first.status().await.expect("a status").stream_state,
        Streaming
    );
}

#[tokio::test]
async fn refused_port_is_told_with_what_to_do() {
    if done_alone("refused_port_is_told_with_what_to_do") {
        return;
    }
    let mut nginx = Nginx::start().await;
    let target = to(&nginx, "nobody");
    nginx.stop().await;
    let encoder = driver("testsrc:", quick());
    start(&encoder, &target).await;
    let failed = until_state(&encoder, FailingIdle).await;
    let alarm = failed
        .alarm(alarm_code::STREAMING_FAILED)
        .expect("an alarm");
    let expected = format!(
        "nobody listens at {}; check the ingest and its port",
        target.url
    );
    assert_eq!(alarm.message, expected);
    assert_eq!(children(), []);
}

#[tokio::test]
async fn missing_input_is_an_alarm_of_the_input() {
    let nginx = Nginx::start().await;
    for address in ["file:///nowhere/loop.mp4", "v4l2:///dev/video99"] {
        let encoder = driver(address, quick());
        start(&encoder, &to(&nginx, "nothing")).await;
        let failed = until_state(&encoder, FailingIdle).await;
        let alarm = failed.alarm(alarm_code::NO_VIDEO_INPUT).expect("an alarm");
        let path = address.split_once("://").expect("a path").1;
        assert!(alarm.message.starts_with(path), "{alarm:?}");
        assert!(failed.input.is_some_and(|input| !input.present));
    }
}

#[tokio::test]
async fn halted_ffmpeg_fails_the_stream_and_is_replaced() {
    if done_alone("halted_ffmpeg_fails_the_stream_and_is_replaced") {
        return;
    }
    let nginx = Nginx::start().await;
    let mut config = quick();
    config.stall_timeout = Duration::from_secs(1);
    let encoder = driver("testsrc:", config);
    start(&encoder, &to(&nginx, "halted")).await;
    until_state(&encoder, Streaming).await;
    let pid = only_child();
    let stopped = std::process::Command::new("kill")
        .args(["-STOP", &pid.to_string()])
        .status();
    assert!(stopped.expect("kill runs").success());
    let failing = until_state(&encoder, Failing).await;
    let alarm = failing
        .alarm(alarm_code::NETWORK_TOO_SLOW)
        .expect("an alarm");
    assert!(
        alarm.message.starts_with("nothing left for 1 s"),
        "{alarm:?}"
    );
    until_state(&encoder, Streaming).await;
    assert_ne!(only_child(), pid);
}

#[tokio::test]
async fn odd_programs_in_place_of_ffmpeg_are_failures_with_a_reason() {
    if done_alone("odd_programs_in_place_of_ffmpeg_are_failures_with_a_reason") {
        return;
    }
    let nginx = Nginx::start().await;
    let garbage = "head -c 200000 /dev/urandom; head -c 200000 /dev/urandom >&2; exit 3";
    let exit = "exit 7";
    let hang = "exec sleep 600";
    for stream in [garbage, exit, hang] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = fake(folder.path(), stream);
        config.start_timeout = Duration::from_millis(500);
        let encoder = driver("testsrc:", config);
        start(&encoder, &to(&nginx, "odd")).await;
        let failed = until_state(&encoder, FailingIdle).await;
        let alarm = failed
            .alarm(alarm_code::STREAMING_FAILED)
            .expect("an alarm");
        assert!(!alarm.message.contains(char::is_control), "{alarm:?}");
        assert!(alarm.message.chars().count() <= 300);
        assert_eq!(children(), [], "{stream}");
    }
}

#[tokio::test]
async fn stop_ends_a_program_that_does_not_listen() {
    if done_alone("stop_ends_a_program_that_does_not_listen") {
        return;
    }
    let nginx = Nginx::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let deaf =
        "trap '' TERM; while true; do echo total_size=1; echo progress=continue; sleep 0.1; done";
    let mut config = fake(folder.path(), deaf);
    config.stop_patience = Duration::from_millis(300);
    let encoder = driver("testsrc:", config);
    start(&encoder, &to(&nginx, "deaf")).await;
    until_state(&encoder, Streaming).await;
    encoder.stop().await.expect("stopped");
    assert_eq!(encoder.status().await.expect("a status").stream_state, Idle);
    until_gone().await;
}

#[tokio::test]
async fn dropped_driver_ends_its_stream() {
    if done_alone("dropped_driver_ends_its_stream") {
        return;
    }
    let nginx = Nginx::start().await;
    let encoder = driver("testsrc:", quick());
    let events = encoder.events();
    start(&encoder, &to(&nginx, "orphan")).await;
    until_state(&encoder, Streaming).await;
    drop(encoder);
    until_gone().await;
    assert!(nginx.published().await.is_empty());
    drop(events);
}

#[tokio::test]
async fn program_that_is_no_ffmpeg_is_told_apart_from_a_missing_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = quick();
    config.path = support::script(folder.path(), "#!/bin/sh\necho hello\n");
    let other = driver("testsrc:", config.clone()).status().await;
    assert_eq!(
        other.expect_err("no ffmpeg").kind(),
        ErrorKind::DeviceProtocol
    );
    config.path = folder.path().to_owned();
    let folder = driver("testsrc:", config.clone()).status().await;
    assert_eq!(
        folder.expect_err("a folder").kind(),
        ErrorKind::DeviceUnreachable
    );
    config.path = support::ffmpeg();
    config.video_encoder = "h266_dream".to_owned();
    let error = driver("testsrc:", config)
        .status()
        .await
        .expect_err("no such encoder");
    assert!(
        error.message().contains("no encoder h266_dream; install"),
        "{error}"
    );
}

#[tokio::test]
async fn settings_beyond_the_limits_or_while_on_air_are_refused() {
    let nginx = Nginx::start().await;
    let encoder = driver("testsrc:", quick());
    let target = to(&nginx, "settings");
    let not_yet = encoder.start().await.expect_err("nothing to start with");
    assert_eq!(not_yet.kind(), ErrorKind::DeviceRejected);
    let mut large = small();
    large.resolution.width = 7680;
    let error = encoder
        .configure(&large, &target)
        .await
        .expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("largest is 3840x2160"), "{error}");
    let elsewhere = PublishTarget {
        url: "http://127.0.0.1/live".to_owned(),
        ..target.clone()
    };
    let error = encoder
        .configure(&small(), &elsewhere)
        .await
        .expect_err("no HTTP");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    start(&encoder, &target).await;
    encoder
        .configure(&small(), &target)
        .await
        .expect("the same again");
    let mut other = small();
    other.fps = encoder_core::model::FrameRate::from_fps(25.0);
    let error = encoder
        .configure(&other, &target)
        .await
        .expect_err("on air");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    until(&encoder, "on air", |s| s.stream_state != Starting).await;
}

#[tokio::test]
async fn fetched_stream_is_encoded_and_its_key_is_seen_nowhere() {
    let nginx = Nginx::start().await;
    let source = driver("testsrc:", quick());
    start(&source, &to(&nginx, "geheim4711")).await;
    until_state(&source, Streaming).await;
    let id = EncoderId::try_new("soft-2").expect("a valid id");
    let password = Some(Secret::from("geheim4711"));
    let encoder = FfmpegDriver::new(id, quick(), nginx.url(), password).expect("a valid address");
    start(&encoder, &to(&nginx, "again")).await;
    let live = until_state(&encoder, Streaming).await;
    assert!(live.input.is_some_and(|input| input.present));
    for (pid, _) in children() {
        assert!(!told(pid, "cmdline").contains("geheim4711"));
    }
    // The other end of the chain goes away, and with it the picture.
    source.stop().await.expect("stopped");
    let what = "without a picture";
    let failing = until(&encoder, what, |s| s.stream_state == Failing).await;
    assert!(
        !format!("{:?}", failing.alarms).contains("geheim"),
        "{:?}",
        failing.alarms
    );
    start(&source, &to(&nginx, "geheim4711")).await;
    until_state(&encoder, Streaming).await;
}

#[tokio::test]
async fn file_is_played_over_and_over() {
    let nginx = Nginx::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a loop.mp4");
    let made = std::process::Command::new(support::ffmpeg())
        .args(["-loglevel", "error", "-nostdin", "-f", "lavfi", "-i"])
        .args(["testsrc2=size=160x90:rate=10:duration=1", "-c:v", "libx264"])
        .arg(&file)
        .status();
    assert!(made.expect("ffmpeg runs").success());
    let address = format!("file://{}", file.display()).replace(' ', "%20");
    let encoder = driver(&address, quick());
    start(&encoder, &to(&nginx, "loop")).await;
    let longer = |s: &encoder_core::model::EncoderStatus| {
        s.output
            .duration
            .is_some_and(|on_air| on_air > Duration::from_secs(3))
    };
    let live = until(&encoder, "longer than the file", longer).await;
    assert_eq!((live.stream_state, live.alarms), (Streaming, vec![]));
}
