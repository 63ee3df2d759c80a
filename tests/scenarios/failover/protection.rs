//! The classes of protection, and drills.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange};
use encoder_core::model::{FailoverRequest, Personality, Protection, StreamState};
use encoder_tests::{BACKUP_URL, KEY, Setup, Studio, URL, helo, watch_nothing_happen};

const SILENCE: FaultKind = FaultKind::NetworkSilence {
    media_continues: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn hot_backup_publishes_already_and_only_roles_change() {
    let studio = Studio::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Hot)).await;
    let backup = studio.backup(&stream).unwrap();
    assert_eq!(studio.devices.on_air(), ["helo-1"]);
    assert_eq!(studio.devices.on_air_at(BACKUP_URL), [backup.as_str()]);
    studio.devices.nth(1).inject(SILENCE);
    studio
        .until("moved", |s| s.primary(&stream) == backup)
        .await;
    let starts = studio.devices.ingest.history();
    let own = |record: &&encoder_aja::simulator::IngestRecord| {
        record.serial == backup.as_str() && record.what == IngestChange::Accepted
    };
    assert_eq!(
        starts.iter().filter(own).count(),
        1,
        "it is not started again"
    );
    studio
        .until("hot again", |s| {
            s.view(&stream).backup.ready && s.devices.on_air().len() == 1
        })
        .await;
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_backup_is_staged_and_idle() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    studio.live(studio.setup.request(Protection::Warm)).await;
    let device = studio.devices.nth(2).device();
    assert_eq!(device.get("RTMPServerURL").as_deref(), Some(URL));
    assert_eq!(device.get("RTMPStreamName").as_deref(), Some(KEY));
    assert_eq!(device.get("StreamingVideoBitrate").as_deref(), Some("8000"));
    assert_eq!(studio.devices.times(2, IngestChange::Accepted), 0);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_backup_that_was_changed_on_the_device_is_staged_again() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let device = studio.devices.nth(2).device();
    device
        .command("RTMPServerURL", "rtmp://elsewhere.example/live")
        .unwrap();
    studio
        .until("staged again", |s| {
            s.devices.nth(2).device().get("RTMPServerURL").as_deref() == Some(URL)
                && s.view(&stream).backup.ready
        })
        .await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(studio.devices.on_air(), ["helo-2"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cold_stream_holds_no_encoder_and_takes_any_that_is_free() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Cold)).await;
    assert_eq!(studio.backup(&stream), None);
    assert!(studio.manager.encoder(&helo(2)).unwrap().streams.is_empty());
    studio.devices.nth(1).inject(SILENCE);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(studio.devices.on_air(), ["helo-2"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unprotected_stream_is_mended_in_place_and_never_moved() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::None)).await;
    let fault = encoder_aja::simulator::Fault::from(FaultKind::StreamFails);
    studio.devices.nth(1).inject(fault.times(1));
    studio
        .until("mended", |s| {
            s.devices.times(1, IngestChange::Accepted) == 2 && s.is_live_on(&stream, 1)
        })
        .await;
    studio.devices.nth(1).inject(SILENCE);
    studio
        .until("held", |s| s.issue(&stream, "failover_held").is_some())
        .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert_eq!(studio.primary(&stream), helo(1));
    assert_eq!(studio.devices.times(2, IngestChange::Accepted), 0);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drill_goes_there_and_back() {
    let studio = Studio::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let request = FailoverRequest::default();
    let accepted = studio.manager.drill(&stream, request).await.unwrap();
    studio
        .until("there", |s| s.primary(&stream) == accepted.to)
        .await;
    studio
        .until("back", |s| {
            s.failovers(&stream) == 2 && s.is_live_on(&stream, 1)
        })
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_eq!(studio.failovers(&stream), 2);
    assert_eq!(studio.devices.on_air(), ["helo-1"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_a_stream_releases_both_encoders() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let view = studio.manager.stop_stream(&stream).await.unwrap();
    assert_eq!(view.record.state, StreamState::Stopped);
    assert_eq!(studio.devices.on_air(), [""; 0]);
    let held = studio
        .manager
        .encoders()
        .into_iter()
        .any(|e| !e.streams.is_empty());
    assert!(!held);
    studio.manager.stop_stream(&stream).await.unwrap();
    studio.close().await;
}
