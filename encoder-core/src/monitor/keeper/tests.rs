use std::time::Duration;

use super::*;
use crate::manager::ManagerBuilder;
use crate::model::{
    Alarm, AlarmCategory, DeviceRecordState, DeviceStreamState, EncoderSpec, MediumReadings,
    Severity, SwitchOutcome,
};
use crate::monitor::storage::SwitchMode;
use crate::store::{MemoryStore, StateStore};
use crate::testkit::{CallKind, FakeEncoder};
use crate::{EncoderDriver as _, Manager};

fn medium(slot: &str, kind: &str, free: u64) -> MediumReadings {
    MediumReadings {
        slot: slot.to_owned(),
        kind: Some(kind.to_owned()),
        volume: None,
        mounted: Some(true),
        ready: Some(free > 0),
        free_percent: None,
        free_bytes: Some(free),
        total_bytes: Some(1000),
    }
}

fn builder(helo: &FakeEncoder, mode: SwitchMode) -> ManagerBuilder {
    let mut config = ManagerConfig::default();
    config.storage.switch = mode;
    let spec = EncoderSpec::new(crate::EncoderDriver::id(helo).clone(), "fake://1");
    Manager::builder()
        .with_config(config)
        .with_encoder_driver(spec, helo.driver())
}

async fn manager(helo: &FakeEncoder, mode: SwitchMode) -> Manager {
    builder(helo, mode).build().await.unwrap()
}

fn recorder(second: u64) -> FakeEncoder {
    let media = [
        medium("primary", "sd", 300),
        medium("secondary", "usb", second),
    ];
    let helo = FakeEncoder::new("helo-1").with_media(media);
    helo.set_state(DeviceStreamState::Streaming);
    helo
}

/// A recorder whose medium ran full after ten seconds, seen by a manager.
async fn ran_full(mode: SwitchMode, second: u64) -> (FakeEncoder, Manager) {
    let helo = recorder(second);
    let manager = manager(&helo, mode).await;
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    run_full(&helo).await;
    (helo, manager)
}

/// Its medium runs full after ten seconds, and the recorder breaks off.
async fn run_full(helo: &FakeEncoder) {
    tokio::time::sleep(Duration::from_secs(5)).await;
    helo.set_readings(|status| status.media[0].free_bytes = Some(100));
    tokio::time::sleep(Duration::from_secs(5)).await;
    helo.clear_calls();
    helo.set_readings(|status| {
        status.media[0].free_bytes = Some(0);
        status.media[0].ready = Some(false);
    });
    helo.fail_recording();
    tokio::time::sleep(Duration::from_secs(5)).await;
}

fn report(manager: &Manager) -> StorageReport {
    manager.storage(None).unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn recording_goes_on_with_the_second_medium_and_the_stream_is_left_alone() {
    let (helo, manager) = ran_full(SwitchMode::On, 500).await;
    let report = report(&manager);
    assert_eq!(report.record_state, DeviceRecordState::Recording);
    assert_eq!(report.media[0].readings.kind.as_deref(), Some("usb"));
    let [switch] = &report.switches[..] else {
        panic!("{:?}", report.switches);
    };
    assert_eq!(switch.outcome, SwitchOutcome::Switched);
    assert!(!switch.stopped_recording);
    assert_eq!(switch.closed_file.bytes, Some(200));
    assert_eq!(switch.closed_file.duration, Duration::from_secs(10));
    assert_eq!(helo.stream_state(), DeviceStreamState::Streaming);
    let touches_stream = |call: &CallKind| {
        matches!(
            call,
            CallKind::Start | CallKind::Stop | CallKind::Configure(..)
        )
    };
    assert!(!helo.commands().iter().any(touches_stream));
    let told = manager.alerts();
    assert!(
        told.iter()
            .any(|alert| alert.code == issue_code::RECORDING_SWITCHED)
    );
}

#[tokio::test(start_paused = true)]
async fn observing_proposes_once_and_does_nothing() {
    let (helo, manager) = ran_full(SwitchMode::Observe, 500).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let switches = report(&manager).switches;
    assert_eq!(switches.len(), 1, "{switches:?}");
    assert_eq!(switches[0].outcome, SwitchOutcome::Proposed);
    assert_eq!(helo.commands(), []);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_stands_by_moves_no_recording() {
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new());
    let leads = Manager::builder().with_store(Arc::clone(&store));
    let leads = leads.build().await.unwrap();
    assert!(leads.is_ready());
    let helo = recorder(500);
    let config = ManagerConfig {
        instance: "second".to_owned(),
        ..ManagerConfig::default()
    };
    let second = builder(&helo, SwitchMode::On).with_config(config);
    let second = second.with_store(store).build().await.unwrap();
    helo.control(&Action::StartRecording).await.unwrap();
    run_full(&helo).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(report(&second).record_state, DeviceRecordState::Failing);
    assert_eq!(helo.commands(), []);
}

#[tokio::test(start_paused = true)]
async fn an_encoder_in_maintenance_is_somebody_elses() {
    let helo = recorder(500);
    let manager = manager(&helo, SwitchMode::On).await;
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    let away = manager.control(&id, &Action::EnterMaintenance).await;
    away.unwrap();
    run_full(&helo).await;
    assert_eq!(helo.commands(), []);
    assert_eq!(report(&manager).switches, []);
}

#[tokio::test(start_paused = true)]
async fn a_selection_without_effect_is_no_success() {
    let helo = recorder(500);
    helo.ignore_selection();
    let manager = manager(&helo, SwitchMode::On).await;
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    run_full(&helo).await;
    let switches = report(&manager).switches;
    assert_eq!(switches[0].outcome, SwitchOutcome::Reverted);
    assert!(
        switches[0].message.contains("usb was selected and is full"),
        "{switches:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_medium_that_does_not_keep_up_is_left_by_closing_its_file() {
    let helo = recorder(500);
    let manager = manager(&helo, SwitchMode::On).await;
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    helo.raise_alarm(Alarm {
        code: "media_too_slow".to_owned(),
        category: AlarmCategory::Storage,
        severity: Severity::Warning,
        message: "Media too slow".to_owned(),
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let switches = report(&manager).switches;
    assert!(switches[0].stopped_recording, "{switches:?}");
    assert!(switches[0].message.contains("the recorder was stopped"));
}

#[tokio::test(start_paused = true)]
async fn nothing_to_go_to_is_told_and_nothing_done() {
    let (helo, manager) = ran_full(SwitchMode::On, 0).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let report = report(&manager);
    assert!(report.switches.is_empty());
    assert!(
        report.recommendations[0].contains("usb is full"),
        "{report:?}"
    );
    assert_eq!(helo.commands(), []);
    let codes: Vec<_> = manager.alerts().into_iter().map(|a| a.code).collect();
    assert!(
        codes.iter().any(|code| code == issue_code::STORAGE_FULL),
        "{codes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn recording_that_was_told_to_stop_is_left_alone() {
    let media = [
        medium("primary", "sd", 300),
        medium("secondary", "usb", 500),
    ];
    let helo = FakeEncoder::new("helo-1").with_media(media);
    let manager = manager(&helo, SwitchMode::On).await;
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    manager.control(&id, &Action::StopRecording).await.unwrap();
    helo.clear_calls();
    helo.set_readings(|status| status.media[0].free_bytes = Some(0));
    helo.fail_recording();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(helo.commands(), []);
}

#[tokio::test(start_paused = true)]
async fn medium_that_is_refused_leaves_the_former_one() {
    let helo = FakeEncoder::new("helo-1").with_media([medium("primary", "sd", 300)]);
    let mut config = ManagerConfig::default();
    config.storage.destinations = vec!["usb".to_owned()];
    let spec = EncoderSpec::new(crate::EncoderDriver::id(&helo).clone(), "fake://1");
    let builder = Manager::builder().with_config(config);
    let builder = builder.with_encoder_driver(spec, helo.driver());
    let manager = builder.build().await.unwrap();
    let id = crate::EncoderDriver::id(&helo).clone();
    manager.control(&id, &Action::StartRecording).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    helo.set_readings(|status| status.media[0].free_bytes = Some(0));
    helo.fail_recording();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let report = report(&manager);
    let outcomes: Vec<_> = report.switches.iter().map(|s| s.outcome).collect();
    assert_eq!(outcomes, [SwitchOutcome::Reverted], "held down afterwards");
    assert_eq!(report.media[0].readings.kind.as_deref(), Some("sd"));
}
