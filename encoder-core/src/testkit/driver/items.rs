//! The items of the contract, in its order.

use std::time::Duration;

use tokio::time::Instant;

use super::DriverUnderTest;
use crate::driver::{DeviceEvent, StatusChange};
use crate::error::ErrorKind;
use crate::model::{Action, Bitrate, DeviceStreamState, EncoderStatus, StreamConfig};

/// Contract item 1.
pub async fn identity_is_stable(subject: DriverUnderTest) {
    let driver = &subject.driver;
    let (id, capability) = (driver.id().clone(), driver.capability());
    subject.go_live().await;
    assert_eq!(
        (driver.id(), driver.capability()),
        (&id, capability.clone())
    );
    (subject.cut_off)().await;
    // Whether the dead device answers is the matter of item 2.
    let _ = driver.status().await;
    assert_eq!((driver.id(), driver.capability()), (&id, capability));
}

/// Contract item 2.
pub async fn status_reads_the_device(subject: DriverUnderTest) {
    let status = subject.status().await;
    let idle = status.stream_state;
    assert!(
        idle.is_idle(),
        "the suite needs an idle device, not {idle:?}"
    );
    (subject.cut_off)().await;
    // Twice: an answer kept from before would be given again.
    for _ in 0..2 {
        let asked = Instant::now();
        let answer = tokio::time::timeout(subject.within, subject.driver.status()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no timeout within {:?}", asked.elapsed()));
        let error = answer.expect_err("a dead device gave its status");
        assert_eq!(error.kind(), ErrorKind::DeviceUnreachable, "{error:?}");
    }
}

/// Contract item 3.
pub async fn absent_readings_are_none(subject: DriverUnderTest) {
    assert_absent_readings(&subject, &subject.status().await);
    subject.go_live().await;
    assert_absent_readings(&subject, &subject.status().await);
}

fn assert_absent_readings(subject: &DriverUnderTest, status: &EncoderStatus) {
    let can = subject.driver.capability();
    let (system, output) = (&status.system, &status.output);
    let readings = [
        ("active", can.reads_back, status.active.is_some()),
        (
            "temperature",
            can.reports_temperature,
            system.temperature.is_some(),
        ),
        ("cpu_percent", can.reports_cpu, system.cpu_percent.is_some()),
        (
            "memory_percent",
            can.reports_memory,
            system.memory_percent.is_some(),
        ),
        ("fan_rpm", can.reports_fan, system.fan_rpm.is_some()),
        ("uptime", can.reports_uptime, system.uptime.is_some()),
        ("bitrate", can.reports_bitrate, output.bitrate.is_some()),
        (
            "dropped_frames",
            can.reports_dropped_frames,
            output.dropped_frames.is_some(),
        ),
        ("input", can.reports_input, status.input.is_some()),
        ("media", can.reports_media, !status.media.is_empty()),
    ];
    for (name, told, found) in readings {
        assert!(
            told || !found,
            "`{name}` is given, and the capability denies it"
        );
    }
}

/// Contract item 4.
pub async fn configure_reads_back(subject: DriverUnderTest) {
    for config in [subject.config.clone(), other_bitrate(&subject)] {
        let call = subject.driver.configure(&config, &subject.target);
        subject.must("configure", call).await;
        assert_holds(&subject, &config).await;
    }
    if let Some(ignore_writes) = &subject.ignore_writes {
        ignore_writes().await;
        let call = subject.driver.configure(&subject.config, &subject.target);
        let error = call
            .await
            .expect_err("settings without effect were taken for good");
        assert_eq!(error.kind(), ErrorKind::DeviceRejected, "{error:?}");
    }
}

/// The settings with half the bitrate, or with as little as the device does.
fn other_bitrate(subject: &DriverUnderTest) -> StreamConfig {
    let least = subject.driver.capability().limits.min_bitrate;
    let half = Bitrate::from_kbps(subject.config.bitrate.as_kbps() / 2);
    StreamConfig {
        bitrate: half.max(least),
        ..subject.config.clone()
    }
}

async fn assert_holds(subject: &DriverUnderTest, config: &StreamConfig) {
    let active = subject.status().await.active;
    if subject.driver.capability().reads_back {
        let active = active.expect("`reads_back` promises the active settings");
        let none: [&str; 0] = [];
        assert_eq!(active.differences(config, &subject.target), none);
        assert!(active.bitrate.is_some(), "nothing was compared: {active:?}");
    }
}

/// Contract item 5.
pub async fn configure_is_idempotent(subject: DriverUnderTest) {
    subject.configure().await;
    let first = subject.status().await;
    subject.configure().await;
    let second = subject.status().await;
    assert_eq!(first.active, second.active);
    assert_eq!(first.stream_state, second.stream_state);
    assert_holds(&subject, &subject.config).await;
    subject.go_live().await;
}

/// Contract item 6.
pub async fn start_is_idempotent(subject: DriverUnderTest) {
    subject.go_live().await;
    let before = subject.status().await.output.duration;
    subject.must("second start", subject.driver.start()).await;
    subject.stay(DeviceStreamState::Streaming).await;
    let after = subject.status().await.output.duration;
    if let (Some(before), Some(after)) = (before, after) {
        assert!(
            after >= before,
            "the stream began anew: {before:?}, {after:?}"
        );
    }
}

/// Contract item 7.
pub async fn stop_is_idempotent(subject: DriverUnderTest) {
    subject
        .must("stop of an idle device", subject.driver.stop())
        .await;
    let idle = subject.status().await.stream_state;
    assert!(idle.is_idle(), "{idle:?}");
    subject.go_live().await;
    subject.must("stop", subject.driver.stop()).await;
    subject.must("second stop", subject.driver.stop()).await;
    subject.reach("idle", DeviceStreamState::is_idle).await;
    subject.must("third stop", subject.driver.stop()).await;
    let idle = subject.status().await.stream_state;
    assert!(idle.is_idle(), "{idle:?}");
}

/// Contract item 8.
pub async fn start_leads_to_streaming(subject: DriverUnderTest) {
    subject.go_live().await;
    subject.stay(DeviceStreamState::Streaming).await;
}

/// Contract item 9.
pub async fn stop_leads_to_idle(subject: DriverUnderTest) {
    subject.go_live().await;
    subject.must("stop", subject.driver.stop()).await;
    subject.reach("idle", DeviceStreamState::is_idle).await;
    // A stopped device can be used again.
    subject.go_live().await;
}

/// Contract item 10.
pub async fn unsupported_is_an_error(subject: DriverUnderTest) {
    let can = subject.driver.capability();
    let select = Action::SelectInput {
        video: Some("sdi".to_owned()),
        audio: None,
    };
    let medium = Action::SelectRecordingMedium {
        medium: "usb".to_owned(),
    };
    let actions = [
        (can.record, Action::StartRecording),
        (can.record, Action::StopRecording),
        (can.reboot, Action::Reboot),
        (can.recall_preset, Action::RecallPreset { preset: 1 }),
        (can.select_input, select),
        (can.select_recording_medium, medium),
        (can.mute, Action::Mute),
        (can.mute, Action::Unmute),
        (can.renew_session, Action::RenewSession),
        (can.reconnect, Action::Reconnect),
        (can.reset_media_state, Action::ResetMediaState),
    ];
    for (_, action) in actions.into_iter().filter(|(supported, _)| !supported) {
        let answer = subject.driver.control(&action).await;
        let name = action.as_str();
        let error = answer.expect_err("an action that the capability denies was taken");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error:?}");
    }
}

/// Contract item 11.
pub async fn events_begin_with_a_snapshot(subject: DriverUnderTest) {
    if !subject.driver.capability().pushes_events {
        return;
    }
    let mut feed = subject.driver.events();
    let first = subject.next(&mut feed).await;
    assert!(
        matches!(first, DeviceEvent::Snapshot(_)),
        "{first:?} came first"
    );
    let Some(break_feed) = &subject.break_feed else {
        return;
    };
    break_feed().await;
    let lost = |event: &DeviceEvent| matches!(event, DeviceEvent::FeedLost { .. });
    let mut event = subject.next(&mut feed).await;
    while !lost(&event) {
        event = subject.next(&mut feed).await;
    }
    while lost(&event) {
        event = subject.next(&mut feed).await;
    }
    let again = matches!(event, DeviceEvent::Snapshot(_));
    assert!(again, "{event:?} came first after the feed was lost");
}

/// Contract item 12.
pub async fn events_report_the_stream_state(subject: DriverUnderTest) {
    if !subject.driver.capability().pushes_events {
        return;
    }
    let mut feed = subject.driver.events();
    let mut known = EncoderStatus::default();
    let first = subject.next(&mut feed).await;
    assert!(
        matches!(first, DeviceEvent::Snapshot(_)),
        "{first:?} came first"
    );
    subject.configure().await;
    subject.must("start", subject.driver.start()).await;
    let end = Instant::now() + subject.within;
    let mut seen = Vec::new();
    while known.stream_state != DeviceStreamState::Streaming {
        assert!(Instant::now() < end, "streaming was not reported: {seen:?}");
        match subject.next(&mut feed).await {
            DeviceEvent::Snapshot(status) => known = *status,
            DeviceEvent::Changed(change) => {
                if let StatusChange::StreamState(state) = &change {
                    seen.push(*state);
                }
                known.apply(change);
            }
            DeviceEvent::FeedLost { .. } => {}
        }
    }
    subject.stay(DeviceStreamState::Streaming).await;
}

/// Contract item 13.
pub async fn dropping_a_call_leaves_a_valid_device(subject: DriverUnderTest) {
    let driver = &subject.driver;
    for wait in [0, 1, 2, 5, 10, 25].map(Duration::from_millis) {
        // Outcomes do not matter here: what counts is that the next call finds its way.
        let _ = tokio::time::timeout(wait, driver.status()).await;
        let configure = driver.configure(&subject.config, &subject.target);
        let _ = tokio::time::timeout(wait, configure).await;
        let _ = tokio::time::timeout(wait, driver.start()).await;
        let _ = tokio::time::timeout(wait, driver.stop()).await;
        let mut feed = driver.events();
        let _ = tokio::time::timeout(wait, futures::StreamExt::next(&mut feed)).await;
        subject.status().await;
    }
    subject.must("stop", driver.stop()).await;
    subject.reach("idle", DeviceStreamState::is_idle).await;
    subject.go_live().await;
}
