//! What the driver tests share: a simulated device, a driver for it, and settings that fit.

#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

use std::time::Duration;

use encoder_aja::simulator::{RequestRecord, Simulator, SimulatorConfig};
use encoder_aja::{AjaConfig, AjaDriver};
use encoder_core::model::{
    Bitrate, DeviceStreamState, EncoderId, EncoderStatus, FrameRate, PublishTarget, Resolution,
    Secret, StreamConfig,
};
use encoder_core::{DeviceEvent, EncoderDriverExt};
use futures::StreamExt;
use futures::stream::BoxStream;

/// Far more than anything here takes; reached only by a failing test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The stream key, which must never show.
pub(crate) const KEY: &str = "geheim-4f2a";

/// Short timeouts, so that faults show soon.
pub(crate) fn quick() -> AjaConfig {
    let mut config = AjaConfig::default();
    config.connect_timeout = Duration::from_millis(400);
    config.read_timeout = Duration::from_millis(400);
    config.write_timeout = Duration::from_millis(800);
    config.readback_pause = Duration::from_millis(10);
    config.reconnect_min = Duration::from_millis(20);
    config.reconnect_max = Duration::from_millis(100);
    config.recall_settle = Duration::from_millis(40);
    config
}

/// A started device that has finished booting.
pub(crate) async fn device(config: SimulatorConfig) -> Simulator {
    let helo = Simulator::start(config).await.unwrap();
    reach(&helo, "ReplicatorStreamState", "1").await;
    helo
}

/// Waits until the device itself has this value.
pub(crate) async fn reach(helo: &Simulator, id: &str, value: &str) {
    let reached = helo.device().wait_for(id, value, PATIENCE).await;
    let found = helo.device().get(id);
    assert!(reached, "{id} never became {value}, it is {found:?}");
}

pub(crate) fn driver(helo: &Simulator, config: AjaConfig) -> AjaDriver {
    driver_with_password(helo, config, None)
}

pub(crate) fn driver_with_password(
    helo: &Simulator,
    config: AjaConfig,
    password: Option<&str>,
) -> AjaDriver {
    let id = EncoderId::try_new("helo-1").unwrap();
    AjaDriver::new(id, config, helo.url(), password.map(Secret::from)).unwrap()
}

/// A booted device and a driver for it.
pub(crate) async fn pair() -> (Simulator, AjaDriver) {
    let helo = device(SimulatorConfig::fast()).await;
    let driver = driver(&helo, quick());
    (helo, driver)
}

/// Settings that fit the simulator's input of 60 pictures per second, as a studio says it.
pub(crate) fn settings() -> StreamConfig {
    StreamConfig {
        resolution: Resolution::new(1280, 720),
        bitrate: Bitrate::from_kbps(5000),
        fps: FrameRate::from_fps(29.97),
        keyframe_interval: Duration::from_secs(2),
        audio_bitrate: Bitrate::from_kbps(192),
    }
}

pub(crate) fn target() -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from(KEY),
    }
}

pub(crate) async fn until(
    driver: &AjaDriver,
    reached: for<'a> fn(&'a EncoderStatus) -> bool,
) -> EncoderStatus {
    let interval = Duration::from_millis(10);
    driver
        .wait_until(PATIENCE, interval, reached)
        .await
        .unwrap()
}

pub(crate) fn streams(status: &EncoderStatus) -> bool {
    status.stream_state == DeviceStreamState::Streaming
}

pub(crate) fn rests(status: &EncoderStatus) -> bool {
    status.stream_state == DeviceStreamState::Idle
}

/// The next event.
pub(crate) async fn next(events: &mut BoxStream<'static, DeviceEvent>) -> DeviceEvent {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    event
        .expect("an event in time")
        .expect("a feed without end")
}

/// The first event for which `wanted` holds, and those before it.
pub(crate) async fn event(
    events: &mut BoxStream<'static, DeviceEvent>,
    wanted: impl Fn(&DeviceEvent) -> bool,
) -> Vec<DeviceEvent> {
    let mut seen = Vec::new();
    loop {
        seen.push(next(events).await);
        if wanted(seen.last().unwrap()) {
            return seen;
        }
    }
}

pub(crate) fn is_snapshot(event: &DeviceEvent) -> bool {
    matches!(event, DeviceEvent::Snapshot(_))
}

pub(crate) fn is_feed_lost(event: &DeviceEvent) -> bool {
    matches!(event, DeviceEvent::FeedLost { .. })
}

/// Whether the request belongs to the long poll.
pub(crate) fn is_wait(request: &RequestRecord) -> bool {
    request.param("action") == Some("wait_for_config_events")
}

pub(crate) fn is_write(request: &RequestRecord) -> bool {
    request.param("action") == Some("set")
}

/// The requests that are not part of the event feed, as `action parameter`.
pub(crate) fn asked(helo: &Simulator) -> Vec<String> {
    let requests = helo.requests();
    let own = requests.iter().filter(|request| !is_wait(request));
    own.map(|request| {
        let part = |name| request.param(name).unwrap_or_default().to_owned();
        format!(
            "{} {}",
            part("action"),
            part("paramid").replace("eParamID_", "")
        )
    })
    .collect()
}
