//! Real pictures and sound of a simulated HELO, at a real RTMP ingest. Needs ffmpeg, and nginx with
//! its RTMP module.

#![allow(clippy::unwrap_used, reason = "a failing test says enough")]

mod simulator_support;

use std::time::{Duration, Instant};

use encoder_aja::simulator::{
    AlarmMessage, Fault, FaultKind, MediaConfig, Simulator, SimulatorConfig, Timing,
};
use encoder_ffmpeg::code::FrameCode;
use simulator_support::nginx::{Nginx, Notices, free_port};
use simulator_support::processes::{self, Script};
use simulator_support::viewer::Viewer;
use simulator_support::{PATIENCE, Web, reach, ready};
use tokio::net::TcpListener;

const STATE: &str = "ReplicatorStreamState";

fn small() -> MediaConfig {
    MediaConfig::default()
        .with_max_resolution(320, 180)
        .with_max_fps(15.0)
}

fn device(url: &str, key: &str) -> SimulatorConfig {
    SimulatorConfig::fast()
        .with_live_media(small())
        .with_value("StreamType", "0")
        .with_value("RTMPServerURL", url)
        .with_value("RTMPStreamName", key)
        // Twice a second at 15 pictures a second, so that viewers begin soon.
        .with_value("StreamingGOPSize", "30")
}

fn begin(helo: &Simulator) {
    helo.device().command("ReplicatorCommand", "3").unwrap();
}

fn end(helo: &Simulator) {
    helo.device().command("ReplicatorCommand", "4").unwrap();
}

async fn live(config: SimulatorConfig) -> Simulator {
    let helo = ready(config).await;
    begin(&helo);
    reach(&helo, STATE, "2").await;
    helo
}

fn state(helo: &Simulator) -> String {
    helo.device().get(STATE).unwrap()
}

fn raised(helo: &Simulator, alarm: &str) -> bool {
    let value = helo.device().get(alarm).unwrap();
    AlarmMessage::from_base64(&value).unwrap().is_active()
}

/// Waits for an alarm to be raised or cleared.
async fn alarm(helo: &Simulator, alarm: &str, wanted: bool) {
    let mut value = AlarmMessage::from_base64(&helo.device().get(alarm).unwrap()).unwrap();
    value.active = Some(u32::from(wanted));
    reach(helo, alarm, &value.to_base64()).await;
}

fn fake(script: &str) -> (Script, MediaConfig) {
    let script = Script::new(script);
    let media = small().with_ffmpeg(script.path());
    (script, media)
}

#[tokio::test]
async fn stream_arrives_with_the_size_of_the_limit_and_the_name_of_the_device() {
    let nginx = Nginx::start().await;
    let helo = ready(device(&nginx.url(), "council").with_serial("7")).await;
    let started = Instant::now();
    begin(&helo);
    reach(&helo, STATE, "2").await;
    println!("on the air after {:?}", started.elapsed());
    let stream = nginx.stream().await;
    assert_eq!(stream.key, "council");
    assert_eq!(stream.size, Some((320, 180)));
    assert_eq!(stream.agent, "HELO (7)");
    nginx.more_bytes().await;
    assert!(!raised(&helo, "Dropped_Frames_Alarm"));
    end(&helo);
    reach(&helo, STATE, "1").await;
    nginx.empty().await;
    helo.shutdown().await;
}

#[tokio::test]
async fn refused_connection_fails_the_start() {
    let url = format!("rtmp://127.0.0.1:{}/live", free_port());
    let helo = ready(device(&url, "key")).await;
    begin(&helo);
    reach(&helo, STATE, "3").await;
    assert!(raised(&helo, "StreamingFailedAlarm"));
    assert!(!raised(&helo, "NetworkNameNotFoundAlarm"));
}

#[tokio::test]
async fn unknown_name_is_told_until_the_next_start() {
    // No name at all, so that nobody has to be asked.
    let helo = ready(device("rtmp://no..name/live", "key")).await;
    begin(&helo);
    reach(&helo, STATE, "3").await;
    assert!(raised(&helo, "StreamingFailedAlarm"));
    assert!(raised(&helo, "NetworkNameNotFoundAlarm"));
    end(&helo);
    assert!(!raised(&helo, "NetworkNameNotFoundAlarm"));
}

#[tokio::test]
async fn silent_ingest_fails_the_start_when_patience_ends() {
    // The system takes connections for it, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmp://{}/live", silent.local_addr().unwrap());
    let media = small().with_start_patience(Duration::from_millis(600));
    let helo = ready(device(&url, "key").with_live_media(media)).await;
    begin(&helo);
    reach(&helo, STATE, "3").await;
    processes::none_left().await;
}

#[tokio::test]
async fn second_publisher_is_refused_and_leaves_the_first_alone() {
    let nginx = Nginx::start().await;
    let first = live(device(&nginx.url(), "key").with_serial("1")).await;
    nginx.stream().await;
    let second = ready(device(&nginx.url(), "key").with_serial("2")).await;
    begin(&second);
    reach(&second, STATE, "3").await;
    assert!(raised(&second, "StreamingFailedAlarm"));
    nginx.more_bytes().await;
    assert_eq!(state(&first), "2");
    assert_eq!(nginx.stream().await.agent, "HELO (1)");
}

#[tokio::test]
async fn publisher_that_the_ingest_drops_fails_and_recovers() {
    let nginx = Nginx::start().await;
    let helo = live(device(&nginx.url(), "key")).await;
    nginx.stream().await;
    let (failed, ()) = tokio::join!(helo.device().wait_for(STATE, "4", PATIENCE), async {
        nginx.drop_publisher("key").await;
    });
    assert!(failed);
    reach(&helo, STATE, "2").await;
    assert!(!raised(&helo, "StreamingFailedAlarm"));
    nginx.more_bytes().await;
}

#[tokio::test]
async fn cut_connection_fails_once_and_recovers() {
    let nginx = Nginx::start().await;
    let helo = live(device(&nginx.url(), "key")).await;
    let (failed, ()) = tokio::join!(helo.device().wait_for(STATE, "4", PATIENCE), async {
        helo.inject(FaultKind::CutConnection);
    });
    assert!(failed);
    reach(&helo, STATE, "2").await;
    assert!(helo.device().faults().is_empty());
    nginx.stream().await;
}

#[tokio::test]
async fn key_of_any_characters_arrives_and_shows_nowhere() {
    let mut notices = Notices::listen().await;
    let nginx = Nginx::with_rules(&notices.rule()).await;
    let key = r#"a$b`c&d;'"(e)|f>%20#\g?y=1"#;
    let helo = live(device(&nginx.url(), key)).await;
    let notice = notices.next().await;
    assert_eq!(notice.name, r#"a$b`c&d;'"(e)|f>%20#\g"#);
    assert_eq!(notice.arguments, "y=1");
    let ffmpeg = processes::children();
    assert_eq!(ffmpeg.len(), 1);
    let shown = processes::shown();
    assert!(shown.contains("rtmp_flashver"), "{shown}");
    assert!(!shown.contains("a$b`c"));
    drop(helo);
}

#[tokio::test]
async fn stalled_stream_keeps_its_connection_and_carries_no_bytes() {
    let nginx = Nginx::start().await;
    let helo = live(device(&nginx.url(), "key")).await;
    nginx.stream().await;
    helo.inject(FaultKind::Stall);
    nginx.no_more_bytes().await;
    assert_eq!(state(&helo), "2");
    assert!(!raised(&helo, "Network_Too_Slow_Alarm"));
    helo.clear_faults();
    nginx.more_bytes().await;
    helo.inject(Fault::new(FaultKind::Stall).lasting(Duration::from_millis(300)));
    nginx.more_bytes().await;
    assert_eq!(state(&helo), "2");
    // A stalled stream ends as properly as another.
    helo.inject(FaultKind::Stall);
    end(&helo);
    nginx.empty().await;
}

#[tokio::test]
async fn pictures_freeze_turn_black_and_get_lost_on_demand() {
    let nginx = Nginx::start().await;
    let config = device(&nginx.url(), "key");
    let media = small().with_source(7);
    let helo = live(config.with_live_media(media)).await;
    nginx.stream().await;
    let mut viewer = Viewer::of(&nginx.url(), "key").await;

    let first = viewer.until(|codes| codes.last().copied().flatten()).await;
    assert_eq!(first.source, 7);
    println!("seen after {} ms", processes::millis_since(first.millis));

    helo.inject(FaultKind::Freeze);
    let same = |codes: &[Option<FrameCode>]| {
        let last = codes.last_chunk::<4>()?;
        let first = last[0]?;
        last.iter()
            .all(|code| *code == Some(first))
            .then_some(first)
    };
    let frozen = viewer.until(same).await;
    assert!(frozen.frame >= first.frame);
    helo.clear_faults();
    let moving = |codes: &[Option<FrameCode>]| {
        let last = codes.last().copied().flatten()?;
        (last.frame > frozen.frame).then_some(last)
    };
    viewer.until(moving).await;

    helo.inject(FaultKind::Black);
    let dark = |codes: &[Option<FrameCode>]| {
        let last = codes.last_chunk::<4>()?;
        last.iter().all(Option::is_none).then_some(())
    };
    viewer.until(dark).await;
    helo.clear_faults();
    viewer.until(|codes| codes.last().copied().flatten()).await;

    helo.inject(FaultKind::DropPictures { one_in: 3 });
    let thinned = |codes: &[Option<FrameCode>]| {
        let last = codes.last_chunk::<13>()?;
        let pairs = last.windows(2).filter(|pair| pair[0] == pair[1]);
        (pairs.count() == 4).then_some(())
    };
    viewer.until(thinned).await;
    assert_eq!(state(&helo), "2");
}

#[tokio::test]
async fn restarting_unit_leaves_its_connection_open_until_it_is_back() {
    let nginx = Nginx::start().await;
    let mut timing = Timing::fast();
    timing.reboot_silence = Duration::from_millis(2500);
    let helo = live(device(&nginx.url(), "key").with_timing(timing)).await;
    nginx.stream().await;
    helo.inject(FaultKind::SelfReboot);
    reach(&helo, "Encoder2StreamURI", "").await;
    nginx.no_more_bytes().await;
    reach(&helo, STATE, "1").await;
    nginx.empty().await;
    processes::none_left().await;
}

#[tokio::test]
async fn unit_without_network_leaves_its_connection_open_and_returns() {
    let nginx = Nginx::start().await;
    let helo = live(device(&nginx.url(), "key")).await;
    nginx.stream().await;
    helo.inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    assert_eq!(state(&helo), "4");
    nginx.no_more_bytes().await;
    helo.clear_faults();
    reach(&helo, STATE, "2").await;
    nginx.more_bytes().await;
    assert_eq!(processes::children().len(), 1);
}

#[tokio::test]
async fn network_is_too_slow_while_it_takes_no_pictures() {
    // It tells of bytes that went out and takes no picture until a file comes.
    let (script, media) = fake(
        "echo total_size=1; echo progress=continue
        while [ ! -e \"$0.go\" ]; do sleep 0.05; done
        exec cat >/dev/null",
    );
    let config = device("rtmp://127.0.0.1:9/live", "key").with_live_media(media);
    let helo = live(config).await;
    alarm(&helo, "Network_Too_Slow_Alarm", true).await;
    assert!(raised(&helo, "Dropped_Frames_Alarm"));
    assert_eq!(state(&helo), "2");
    script.go();
    alarm(&helo, "Network_Too_Slow_Alarm", false).await;
    assert!(!raised(&helo, "Dropped_Frames_Alarm"));
}

#[tokio::test]
async fn program_that_talks_nonsense_is_given_up() {
    let (_script, media) = fake(
        r"while :; do echo total_size=lots; echo progress=; printf '\377\0=\n\n' >&2; sleep 0.01; done",
    );
    let media = media.with_start_patience(Duration::from_millis(400));
    let config = device("rtmp://127.0.0.1:9/live", "key").with_live_media(media);
    let helo = ready(config).await;
    begin(&helo);
    reach(&helo, STATE, "3").await;
    helo.shutdown().await;
}

#[tokio::test]
async fn missing_ffmpeg_is_told_at_the_start() {
    let media = small().with_ffmpeg("/nowhere/ffmpeg");
    let config = SimulatorConfig::fast().with_live_media(media);
    let error = Simulator::start(config).await.unwrap_err();
    let expected = "ffmpeg not found at /nowhere/ffmpeg; install it";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[tokio::test]
async fn killed_simulator_takes_its_ffmpeg_along() {
    let nginx = Nginx::start().await;
    let mut simulator = processes::Binary::start(&[
        "--media",
        "--media-size",
        "320x180",
        "--media-fps",
        "15",
        "--fast",
    ]);
    let web = Web::at_url(&simulator.url);
    web.set("StreamType", "0").await;
    web.set("RTMPServerURL", &nginx.url()).await;
    web.set("RTMPStreamName", "key").await;
    web.set("ReplicatorCommand", "3").await;
    nginx.stream().await;
    let ffmpeg = processes::children_of(simulator.id());
    assert_eq!(ffmpeg.len(), 1);
    simulator.kill();
    processes::gone(ffmpeg[0]).await;
    nginx.empty().await;
}

#[tokio::test]
async fn twenty_streams_leave_nothing_behind() {
    let nginx = Nginx::start().await;
    let helo = ready(device(&nginx.url(), "key")).await;
    let mut before = None;
    for _ in 0..=20 {
        begin(&helo);
        reach(&helo, STATE, "2").await;
        end(&helo);
        reach(&helo, STATE, "1").await;
        processes::none_left().await;
        // The first one starts what stays for all.
        before = before.or_else(|| Some(processes::held()));
    }
    assert_eq!(Some(processes::held()), before);
    helo.shutdown().await;
}
