//! The connections to a device: how many there are, and how they come and go.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::time::{Duration, Instant};

use driver_support::{PATIENCE, device, driver, is_snapshot, next, pair, quick};
use encoder_aja::AjaDriver;
use encoder_aja::simulator::{Fault, FaultKind, SimulatorConfig};
use encoder_core::EncoderDriver;
use encoder_core::model::ConnectionPool;

fn pool(driver: &AjaDriver) -> ConnectionPool {
    driver.connections().unwrap()
}

async fn ask(driver: &AjaDriver, times: usize) {
    for _ in 0..times {
        driver.status().await.unwrap();
    }
}

#[tokio::test]
async fn commands_share_one_connection_and_the_long_poll_has_another() {
    let (_helo, driver) = pair().await;
    assert_eq!(pool(&driver).opened, 0);
    let mut events = driver.events();
    assert!(is_snapshot(&next(&mut events).await));
    ask(&driver, 20).await;
    let pool = pool(&driver);
    assert_eq!((pool.open, pool.opened, pool.closed), (2, 2, 0), "{pool:?}");
    assert_eq!((pool.in_use, pool.idle), (1, 1), "{pool:?}");
    assert!(pool.reused >= 19, "{pool:?}");
    assert!(pool.oldest_age_seconds.is_some() && pool.last_error.is_none());
}

#[tokio::test]
async fn a_connection_past_its_life_is_replaced_without_a_failed_request() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.events = false;
    config.pool.lifetime = Duration::from_millis(30);
    let driver = driver(&helo, config);
    let begun = Instant::now();
    while pool(&driver).retired < 3 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", pool(&driver));
        ask(&driver, 1).await;
    }
    let pool = pool(&driver);
    assert!(pool.opened >= 3 && pool.open <= 1, "{pool:?}");
    assert_eq!((pool.broken, pool.last_error), (0, None));
}

#[tokio::test]
async fn an_idle_connection_is_given_up_after_its_time() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.events = false;
    config.pool.idle_timeout = Duration::from_millis(50);
    let driver = driver(&helo, config);
    ask(&driver, 1).await;
    let opened = pool(&driver).opened;
    let begun = Instant::now();
    while pool(&driver).open > 0 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", pool(&driver));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ask(&driver, 1).await;
    let pool = pool(&driver);
    assert_eq!((pool.opened, pool.broken), (opened + 1, 0), "{pool:?}");
}

#[tokio::test]
async fn a_broken_connection_is_counted_and_its_error_told() {
    let helo = device(SimulatorConfig::fast()).await;
    let mut config = quick();
    config.events = false;
    let driver = driver(&helo, config);
    ask(&driver, 2).await;
    helo.inject(Fault::new(FaultKind::CutBody { after: 3 }).times(1));
    ask(&driver, 1).await;
    let cut = pool(&driver);
    assert_eq!(cut.broken, 1, "{cut:?}");
    assert!(cut.last_error.is_some() && cut.last_error_age_seconds.is_some());
    helo.inject(FaultKind::RefuseConnections);
    driver.status().await.unwrap_err();
    let refused = pool(&driver);
    assert_eq!(refused.open, 0, "{refused:?}");
    assert_eq!(refused.opened, refused.closed, "{refused:?}");
}
