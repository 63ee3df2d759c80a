//! The event feed: what it tells, how soon, and how it comes back.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::{Duration, Instant};

use driver_support::{
    PATIENCE, asked, device, driver, driver_with_password, event, is_feed_lost, is_snapshot,
    is_wait, next, pair, quick, reach, settings, streams, target, until,
};
use encoder_aja::simulator::{
    Assumptions, ConnectionIdForm, Fault, FaultKind, SimulatorConfig, TooManyConnections,
    UnknownConnection,
};
use encoder_core::model::{
    Action, DeviceRecordState, DeviceStreamState, EncoderStatus, alarm_code,
};
use encoder_core::{DeviceEvent, EncoderDriver, StatusChange};
use futures::StreamExt;

fn is_state(event: &DeviceEvent, state: DeviceStreamState) -> bool {
    *event == DeviceEvent::Changed(StatusChange::StreamState(state))
}

fn raises(event: &DeviceEvent, code: &str) -> bool {
    matches!(event, DeviceEvent::Changed(StatusChange::AlarmRaised(alarm)) if alarm.code == code)
}

fn assuming(change: impl FnOnce(&mut Assumptions)) -> SimulatorConfig {
    let mut assumptions = Assumptions::default();
    change(&mut assumptions);
    SimulatorConfig::fast().with_assumptions(assumptions)
}

/// The status that a snapshot holds.
fn status_in(event: DeviceEvent) -> EncoderStatus {
    match event {
        DeviceEvent::Snapshot(status) => *status,
        other => panic!("a snapshot, not {other:?}"),
    }
}

#[tokio::test]
async fn feed_begins_with_the_whole_state_in_one_request() {
    let (helo, driver) = pair().await;
    let status = status_in(next(&mut driver.events()).await);
    assert_eq!(status.stream_state, DeviceStreamState::Idle);
    assert_eq!(status.identity.serial.as_deref(), Some("SIM000001"));
    assert!(status.system.temperature.is_some());
    assert_eq!(asked(&helo), ["connect "]);
}

#[tokio::test]
async fn device_without_snapshot_is_read_completely() {
    let helo = device(assuming(|a| {
        a.connect_snapshot = false;
        a.connection_id = ConnectionIdForm::Number;
    }))
    .await;
    let driver = driver(&helo, quick());
    let status = status_in(next(&mut driver.events()).await);
    assert_eq!(status.stream_state, DeviceStreamState::Idle);
    assert_eq!(status.identity.serial.as_deref(), Some("SIM000001"));
    assert!(status.active.is_some() && status.input.is_some());
    assert_eq!(status.media.len(), 1, "{:?}", status.media);
}

#[tokio::test]
async fn watched_status_costs_one_request() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.clear_requests();
    let status = driver.status().await.unwrap();
    assert_eq!(asked(&helo), ["get ReplicatorStreamState"]);
    assert!(status.identity.serial.is_some());
}

#[tokio::test]
async fn changes_arrive_in_order() {
    let (_helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    driver.start().await.unwrap();
    event(&mut events, |e| is_state(e, DeviceStreamState::Streaming)).await;
    driver.stop().await.unwrap();
    let seen = event(&mut events, |e| is_state(e, DeviceStreamState::Idle)).await;
    assert!(!seen.iter().any(is_feed_lost), "{seen:?}");
}

#[tokio::test]
async fn event_arrives_within_a_fraction_of_a_second() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    let change = async {
        helo.wait_for_request(is_wait, Duration::from_secs(5))
            .await
            .expect("a long poll");
        let changed = Instant::now();
        helo.device().set("ReplicatorStreamState", "2").unwrap();
        changed
    };
    let streaming = event(&mut events, |e| is_state(e, DeviceStreamState::Streaming));
    let (changed, _) = tokio::join!(change, streaming);
    assert!(
        changed.elapsed() < Duration::from_millis(250),
        "{:?}",
        changed.elapsed()
    );
}

#[tokio::test]
async fn recorder_input_and_temperature_are_told_precisely() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    driver.control(&Action::StartRecording).await.unwrap();
    let recording = DeviceEvent::Changed(StatusChange::RecordState(DeviceRecordState::Recording));
    event(&mut events, |e| *e == recording).await;
    helo.inject(FaultKind::InputLost);
    event(
        &mut events,
        |e| matches!(e, DeviceEvent::Changed(StatusChange::Input(input)) if !input.present),
    )
    .await;
    helo.device().set("Temperature", "71").unwrap();
    event(&mut events, |e| {
        matches!(e, DeviceEvent::Changed(StatusChange::Temperature(celsius)) if celsius.0 == 71.0)
    })
    .await;
}

#[tokio::test]
async fn alarms_are_raised_and_cleared() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    let name = "Network_Too_Slow_Alarm".to_owned();
    helo.inject(FaultKind::Alarm { name });
    event(&mut events, |e| raises(e, alarm_code::NETWORK_TOO_SLOW)).await;
    let status = driver.status().await.unwrap();
    assert!(status.alarm(alarm_code::NETWORK_TOO_SLOW).is_some());
    helo.clear_faults();
    let cleared = StatusChange::AlarmCleared(alarm_code::NETWORK_TOO_SLOW.to_owned());
    event(&mut events, |e| *e == DeviceEvent::Changed(cleared.clone())).await;
}

#[tokio::test]
async fn other_changes_bring_the_whole_status() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.device().set("LinkErrors", "7").unwrap();
    event(&mut events, |e| {
        let errors = |status: &EncoderStatus| status.network.link_errors;
        matches!(e, DeviceEvent::Changed(StatusChange::Other(status)) if errors(status) == Some(7))
    })
    .await;
}

#[tokio::test]
async fn refused_wait_leads_to_a_new_snapshot() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.inject(Fault::events_expectation_failed().times(1));
    assert!(is_feed_lost(&next(&mut events).await));
    assert!(is_snapshot(&next(&mut events).await));
    helo.device().set("ReplicatorStreamState", "2").unwrap();
    event(&mut events, |e| is_state(e, DeviceStreamState::Streaming)).await;
}

#[tokio::test]
async fn expired_connection_is_opened_again_whatever_the_device_answers() {
    for answer in [
        UnknownConnection::ExpectationFailed,
        UnknownConnection::NotFound,
        UnknownConnection::EmptyObject,
        UnknownConnection::EmptyArray,
    ] {
        let helo = device(assuming(|a| a.unknown_connection = answer)).await;
        let driver = driver(&helo, quick());
        let mut events = driver.events();
        assert!(is_snapshot(&next(&mut events).await));
        helo.inject(FaultKind::ExpireConnections);
        assert!(is_feed_lost(&next(&mut events).await), "{answer:?}");
        assert!(is_snapshot(&next(&mut events).await), "{answer:?}");
        let waits = helo
            .requests()
            .iter()
            .filter(|request| is_wait(request))
            .count();
        assert!(waits < 10, "{waits} waits with {answer:?}");
    }
}

#[tokio::test]
async fn changes_missed_during_a_loss_are_in_the_snapshot() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.inject(FaultKind::RefuseConnections);
    assert!(is_feed_lost(&next(&mut events).await));
    helo.device().set("ReplicatorStreamState", "4").unwrap();
    helo.clear_faults();
    let status = status_in(next(&mut events).await);
    assert_eq!(status.stream_state, DeviceStreamState::Failing);
}

#[tokio::test]
async fn loss_is_told_once_however_long_it_lasts() {
    let helo = device(SimulatorConfig::fast()).await;
    helo.inject(FaultKind::RefuseConnections);
    let driver = driver(&helo, quick());
    let mut events = driver.events();
    assert!(is_feed_lost(&next(&mut events).await));
    let more = tokio::time::timeout(Duration::from_millis(300), events.next()).await;
    assert!(more.is_err(), "{more:?}");
    helo.clear_faults();
    assert!(is_snapshot(&next(&mut events).await));
}

#[tokio::test]
async fn lost_session_is_renewed_by_the_feed() {
    let helo = device(SimulatorConfig::fast().with_password("studio")).await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.inject(FaultKind::DropSessions);
    helo.device().set("ReplicatorStreamState", "2").unwrap();
    event(&mut events, |e| {
        let streaming = DeviceStreamState::Streaming;
        let resynced = |status: &EncoderStatus| status.stream_state == streaming;
        is_state(e, streaming) || matches!(e, DeviceEvent::Snapshot(status) if resynced(status))
    })
    .await;
}

#[tokio::test]
async fn silent_poll_is_asked_again_and_nothing_is_lost() {
    let (helo, _) = pair().await;
    let mut config = quick();
    config.event_hold = Duration::from_millis(80);
    let driver = driver(&helo, config);
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    let quiet = tokio::time::timeout(Duration::from_millis(300), events.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    helo.device().set("ReplicatorStreamState", "2").unwrap();
    let seen = event(&mut events, |e| is_state(e, DeviceStreamState::Streaming)).await;
    assert!(!seen.iter().any(is_feed_lost), "{seen:?}");
}

#[tokio::test]
async fn held_back_events_are_noticed_by_the_status() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.inject(
        Fault::new(FaultKind::Hang)
            .on_action("wait_for_config_events")
            .times(2),
    );
    // Ends the wait under way, so that the next one hangs.
    helo.device().set("LinkErrors", "1").unwrap();
    let hung = async {
        let waits = |request: &_| is_wait(request);
        let mut requests = helo.subscribe_requests();
        while !requests.recv().await.is_ok_and(|request| waits(&request)) {}
        helo.device().set("ReplicatorStreamState", "2").unwrap();
        until(&driver, streams).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        driver.status().await.unwrap();
    };
    let lost = event(&mut events, is_feed_lost);
    tokio::join!(hung, lost);
    let snapshot = event(&mut events, is_snapshot).await.pop().unwrap();
    assert_eq!(
        status_in(snapshot).stream_state,
        DeviceStreamState::Streaming
    );
}

#[tokio::test]
async fn reboot_ends_in_a_snapshot_of_the_booted_device() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.inject(FaultKind::SelfReboot);
    event(&mut events, is_feed_lost).await;
    event(&mut events, is_snapshot).await;
    reach(&helo, "ReplicatorStreamState", "1").await;
    until(&driver, driver_support::rests).await;
}

#[tokio::test]
async fn refused_connect_is_tried_again() {
    let helo = device(assuming(|a| {
        a.max_connections = 1;
        a.too_many_connections = TooManyConnections::Refuse;
        a.connection_lifetime = Duration::from_millis(200);
    }))
    .await;
    let first = driver(&helo, quick());
    let mut first_events = first.events();
    assert!(is_snapshot(&next(&mut first_events).await));
    drop(first_events);
    let mut events = driver(&helo, quick()).events();
    event(&mut events, is_snapshot).await;
}

#[tokio::test]
async fn reader_that_looks_away_holds_nobody_up() {
    let (helo, driver) = pair().await;
    let delay = Duration::from_millis(50);
    helo.inject(Fault::new(FaultKind::Delay { delay }).on_action("connect"));
    let mut events = driver.events();
    let glance = tokio::time::timeout(Duration::from_millis(10), events.next()).await;
    assert!(glance.is_err(), "{glance:?}");
    let status = tokio::time::timeout(PATIENCE, driver.status()).await;
    status
        .expect("a status while nobody reads the events")
        .unwrap();
    event(&mut events, is_snapshot).await;
}

#[tokio::test]
async fn dropped_feed_is_trusted_no_longer() {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    helo.wait_for_request(is_wait, PATIENCE)
        .await
        .expect("a long poll");
    drop(events);
    let mut statuses = 0;
    loop {
        helo.clear_requests();
        driver.status().await.unwrap();
        if asked(&helo).len() > 1 {
            break;
        }
        statuses += 1;
        assert!(statuses < 100, "a status trusts a feed that is gone");
    }
}

#[tokio::test]
async fn device_that_hangs_on_events_answers_the_rest() {
    let (helo, driver) = pair().await;
    helo.inject(Fault::new(FaultKind::Hang).on_action("connect"));
    let mut events = driver.events();
    let status = async {
        helo.wait_for_request(
            |request| request.param("action") == Some("connect"),
            PATIENCE,
        )
        .await
        .expect("a connect");
        let begun = Instant::now();
        driver.status().await.unwrap();
        begun.elapsed()
    };
    let (taken, lost) = tokio::join!(status, next(&mut events));
    assert!(taken < quick().write_timeout, "{taken:?}");
    assert!(is_feed_lost(&lost), "{lost:?}");
}

#[tokio::test]
async fn feed_switched_off_yields_nothing() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.events = false;
    let driver = driver(&helo, config);
    assert!(!driver.capability().pushes_events);
    let mut events = driver.events();
    let none = tokio::time::timeout(Duration::from_millis(50), events.next()).await;
    assert!(none.is_err());
    assert!(helo.requests().is_empty());
}
