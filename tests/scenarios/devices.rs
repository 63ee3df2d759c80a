//! Devices that misbehave: what it does to their stream, which mostly is nothing.

use std::time::{Duration, Instant};

use encoder_aja::AjaConfig;
use encoder_aja::simulator::{Fault, FaultKind, IngestChange, SimulatorConfig, Timing};
use encoder_core::ManagerConfig;
use encoder_core::model::{Personality, Protection, StreamId};
use encoder_tests::{Setup, Studio, helo, watch_nothing_happen};

/// Lets a device misbehave for a while. Its stream must not notice.
async fn unharmed(setup: Setup, faults: impl IntoIterator<Item = Fault>) {
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    for fault in faults {
        studio.devices.nth(1).inject(fault);
    }
    watch_nothing_happen(Duration::from_secs(3)).await;
    assert_untouched(&studio, &stream);
    studio.devices.nth(1).clear_faults();
    studio
        .until("well again", |s| {
            s.is_live_on(&stream, 1) && s.manager.fleet_counts().online == s.setup.count
        })
        .await;
    assert_untouched(&studio, &stream);
    studio.close().await;
}

fn assert_untouched(studio: &Studio, stream: &StreamId) {
    assert_eq!(studio.view(stream).record.history, []);
    assert_eq!(studio.primary(stream), helo(1));
    assert_eq!(studio.devices.story(), ["helo-1 accepted"]);
}

fn two() -> Setup {
    Setup::quick(2, Personality::Takeover)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_json_harms_no_stream() {
    unharmed(two(), [FaultKind::WrongJson.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_with_status_500_harm_no_stream() {
    unharmed(two(), [FaultKind::Status { status: 500 }.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_page_for_a_lost_session_harms_no_stream() {
    let mut setup = two();
    setup.locked = true;
    let again_and_again = (0..5).map(|_| FaultKind::DropSessions.into());
    unharmed(setup, again_and_again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_page_for_everything_harms_no_stream() {
    unharmed(two(), [FaultKind::Status { status: 404 }.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_break_off_now_and_then_harm_no_stream() {
    let cut = |after| Fault::new(FaultKind::CutBody { after }).times(1);
    unharmed(two(), [cut(0), cut(10)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_trickle_harm_no_stream() {
    let pause = Duration::from_millis(5);
    unharmed(two(), [FaultKind::SlowBytes { piece: 8, pause }.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_event_feed_harms_no_stream_and_polling_takes_over() {
    let studio = Studio::open(two()).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let lost = Fault::events_expectation_failed();
    studio.devices.nth(1).inject(lost.clone());
    studio.devices.nth(1).inject(FaultKind::ExpireConnections);
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_untouched(&studio, &stream);
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("seen by polling", |s| s.is_live_on(&stream, 2))
        .await;
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_are_overtaken_by_polling() {
    let studio = Studio::open(two()).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let delay = Duration::from_secs(30);
    let late = Fault::new(FaultKind::Delay { delay }).on_action("wait_for_config_events");
    studio.devices.nth(1).inject(late);
    watch_nothing_happen(Duration::from_secs(1)).await;
    let failed = Instant::now();
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("seen by polling", |s| s.is_live_on(&stream, 2))
        .await;
    assert!(
        failed.elapsed() < Duration::from_secs(5),
        "{:?}",
        failed.elapsed()
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_device_is_not_taken_for_a_silent_one() {
    let delay = Duration::from_millis(250);
    unharmed(two(), [FaultKind::Delay { delay }.into()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebooting_device_loses_its_stream_and_comes_back_as_backup() {
    let mut timing = Timing::fast();
    timing.reboot_silence = Duration::from_secs(2);
    let setup = two().with_device(1, SimulatorConfig::fast().with_timing(timing));
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::SelfReboot);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    studio
        .until("back as backup", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    assert_eq!(studio.devices.times(1, IngestChange::Accepted), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_reboot_is_noticed_by_the_lost_stream() {
    let studio = Studio::open(two()).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::SelfReboot);
    studio
        .until("on air again", |s| {
            let accepted = s.devices.times(1, IngestChange::Accepted)
                + s.devices.times(2, IngestChange::Accepted);
            accepted == 2
                && s.devices.on_air().len() == 1
                && s.issue(&stream, "unprotected").is_none()
        })
        .await;
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_fleet_moves_streams_like_any_other() {
    let mut setup = two();
    setup.locked = true;
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio
        .devices
        .all()
        .for_each(|helo| helo.inject(FaultKind::DropSessions));
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

/// The one test with the settings that everybody gets who changes none.
#[tokio::test(flavor = "multi_thread")]
async fn silence_is_answered_within_four_seconds_by_default() {
    let mut setup = two();
    setup.config = ManagerConfig::default();
    setup.aja = AjaConfig::default();
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    watch_nothing_happen(Duration::from_millis(1300)).await;
    studio.devices.nth(2).clear_requests();
    studio.devices.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    let silent = Instant::now();
    let start = |r: &encoder_aja::simulator::RequestRecord| r.sets("ReplicatorCommand", "3");
    let told = studio
        .devices
        .nth(2)
        .wait_for_request(start, encoder_tests::PATIENCE)
        .await;
    assert!(told.is_some(), "the backup was told to start");
    assert!(
        silent.elapsed() <= Duration::from_secs(4),
        "{:?}",
        silent.elapsed()
    );
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_that_does_not_keep_its_settings_is_not_ready() {
    let studio = Studio::open(two()).await;
    studio.devices.nth(2).inject(FaultKind::SetNotApplied);
    let request = studio.setup.request(Protection::Warm);
    let view = studio.manager.start_stream(request).await.unwrap();
    let stream = view.record.id;
    studio
        .until("the reason is told", |s| {
            let backup = s.view(&stream).backup;
            s.is_live_on(&stream, 1) && backup.reasons.iter().any(|r| r.contains("device_rejected"))
        })
        .await;
    assert!(!studio.view(&stream).backup.ready);
    studio.devices.nth(2).clear_faults();
    studio
        .until("ready", |s| s.view(&stream).backup.ready)
        .await;
    studio.close().await;
}
