//! Encoders that lost their stream and come back.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange, SimulatorConfig, Timing};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Studio, helo, watch_nothing_happen};

#[tokio::test(flavor = "multi_thread")]
async fn primary_back_from_silence_never_publishes_uninvited_and_becomes_the_backup() {
    // The device goes on by itself: it streams through the outage and recovers what it loses.
    let stubborn = SimulatorConfig::fast().with_value("AutoRecoverStreaming", "1");
    let setup = Setup::quick(2, Personality::Takeover).with_device(1, stubborn);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: true,
    });
    studio.until("moved", |s| s.failovers(&stream) == 1).await;
    studio.devices.nth(1).clear_faults();
    studio
        .until("backup again", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    let primary = studio.primary(&stream);
    assert_eq!(primary, helo(2));
    let before = studio.devices.times(1, IngestChange::Accepted);
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert_eq!(studio.devices.on_air(), ["helo-2"]);
    assert_eq!(studio.devices.times(1, IngestChange::Accepted), before);
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn primary_back_from_a_reboot_stays_idle_and_becomes_the_backup() {
    let mut timing = Timing::fast();
    timing.reboot_silence = Duration::from_secs(2);
    let stubborn = SimulatorConfig::fast()
        .with_timing(timing)
        .with_value("AutoRecoverStreaming", "1");
    let setup = Setup::quick(2, Personality::Takeover).with_device(1, stubborn);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::SelfReboot);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    studio
        .until("backup again", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_eq!(studio.devices.on_air(), ["helo-2"]);
    assert_eq!(studio.devices.times(1, IngestChange::Accepted), 1);
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn returned_device_that_starts_again_by_itself_is_stopped_again() {
    let studio = Studio::open(Setup::quick(2, Personality::Separate)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("backup again", |s| {
            s.is_live_on(&stream, 2)
                && s.backup(&stream) == Some(helo(1))
                && s.view(&stream).backup.ready
        })
        .await;
    studio.devices.nth(1).clear_faults();
    studio
        .devices
        .nth(1)
        .device()
        .command("ReplicatorCommand", "3")
        .unwrap();
    studio
        .until("started uninvited", |s| {
            s.devices.times(1, IngestChange::Accepted) == 2
        })
        .await;
    studio
        .until("stopped", |s| {
            s.devices.times(1, IngestChange::Stopped) >= 2
        })
        .await;
    studio
        .until("ready", |s| s.view(&stream).backup.ready)
        .await;
    assert!(studio.is_live_on(&stream, 2));
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stand_in_is_released_when_the_old_primary_returns() {
    let studio = Studio::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let second = studio.backup(&stream).unwrap();
    let third = if second == helo(2) { helo(3) } else { helo(2) };
    studio.devices.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    studio
        .until("stand-in", |s| {
            s.backup(&stream) == Some(third.clone()) && s.view(&stream).backup.ready
        })
        .await;
    studio.devices.nth(1).clear_faults();
    studio
        .until("returned", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    studio
        .until("stand-in free", |s| {
            s.manager.encoder(&third).unwrap().streams.is_empty()
        })
        .await;
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}
