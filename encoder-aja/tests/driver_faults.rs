//! The driver in front of devices that are silent, slow, broken, or ask for a password.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::{Duration, Instant};

use driver_support::{
    KEY, PATIENCE, asked, device, driver, driver_with_password, event, is_feed_lost, is_snapshot,
    is_wait, is_write, next, pair, quick, settings, target,
};
use encoder_aja::simulator::{Fault, FaultKind, RequestRecord, Simulator, SimulatorConfig};
use encoder_aja::{AjaConfig, AjaDriver, AjaDriverFactory};
use encoder_core::model::{DeviceStreamState, EncoderId, EncoderSpec, Secret};
use encoder_core::{
    DeviceEvent, DriverFactory, EncoderDriver, Error, ErrorKind, Retry, StatusChange,
};

fn on_config(kind: FaultKind) -> Fault {
    Fault::new(kind).on_path("/config")
}

async fn status_error(fault: impl Into<Fault>) -> Error {
    let (helo, driver) = pair().await;
    helo.inject(fault);
    driver.status().await.unwrap_err()
}

#[tokio::test]
async fn refused_connection_is_unreachable() {
    let error = status_error(FaultKind::RefuseConnections).await;
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert_eq!(error.retry(), Retry::Safe);
    assert_eq!(error.operation(), Some("EncoderDriver::status"));
    assert!(error.to_string().contains("encoder=helo-1"), "{error}");
}

#[tokio::test]
async fn failed_handshake_is_told_apart_from_a_refused_connection() {
    let helo = device(SimulatorConfig::fast()).await;
    let address = helo.url().replace("http://", "https://");
    let id = EncoderId::try_new("helo-1").unwrap();
    let driver = AjaDriver::new(id, quick(), address, None).unwrap();
    let error = driver.status().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
    assert!(error.message().contains("TLS"), "{error}");
}

#[tokio::test]
async fn silent_device_is_unreachable_within_its_timeout() {
    for fault in [
        on_config(FaultKind::Hang),
        Fault::new(FaultKind::NetworkSilence {
            media_continues: true,
        }),
    ] {
        let (helo, driver) = pair().await;
        driver.status().await.unwrap();
        helo.inject(fault);
        let begun = Instant::now();
        let error = driver.status().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
        let taken = begun.elapsed();
        assert!(
            taken < quick().read_timeout + Duration::from_millis(300),
            "{taken:?}"
        );
    }
}

#[tokio::test]
async fn status_behind_an_unanswered_command_fails_in_its_own_time() {
    let (helo, driver) = pair().await;
    helo.inject(Fault::new(FaultKind::Hang).on_action("set"));
    let status = async {
        helo.wait_for_request(is_write, PATIENCE)
            .await
            .expect("a command");
        let begun = Instant::now();
        (driver.status().await, begun.elapsed())
    };
    let (stop, (status, taken)) = tokio::join!(driver.stop(), status);
    assert_eq!(stop.unwrap_err().kind(), ErrorKind::DeviceUnreachable);
    let allowed = quick().read_timeout + Duration::from_millis(300);
    assert!(taken < allowed, "{taken:?}");
    assert_eq!(status.unwrap_err().kind(), ErrorKind::DeviceUnreachable);
}

#[tokio::test]
async fn dribbling_reply_is_bounded() {
    let fault = on_config(FaultKind::SlowBytes {
        piece: 1,
        pause: Duration::from_millis(100),
    });
    let begun = Instant::now();
    let error = status_error(fault).await;
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn cut_reply_is_repeated_once() {
    let (helo, driver) = pair().await;
    let cut = Fault::new(FaultKind::CutBody { after: 5 }).on_action("get");
    helo.inject(cut.clone().times(1));
    driver.status().await.unwrap();
    helo.clear_faults();
    helo.inject(cut);
    helo.clear_requests();
    let error = driver.status().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert_eq!(asked(&helo), ["get ReplicatorStreamState"; 2]);
}

#[tokio::test]
async fn wrong_answers_are_protocol_errors() {
    for kind in [
        FaultKind::WrongJson,
        FaultKind::Status { status: 500 },
        FaultKind::Status { status: 302 },
        FaultKind::Status { status: 417 },
    ] {
        let error = status_error(on_config(kind.clone())).await;
        assert_eq!(error.kind(), ErrorKind::DeviceProtocol, "{kind:?}");
        let shown = error.to_string();
        assert!(shown.contains("EncoderDriver::status"), "{shown}");
        assert!(shown.contains("ReplicatorStreamState"), "{shown}");
    }
}

#[tokio::test]
async fn content_type_is_ignored() {
    let (helo, driver) = pair().await;
    let value = "text/html; charset=iso-8859-1".to_owned();
    helo.inject(FaultKind::ContentType { value });
    driver.status().await.unwrap();
}

#[tokio::test]
async fn unreadable_reading_is_none_and_the_rest_is_there() {
    let (helo, driver) = pair().await;
    helo.inject(Fault::new(FaultKind::WrongJson).on_param("Temperature"));
    helo.inject(Fault::new(FaultKind::Status { status: 404 }).on_param("DetectInputFormat"));
    let status = driver.status().await.unwrap();
    assert_eq!(status.system.temperature, None);
    assert_eq!(status.input, None);
    assert_eq!(status.stream_state, DeviceStreamState::Idle);
    assert!(status.identity.serial.is_some());
}

#[tokio::test]
async fn slow_device_is_read_over_several_statuses() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.refresh_budget = Duration::from_millis(150);
    let driver = driver(&helo, config);
    let delay = Duration::from_millis(20);
    helo.inject(Fault::new(FaultKind::Delay { delay }));
    let mut rounds = 0;
    while driver.status().await.unwrap().identity.serial.is_none() {
        rounds += 1;
        assert!(rounds < 500, "the serial number is never read");
    }
    assert!(rounds > 0, "all values within one budget");
}

#[tokio::test]
async fn requests_take_turns() {
    let (helo, driver) = pair().await;
    let delay = Duration::from_millis(20);
    helo.inject(Fault::new(FaultKind::Delay { delay }));
    let calls = (0..4).map(|_| driver.stop());
    futures::future::try_join_all(calls).await.unwrap();
    let arrivals: Vec<_> = helo.requests().iter().map(|request| request.at).collect();
    assert_eq!(arrivals.len(), 4);
    for pair in arrivals.windows(2) {
        assert!(pair[1] - pair[0] >= delay, "{:?}", pair[1] - pair[0]);
    }
}

async fn secured() -> Simulator {
    device(SimulatorConfig::fast().with_password("studio")).await
}

fn logins(helo: &Simulator) -> usize {
    let requests = helo.requests();
    let logins = requests
        .iter()
        .filter(|request| request.path == "/authenticator/login");
    logins.count()
}

#[tokio::test]
async fn password_is_given_once_and_again_when_the_session_is_lost() {
    let helo = secured().await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    driver.status().await.unwrap();
    driver.status().await.unwrap();
    assert_eq!(logins(&helo), 1);
    helo.inject(FaultKind::DropSessions);
    driver.configure(&settings(), &target()).await.unwrap();
    assert_eq!(logins(&helo), 2);
}

#[tokio::test]
async fn lost_session_is_renewed_once_for_many_requests() {
    let helo = secured().await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    driver.status().await.unwrap();
    helo.inject(FaultKind::DropSessions);
    let calls = (0..5).map(|_| driver.status());
    futures::future::try_join_all(calls).await.unwrap();
    assert_eq!(logins(&helo), 2);
}

#[tokio::test]
async fn feed_uses_a_session_that_a_status_renewed() {
    let helo = secured().await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    let delay = Duration::from_millis(300);
    let late = async {
        // The wait under way is answered; the next one meets the lost session and is told late.
        helo.wait_for_request(is_wait, PATIENCE)
            .await
            .expect("a wait");
        helo.inject(Fault::new(FaultKind::Delay { delay }).on_action("wait_for_config_events"));
        helo.inject(FaultKind::DropSessions);
        helo.device().set("LinkErrors", "1").unwrap();
        let stranger = |request: &RequestRecord| is_wait(request) && !request.authenticated;
        helo.wait_for_request(stranger, PATIENCE)
            .await
            .expect("a wait without session");
        driver.status().await.unwrap();
        helo.device().set("ReplicatorStreamState", "2").unwrap();
    };
    let told = event(&mut events, |event| match event {
        DeviceEvent::Changed(StatusChange::StreamState(state)) => {
            *state == DeviceStreamState::Streaming
        }
        _ => false,
    });
    let (_, seen) = tokio::join!(late, told);
    assert!(!seen.iter().any(is_feed_lost), "{seen:?}");
    assert_eq!(logins(&helo), 2);
}

#[tokio::test]
async fn password_of_the_config_serves_devices_without_their_own() {
    let helo = secured().await;
    let mut config = quick();
    config.password = Some(Secret::from("studio"));
    driver(&helo, config).status().await.unwrap();
}

#[tokio::test]
async fn wrong_and_missing_passwords_are_auth_errors() {
    let helo = secured().await;
    for password in [Some("falsch"), None] {
        let driver = driver_with_password(&helo, quick(), password);
        let error = driver.status().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceAuth, "{password:?}");
        assert_eq!(error.retry(), Retry::Never);
        assert!(!format!("{error:?}{driver:?}").contains("falsch"));
    }
}

#[tokio::test]
async fn endless_404_is_one_login_and_an_error() {
    let helo = secured().await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    helo.inject(on_config(FaultKind::Status { status: 404 }));
    let error = driver.status().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
    assert_eq!(logins(&helo), 1);
}

#[tokio::test]
async fn secrets_never_show_in_errors() {
    for kind in [
        FaultKind::Hang,
        FaultKind::CutBody { after: 1 },
        FaultKind::Status { status: 500 },
        FaultKind::SetNotApplied,
    ] {
        let (helo, driver) = pair().await;
        helo.inject(
            Fault::new(kind.clone())
                .on_action("set")
                .on_param("RTMPStreamName_10"),
        );
        helo.inject(Fault::new(kind).on_param("RTMPStreamName"));
        let error = driver.configure(&settings(), &target()).await.unwrap_err();
        let mut shown = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            shown.push_str(&format!("{next} {next:?}"));
            cause = next.source();
        }
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn dropped_configure_leaves_a_device_the_next_call_completes() {
    let (helo, driver) = pair().await;
    let delay = Duration::from_millis(15);
    helo.inject(Fault::new(FaultKind::Delay { delay }));
    let (settings, target) = (settings(), target());
    let configure = driver.configure(&settings, &target);
    let half = tokio::time::timeout(Duration::from_millis(300), configure).await;
    assert!(half.is_err(), "configured within the time for half of it");
    helo.clear_faults();
    driver.configure(&settings, &target).await.unwrap();
    let active = driver.status().await.unwrap().active.unwrap();
    assert!(active.differences(&settings, &target).is_empty());
}

#[tokio::test]
async fn factory_makes_drivers_that_share_a_client() {
    let helo = secured().await;
    let factory = AjaDriverFactory::new(AjaConfig::default()).unwrap();
    assert_eq!(factory.name(), "aja-helo");
    let id = EncoderId::try_new("helo-7").unwrap();
    let spec = EncoderSpec::new(id, helo.url()).with_password(Secret::from("studio"));
    let driver = factory.create(&spec).unwrap();
    assert_eq!(driver.id().as_str(), "helo-7");
    driver.status().await.unwrap();
    let wrong = EncoderSpec::new(EncoderId::try_new("helo-8").unwrap(), "helo.example");
    let error = factory.create(&wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValidationFailed);
}

#[tokio::test]
async fn endless_reply_is_cut_off() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.max_reply = 1024;
    let driver: AjaDriver = driver(&helo, config);
    let long = "x".repeat(2000);
    helo.device().set("SystemName", long).unwrap();
    let status = driver.status().await.unwrap();
    assert_eq!(status.identity.name, None);
    assert!(status.identity.serial.is_some());
}
