//! The driver commanding a well-behaved device, under every answer to the open questions.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::Duration;

use driver_support::{
    asked, device, driver, is_snapshot, is_write, next, pair, quick, reach, rests, settings,
    streams, target, until,
};
use encoder_aja::simulator::{
    Assumptions, EditWhileStreaming, FaultKind, OutOfRange, RebootReply, Refusal, SecretReadback,
    SetBody, Signal, Simulator, SimulatorConfig, TextValueName, UnknownParameterReply,
};
use encoder_aja::{AjaConfig, AjaDriver, UnknownInput};
use encoder_core::model::{
    Action, Bitrate, DeviceRecordState, DeviceStreamState, FrameRate, PublishTarget,
};
use encoder_core::{EncoderDriver, ErrorKind};

fn assuming(change: impl FnOnce(&mut Assumptions)) -> SimulatorConfig {
    let mut assumptions = Assumptions::default();
    change(&mut assumptions);
    SimulatorConfig::fast().with_assumptions(assumptions)
}

async fn assert_configures(helo: &Simulator, driver: &AjaDriver) {
    driver.configure(&settings(), &target()).await.unwrap();
    let active = driver.status().await.unwrap().active.unwrap();
    let differences = active.differences(&settings(), &target());
    assert!(differences.is_empty(), "{differences:?}");
    let held = helo.device().get("RTMPStreamName");
    assert_eq!(held.as_deref(), Some(driver_support::KEY));
}

#[tokio::test]
async fn stream_is_configured_started_and_stopped() {
    let (helo, driver) = pair().await;
    assert_configures(&helo, &driver).await;
    driver.start().await.unwrap();
    let status = until(&driver, streams).await;
    assert!(status.input.unwrap().present);
    driver.stop().await.unwrap();
    until(&driver, rests).await;
}

#[tokio::test]
async fn status_is_translated_and_absent_readings_are_none() {
    let (_helo, driver) = pair().await;
    let status = driver.status().await.unwrap();
    assert_eq!(status.stream_state, DeviceStreamState::Idle);
    assert_eq!(status.record_state, DeviceRecordState::Idle);
    assert_eq!(status.identity.serial.as_deref(), Some("SIM000001"));
    assert_eq!(status.identity.product.as_deref(), Some("HELO"));
    assert_eq!(status.identity.firmware.as_deref(), Some("4.3.0.8-12r"));
    let celsius = status.system.temperature.unwrap();
    assert!((30.0..60.0).contains(&celsius.0), "{celsius:?}");
    assert_eq!(status.input.unwrap().fps, Some(FrameRate::from_fps(60.0)));
    assert_eq!(status.media[0].total_bytes, Some(64_000_000_000));
    assert_eq!(
        (status.system.cpu_percent, status.system.uptime),
        (None, None)
    );
    assert_eq!(
        (status.output.bitrate, status.output.dropped_frames),
        (None, None)
    );
}

#[tokio::test]
async fn configuring_leaves_other_profiles_alone() {
    let (helo, driver) = pair().await;
    assert_configures(&helo, &driver).await;
    assert_eq!(
        helo.device().get("StreamingProfileSel").as_deref(),
        Some("9")
    );
    assert_eq!(helo.device().get("RTMPServerURL_1").as_deref(), Some(""));
    let stored = helo.device().get("RTMPServerURL_10");
    assert_eq!(stored, Some(target().url));
}

#[tokio::test]
async fn configuring_again_writes_nothing() {
    let (helo, driver) = pair().await;
    assert_configures(&helo, &driver).await;
    helo.clear_requests();
    assert_configures(&helo, &driver).await;
    assert!(!helo.requests().iter().any(is_write), "{:?}", asked(&helo));
}

#[tokio::test]
async fn configuring_works_under_every_assumption() {
    let variants: [fn(&mut Assumptions); 9] = [
        |a| a.numbered_write_reaches_working_copy = true,
        |a| a.working_copy_write_reaches_numbered = true,
        |a| a.set_body = SetBody::Nothing,
        |a| a.set_body = SetBody::EmptyObject,
        |a| a.text_value_name = TextValueName::Value,
        |a| a.unknown_parameter = UnknownParameterReply::NotFound,
        |a| a.content_type = "text/html".to_owned(),
        |a| a.out_of_range_set = OutOfRange::Clamped,
        |a| a.read_only_set = Refusal::ServerError,
    ];
    for change in variants {
        let helo = device(assuming(change)).await;
        let driver = driver(&helo, quick());
        assert_configures(&helo, &driver).await;
    }
}

#[tokio::test]
async fn masked_key_is_written_and_not_compared() {
    let helo = device(assuming(|a| a.secret_readback = SecretReadback::Masked)).await;
    let driver = driver(&helo, quick());
    driver.configure(&settings(), &target()).await.unwrap();
    let held = helo.device().get("RTMPStreamName");
    assert_eq!(held.as_deref(), Some(driver_support::KEY));
    let active = driver.status().await.unwrap().active.unwrap();
    assert_eq!(active.target, None);
    assert_eq!(active.bitrate, Some(Bitrate(5_000_000)));
}

#[tokio::test]
async fn streaming_device_is_not_configured() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    driver.start().await.unwrap();
    until(&driver, streams).await;
    helo.clear_requests();
    let error = driver.configure(&settings(), &target()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(!helo.requests().iter().any(is_write));
}

#[tokio::test]
async fn streaming_device_is_configured_where_that_is_allowed() {
    let helo = device(assuming(|a| {
        a.edit_while_streaming = EditWhileStreaming::Immediate
    }))
    .await;
    let mut config = quick();
    config.configure_while_streaming = true;
    let driver = driver(&helo, config);
    assert!(driver.capability().configures_while_streaming);
    driver.configure(&settings(), &target()).await.unwrap();
    driver.start().await.unwrap();
    until(&driver, streams).await;
    let mut slower = settings();
    slower.bitrate = Bitrate::from_kbps(2500);
    driver.configure(&slower, &target()).await.unwrap();
    let active = driver.status().await.unwrap().active.unwrap();
    assert_eq!(active.bitrate, Some(slower.bitrate));
}

#[tokio::test]
async fn frame_rate_is_a_fraction_of_the_input() {
    let (helo, driver) = pair().await;
    let mut half = settings();
    half.fps = FrameRate::from_fps(29.97);
    driver.configure(&half, &target()).await.unwrap();
    assert_eq!(
        helo.device().get("StreamingFrameRate").as_deref(),
        Some("1")
    );
    half.fps = FrameRate::from_fps(25.0);
    let error = driver.configure(&half, &target()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("60, 30, 15"), "{error}");
}

#[tokio::test]
async fn device_without_signal_is_staged_or_refused_as_set() {
    let mut signal = Signal::default();
    (signal.sdi, signal.hdmi) = (0, 0);
    let helo = device(SimulatorConfig::fast().with_signal(signal)).await;
    let staged = driver(&helo, quick());
    staged.configure(&settings(), &target()).await.unwrap();
    assert!(!staged.status().await.unwrap().input.unwrap().present);
    let mut config = quick();
    config.unknown_input = UnknownInput::Refuse;
    let strict = driver(&helo, config);
    let error = strict.configure(&settings(), &target()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn ignored_write_is_rejected_and_named() {
    for param in [
        "StreamingVideoBitrate_10",
        "RTMPStreamName_10",
        "StreamingProfileSel",
    ] {
        let (helo, driver) = pair().await;
        let lost = encoder_aja::simulator::Fault::new(FaultKind::SetNotApplied).on_param(param);
        helo.inject(lost);
        let error = driver.configure(&settings(), &target()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceRejected, "{param}");
        let shown = format!("{error:?} {error}");
        assert!(shown.contains(param), "{shown}");
        assert!(!shown.contains(driver_support::KEY), "{shown}");
    }
}

#[tokio::test]
async fn working_copy_that_was_not_loaded_is_written() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    helo.device().command("StreamingGOPSize", "250").unwrap();
    assert_configures(&helo, &driver).await;
    assert_eq!(helo.device().get("StreamingGOPSize").as_deref(), Some("60"));
}

#[tokio::test]
async fn working_copy_is_loaded_by_selecting_where_it_may_not_be_written() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.write_working_copy = false;
    let driver = driver(&helo, config);
    assert_configures(&helo, &driver).await;
    helo.device().command("StreamingGOPSize", "250").unwrap();
    helo.clear_requests();
    assert_configures(&helo, &driver).await;
    let written: Vec<_> = asked(&helo)
        .into_iter()
        .filter(|asked| asked.starts_with("set"))
        .collect();
    assert_eq!(written, ["set StreamingProfileSel"]);
}

#[tokio::test]
async fn awkward_texts_arrive_intact() {
    let (helo, driver) = pair().await;
    let target = PublishTarget {
        url: "rtmp://ingest.example:1935/live?auth=a&b=c%20d".to_owned(),
        stream_key: encoder_core::model::Secret::from("schlüssel +&=#%/?\u{1f511}"),
    };
    driver.configure(&settings(), &target).await.unwrap();
    let held = |name| helo.device().get(name).unwrap();
    assert_eq!(held("RTMPServerURL_10"), target.url);
    assert_eq!(&held("RTMPStreamName_10"), target.stream_key.expose());
    let active = driver.status().await.unwrap().active.unwrap();
    assert_eq!(active.target, Some(target));
}

#[tokio::test]
async fn unwatched_status_follows_the_device() {
    let (helo, driver) = pair().await;
    driver.status().await.unwrap();
    helo.device().set("ReplicatorRecordState", "4").unwrap();
    helo.device().set("DetectInputFormat", "0").unwrap();
    let status = driver.status().await.unwrap();
    assert_eq!(status.record_state, DeviceRecordState::Failing);
    assert!(!status.input.unwrap().present);
}

#[tokio::test]
async fn value_the_device_refuses_is_rejected() {
    for answer in [
        OutOfRange::BadRequest,
        OutOfRange::NotFound,
        OutOfRange::Ignored,
    ] {
        let helo = device(assuming(|a| {
            a.out_of_range_set = answer;
            a.max_text_length = 16;
        }))
        .await;
        let error = driver(&helo, quick())
            .configure(&settings(), &target())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceRejected, "{answer:?}");
        assert!(error.to_string().contains("RTMPServerURL_10"), "{error}");
    }
}

#[tokio::test]
async fn start_of_a_watched_idle_device_is_one_request() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.clear_requests();
    driver.start().await.unwrap();
    assert_eq!(asked(&helo), ["set ReplicatorCommand"]);
}

#[tokio::test]
async fn start_and_stop_may_be_repeated() {
    let (helo, driver) = pair().await;
    driver.stop().await.unwrap();
    driver.configure(&settings(), &target()).await.unwrap();
    driver.start().await.unwrap();
    until(&driver, streams).await;
    helo.clear_requests();
    driver.start().await.unwrap();
    assert!(
        !helo.requests().iter().any(is_write),
        "a running stream was commanded"
    );
    driver.stop().await.unwrap();
    until(&driver, rests).await;
    driver.stop().await.unwrap();
    assert_eq!(
        driver.status().await.unwrap().stream_state,
        DeviceStreamState::Idle
    );
}

#[tokio::test]
async fn stop_catches_a_start_the_device_does_not_show_yet() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    driver.start().await.unwrap();
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("1")
    );
    driver.stop().await.unwrap();
    // Five times what the start would have taken.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let state = driver.status().await.unwrap().stream_state;
    assert_eq!(state, DeviceStreamState::Idle);
}

#[tokio::test]
async fn failed_start_shows_as_failing() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    helo.inject(FaultKind::StreamFails);
    driver.start().await.unwrap();
    let status = until(&driver, |status| {
        status.stream_state == DeviceStreamState::FailingIdle
    })
    .await;
    assert!(
        status.alarm("streaming_failed").is_some(),
        "{:?}",
        status.alarms
    );
}

#[tokio::test]
async fn recording_is_started_and_stopped() {
    let (helo, driver) = pair().await;
    driver.control(&Action::StartRecording).await.unwrap();
    reach(&helo, "ReplicatorRecordState", "2").await;
    driver.control(&Action::StartRecording).await.unwrap();
    assert_eq!(
        driver.status().await.unwrap().record_state,
        DeviceRecordState::Recording
    );
    driver.control(&Action::StopRecording).await.unwrap();
    reach(&helo, "ReplicatorRecordState", "1").await;
}

#[tokio::test]
async fn inputs_and_mute_are_switched() {
    let (helo, driver) = pair().await;
    let select = |video: Option<&str>, audio: Option<&str>| Action::SelectInput {
        video: video.map(str::to_owned),
        audio: audio.map(str::to_owned),
    };
    driver
        .control(&select(Some("sdi"), Some("none")))
        .await
        .unwrap();
    assert_eq!(helo.device().get("VideoInSelect").as_deref(), Some("0"));
    assert_eq!(helo.device().get("AudioInSelect").as_deref(), Some("4"));
    driver.control(&Action::Mute).await.unwrap();
    assert_eq!(helo.device().get("AVMute").as_deref(), Some("1"));
    driver.control(&Action::Unmute).await.unwrap();
    assert_eq!(helo.device().get("AVMute").as_deref(), Some("0"));
    let error = driver
        .control(&select(Some("dvi"), None))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.message().contains("sdi, hdmi, test_pattern"),
        "{error}"
    );
}

#[tokio::test]
async fn presets_are_recalled() {
    let (helo, driver) = pair().await;
    helo.device().command("RegisterSave", "3").unwrap();
    reach(&helo, "RegisterSaveResult", "2").await;
    helo.device()
        .command("StreamingVideoBitrate_1", "777")
        .unwrap();
    driver
        .control(&Action::RecallPreset { preset: 3 })
        .await
        .unwrap();
    assert_eq!(
        helo.device().get("StreamingVideoBitrate_1").as_deref(),
        Some("20000")
    );
    let empty = driver.control(&Action::RecallPreset { preset: 4 }).await;
    assert_eq!(empty.unwrap_err().kind(), ErrorKind::DeviceRejected);
    let beyond = driver.control(&Action::RecallPreset { preset: 21 }).await;
    assert_eq!(beyond.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn failed_recall_is_rejected() {
    let (helo, driver) = pair().await;
    helo.inject(FaultKind::PresetFails);
    let error = driver
        .control(&Action::RecallPreset { preset: 1 })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceRejected);
}

#[tokio::test]
async fn reboot_is_accepted_however_the_reply_ends() {
    for reply in [RebootReply::Clean, RebootReply::Cut, RebootReply::Missing] {
        let helo = device(assuming(|a| a.reboot_reply = reply)).await;
        let driver = driver(&helo, quick());
        driver.control(&Action::Reboot).await.unwrap();
        until(&driver, rests).await;
    }
}

#[tokio::test]
async fn manager_actions_are_unsupported() {
    let (_helo, driver) = pair().await;
    for action in [Action::EnterMaintenance, Action::LeaveMaintenance] {
        let error = driver.control(&action).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn wrong_targets_are_refused_before_anything_is_written() {
    let (helo, driver) = pair().await;
    let target = PublishTarget {
        url: "srt://ingest.example".to_owned(),
        ..target()
    };
    let error = driver.configure(&settings(), &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!helo.requests().iter().any(is_write));
}

#[test]
fn wrong_settings_make_no_driver() {
    let id = encoder_core::model::EncoderId::try_new("helo-1").unwrap();
    let mut config = AjaConfig::default();
    config.profile = 0;
    let error = AjaDriver::new(id, config, "http://127.0.0.1", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}
