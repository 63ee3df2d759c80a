//! Real pictures and sound of a simulated HELO, at a real RTMP ingest. Needs ffmpeg, and nginx with
//! its RTMP module.

#![allow(clippy::unwrap_used, reason = "a failing test says enough")]

mod simulator_support;

use std::time::{Duration, Instant};

use encoder_aja::simulator::{AlarmMessage, MediaConfig, Simulator, SimulatorConfig};
use simulator_support::nginx::{Nginx, free_port};
use simulator_support::{PATIENCE, reach, ready};

const STATE: &str = "ReplicatorStreamState";

fn small() -> MediaConfig {
    MediaConfig::default()
        .with_max_resolution(320, 180)
        .with_max_fps(15.0)
}

fn device(url: &str, key: &str) -> SimulatorConfig {
    SimulatorConfig::fast()
        .with_live_media(small())
        .with_value("StreamType", "0")
        .with_value("RTMPServerURL", url)
        .with_value("RTMPStreamName", key)
}

fn begin(helo: &Simulator) {
    helo.device().command("ReplicatorCommand", "3").unwrap();
}

fn end(helo: &Simulator) {
    helo.device().command("ReplicatorCommand", "4").unwrap();
}

async fn live(config: SimulatorConfig) -> Simulator {
    let helo = ready(config).await;
    begin(&helo);
    reach(&helo, STATE, "2").await;
    helo
}

fn raised(helo: &Simulator, alarm: &str) -> bool {
    let value = helo.device().get(alarm).unwrap();
    AlarmMessage::from_base64(&value).unwrap().is_active()
}

#[tokio::test]
async fn stream_arrives_with_the_size_of_the_limit_and_the_name_of_the_device() {
    let nginx = Nginx::start().await;
    let started = Instant::now();
    let helo = live(device(&nginx.url(), "council").with_serial("7")).await;
    println!("on air after {:?}", started.elapsed());
    let stream = nginx.stream().await;
    assert_eq!(stream.name, "council");
    assert_eq!(stream.size, (320, 180));
    assert_eq!(stream.agents, ["HELO (7)"]);
    nginx
        .until(|streams| (streams[0].bytes > stream.bytes).then_some(()))
        .await;
    end(&helo);
    reach(&helo, STATE, "1").await;
    nginx
        .until(|streams| streams.is_empty().then_some(()))
        .await;
    helo.shutdown().await;
}
