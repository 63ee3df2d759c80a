//! What can be told to a device that misbehaves, without touching its stream.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::Duration;

use driver_support::{
    PATIENCE, device, driver_with_password, event, is_feed_lost, is_snapshot, next, pair, quick,
    settings, target,
};
use encoder_aja::simulator::{Simulator, SimulatorConfig};
use encoder_core::model::{Action, DeviceStreamState, EncoderStatus};
use encoder_core::{EncoderDriver, EncoderDriverExt};

fn logins(helo: &Simulator) -> usize {
    let requests = helo.requests();
    let login = requests.iter().filter(|r| r.path == "/authenticator/login");
    login.count()
}

#[tokio::test]
async fn session_is_renewed_although_the_old_one_works() {
    let helo = device(SimulatorConfig::fast().with_password("studio")).await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    driver.status().await.unwrap();
    driver.control(&Action::RenewSession).await.unwrap();
    assert_eq!(logins(&helo), 2);
    driver.configure(&settings(), &target()).await.unwrap();
    assert_eq!(logins(&helo), 2, "the new session holds");
    let (open, driver) = pair().await;
    driver.control(&Action::RenewSession).await.unwrap();
    assert_eq!(logins(&open), 0, "without a password there is no session");
}

#[tokio::test]
async fn new_connections_begin_with_a_login_and_a_new_feed() {
    let helo = device(SimulatorConfig::fast().with_password("studio")).await;
    let driver = driver_with_password(&helo, quick(), Some("studio"));
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    let before = logins(&helo);
    driver.control(&Action::Reconnect).await.unwrap();
    assert_eq!(logins(&helo), before + 1);
    event(&mut events, is_feed_lost).await;
    event(&mut events, is_snapshot).await;
}

#[tokio::test]
async fn unit_that_serves_files_is_told_and_brought_back() {
    let (helo, driver) = pair().await;
    driver.configure(&settings(), &target()).await.unwrap();
    helo.device().command("MediaState", "1").unwrap();
    assert_eq!(driver.status().await.unwrap().serves_files, Some(true));
    driver.control(&Action::ResetMediaState).await.unwrap();
    let status = driver.status().await.unwrap();
    assert_eq!(status.serves_files, Some(false));
    assert_eq!(helo.device().get("MediaState").as_deref(), Some("0"));
    driver.start().await.unwrap();
    driver.control(&Action::ResetMediaState).await.unwrap();
    let streams = |status: &EncoderStatus| status.stream_state == DeviceStreamState::Streaming;
    let look = Duration::from_millis(20);
    driver.wait_until(PATIENCE, look, streams).await.unwrap();
}
