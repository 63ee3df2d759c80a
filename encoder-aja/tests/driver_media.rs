//! The recording media: what the driver reads of them, and the change from one to another.

#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::Duration;

use driver_support::{PATIENCE, asked, device, driver, quick, reach};
use encoder_aja::AjaConfig;
use encoder_aja::simulator::{
    AlarmMessage, Assumptions, Fault, FaultKind, Media, MediumKind, SimulatorConfig,
};
use encoder_core::model::{Action, DeviceRecordState, MediumReadings};
use encoder_core::{EncoderDriver, EncoderDriverExt, ErrorKind};

fn two_media() -> SimulatorConfig {
    SimulatorConfig::fast()
        .with_medium(MediumKind::Usb, Media::default())
        .with_value("SecondaryRecordingDestination", "1")
}

fn patient() -> AjaConfig {
    let mut config = quick();
    config.media_release = Duration::from_millis(100);
    config.media_mount = Duration::from_millis(300);
    config.media_poll = Duration::from_millis(10);
    config.media_refresh = Duration::from_millis(20);
    config
}

fn to(medium: &str) -> Action {
    Action::SelectRecordingMedium {
        medium: medium.to_owned(),
    }
}

#[tokio::test]
async fn both_media_are_read_with_their_kinds() {
    let helo = device(two_media()).await;
    let driver = driver(&helo, patient());
    let media = driver.status().await.unwrap().media;
    let kinds: Vec<_> = media.iter().filter_map(|m| m.kind.as_deref()).collect();
    assert_eq!(kinds, ["sd", "usb"]);
    assert!(media.iter().all(|medium| medium.ready == Some(true)));
    assert_eq!(media[1].total_bytes, Some(64_000_000_000));
}

#[tokio::test]
async fn selecting_a_medium_waits_until_it_is_ready() {
    for lingers in [true, false] {
        let mut assumptions = Assumptions::default();
        assumptions.medium_lingers_while_released = lingers;
        let helo = device(two_media().with_assumptions(assumptions)).await;
        let driver = driver(&helo, patient());
        driver.control(&to("usb")).await.unwrap();
        assert_eq!(helo.device().get("RecordingDestination").unwrap(), "1");
        assert_eq!(helo.device().get("CurrentMediaMounted").unwrap(), "1");
        let status = driver.status().await.unwrap();
        let primary: &MediumReadings = &status.media[0];
        assert_eq!(primary.kind.as_deref(), Some("usb"), "lingers: {lingers}");
        driver.control(&Action::StartRecording).await.unwrap();
        reach(&helo, "ReplicatorRecordState", "2").await;
    }
}

#[tokio::test]
async fn medium_that_is_not_there_is_an_error() {
    let helo = device(SimulatorConfig::fast()).await;
    let driver = driver(&helo, patient());
    let error = driver.control(&to("usb")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceRejected);
    assert!(error.message().contains("usb"), "{error}");
    driver.control(&to("sd")).await.unwrap();
    let unknown = driver.control(&to("tape")).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn medium_is_not_changed_under_a_recording() {
    let helo = device(two_media()).await;
    let driver = driver(&helo, patient());
    driver.control(&Action::StartRecording).await.unwrap();
    reach(&helo, "ReplicatorRecordState", "2").await;
    let error = driver.control(&to("usb")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(helo.device().get("RecordingDestination").unwrap(), "0");
}

#[tokio::test]
async fn linked_recorder_is_not_stopped_under_a_stream() {
    let config = two_media()
        .with_value("LinkStartStop", "1")
        .with_value("StreamType", "0")
        .with_value("RTMPServerURL", "rtmp://127.0.0.1/live");
    let helo = device(config).await;
    let driver = driver(&helo, patient());
    let error = driver.control(&Action::StartRecording).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    helo.device().command("ReplicatorCommand", "3").unwrap();
    reach(&helo, "ReplicatorRecordState", "2").await;
    reach(&helo, "ReplicatorStreamState", "2").await;
    let error = driver.control(&Action::StopRecording).await.unwrap_err();
    assert!(error.message().contains("LinkStartStop"), "{error}");
    assert_eq!(helo.device().get("ReplicatorStreamState").unwrap(), "2");
}

#[tokio::test]
async fn each_medium_has_faults_of_its_own() {
    let helo = device(two_media()).await;
    let driver = driver(&helo, patient());
    helo.inject(Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Usb));
    let read = |place: usize| {
        let driver = &driver;
        async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            driver.status().await.unwrap().media[place].clone()
        }
    };
    assert_eq!(read(1).await.free_bytes, Some(0));
    assert_eq!(read(0).await.ready, Some(true));
    helo.clear_faults();
    helo.inject(Fault::new(FaultKind::StorageRemoved).on_medium(MediumKind::Usb));
    assert_eq!(read(1).await.mounted, Some(false));
    helo.inject(FaultKind::StorageWriteProtected);
    let sd = read(0).await;
    assert_eq!((sd.mounted, sd.ready), (Some(true), Some(false)));
}

#[tokio::test]
async fn second_recording_ends_alone_and_a_slow_medium_is_told() {
    let helo = device(two_media()).await;
    let driver = driver(&helo, patient());
    driver.control(&Action::StartRecording).await.unwrap();
    reach(&helo, "ReplicatorSecondaryRecState", "2").await;
    helo.inject(Fault::new(FaultKind::StorageRemoved).on_medium(MediumKind::Usb));
    reach(&helo, "ReplicatorSecondaryRecState", "4").await;
    let recording = driver.wait_until(PATIENCE, Duration::from_millis(5), |status| {
        status.record_state == DeviceRecordState::Recording
    });
    recording.await.unwrap();
    let raised = |name: &str| {
        let value = helo.device().get(name).unwrap();
        AlarmMessage::from_base64(&value).is_some_and(|alarm| alarm.is_active())
    };
    assert!(!raised("Media_Too_Slow_Alarm"));
    helo.inject(FaultKind::StorageSlow);
    assert!(raised("Media_Too_Slow_Alarm"));
}

#[tokio::test]
async fn what_belongs_to_a_medium_is_read_again_when_its_space_moves() {
    let helo = device(SimulatorConfig::fast()).await;
    let driver = driver(&helo, patient());
    let reads = |name: &str| {
        let wanted = format!("get {name}");
        asked(&helo).iter().filter(|ask| **ask == wanted).count()
    };
    let look = async || {
        helo.clear_requests();
        tokio::time::sleep(Duration::from_millis(30)).await;
        driver.status().await.unwrap().media[0].free_percent
    };
    let before = driver.status().await.unwrap().media[0].free_percent;
    look().await;
    assert_eq!(look().await, before);
    let read = (reads("CurrentMediaUnusedBytes"), reads("VolumeName"));
    assert_eq!(read, (1, 0));
    helo.inject(FaultKind::StorageFull);
    look().await;
    assert_eq!(look().await, Some(0), "was {before:?}");
    assert_eq!(reads("VolumeName"), 1);
}
