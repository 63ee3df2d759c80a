use futures::StreamExt;

use super::*;
use crate::driver::{DriverFactory, StatusChange};
use crate::error::ErrorKind;
use crate::model::{EncoderSpec, Personality};
use IngestEventKind::{Closed, Kicked, Published, Refused, TimedOut, Vanished};

async fn live(id: &str, ingest: &FakeIngest) -> FakeEncoder {
    let encoder = FakeEncoder::new(id).with_ingest(ingest);
    go_live(&encoder).await;
    encoder
}

async fn go_live(encoder: &FakeEncoder) {
    encoder
        .configure(&sample_config(), &sample_target())
        .await
        .unwrap();
    encoder.start().await.unwrap();
    tokio::time::sleep(Duration::from_millis(501)).await;
}

fn seen(ingest: &FakeIngest) -> Vec<String> {
    let order = ingest.order().into_iter();
    order
        .map(|(encoder, kind)| format!("{encoder} {kind:?}"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn start_takes_its_delay_and_stop_too() {
    let encoder = FakeEncoder::new("a");
    encoder.start().await.unwrap();
    assert_eq!(encoder.stream_state(), DeviceStreamState::Starting);
    assert!(!encoder.is_publishing());
    tokio::time::sleep(Duration::from_millis(501)).await;
    assert!(encoder.is_publishing());
    encoder.stop().await.unwrap();
    assert!(
        encoder.is_publishing(),
        "media ends when the stop took effect"
    );
    tokio::time::sleep(Duration::from_millis(201)).await;
    assert_eq!(encoder.stream_state(), DeviceStreamState::Idle);
}

#[tokio::test(start_paused = true)]
async fn stop_overtakes_a_start_under_way() {
    let encoder = FakeEncoder::new("a");
    encoder.start().await.unwrap();
    encoder.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(encoder.stream_state(), DeviceStreamState::Idle);
}

#[tokio::test(start_paused = true)]
async fn takeover_kicks_the_first_publisher() {
    let ingest = FakeIngest::new(Personality::Takeover);
    let first = live("a", &ingest).await;
    let second = live("b", &ingest).await;
    assert!(!first.is_publishing());
    assert!(second.is_publishing());
    assert_eq!(first.stream_state(), DeviceStreamState::Failing);
    assert_eq!(seen(&ingest), ["a Published", "a Kicked", "b Published"]);
    assert_eq!(ingest.contentions(), 1);
}

#[tokio::test(start_paused = true)]
async fn reject_keeps_the_place_of_a_vanished_publisher_until_its_timeout() {
    let ingest =
        FakeIngest::new(Personality::Reject).with_idle_timeout(Some(Duration::from_secs(3)));
    let first = live("a", &ingest).await;
    first.go_silent();
    assert_eq!(ingest.on_air(&sample_target()), None);
    let second = FakeEncoder::new("b")
        .with_ingest(&ingest)
        .with_reconnect(Duration::from_secs(1));
    go_live(&second).await;
    assert_eq!(second.stream_state(), DeviceStreamState::Failing);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(second.is_publishing());
    let kinds: Vec<_> = ingest.history().iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            Published, Vanished, Refused, Refused, Refused, TimedOut, Published
        ]
    );
    assert_eq!(
        ingest.contentions(),
        0,
        "a silent publisher contends with nobody"
    );
}

#[tokio::test(start_paused = true)]
async fn silent_on_air_goes_on_publishing() {
    let ingest = FakeIngest::new(Personality::Takeover);
    let encoder = live("a", &ingest).await;
    encoder.go_silent_on_air();
    let asked = Instant::now();
    let error = encoder.status().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert_eq!(asked.elapsed(), Duration::from_secs(1));
    assert!(encoder.is_publishing());
    encoder.come_back();
    let status = encoder.status().await.unwrap();
    assert_eq!(status.stream_state, DeviceStreamState::Streaming);
    assert_eq!(seen(&ingest), ["a Published"]);
}

#[tokio::test(start_paused = true)]
async fn power_loss_ends_the_stream_and_a_ghost_may_return_with_it() {
    let ingest = FakeIngest::new(Personality::Takeover);
    let first = live("a", &ingest).await;
    first.go_silent();
    assert!(!first.is_publishing());
    let second = live("b", &ingest).await;
    first.come_back_streaming();
    assert!(first.is_publishing());
    assert!(!second.is_publishing());
    assert_eq!(ingest.order().last().unwrap(), &("a".to_owned(), Published));
    assert_eq!(ingest.contentions(), 1);
    first.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ingest.order().last().unwrap(), &("a".to_owned(), Closed));
    assert!(ingest.order().contains(&("b".to_owned(), Kicked)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_kicked_keeps_the_newcomers_connection() {
    let ingest = FakeIngest::new(Personality::Takeover);
    let first = live("a", &ingest).await;
    first.stop().await.unwrap();
    let second = FakeEncoder::new("b")
        .with_ingest(&ingest)
        .with_start_delay(Duration::from_millis(100));
    second
        .configure(&sample_config(), &sample_target())
        .await
        .unwrap();
    second.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(first.stream_state(), DeviceStreamState::Idle);
    assert_eq!(
        ingest.publisher(&sample_target()).as_ref(),
        Some(second.id())
    );
    assert!(second.is_publishing());
}

#[tokio::test(start_paused = true)]
async fn a_reboot_is_silent_and_ends_idle() {
    let encoder = FakeEncoder::new("a").with_reboot_time(Duration::from_secs(20));
    encoder.set_state(DeviceStreamState::Streaming);
    encoder.control(&Action::Reboot).await.unwrap();
    assert!(encoder.status().await.is_err());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let status = encoder.status().await.unwrap();
    assert_eq!(status.stream_state, DeviceStreamState::Idle);
}

#[tokio::test(start_paused = true)]
async fn scripted_misbehaviour_lasts_as_long_as_told() {
    let encoder = FakeEncoder::new("a");
    encoder.refuse_start(1);
    let refused = encoder.start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DeviceRejected);
    encoder.accept_start_but_never_stream();
    encoder.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(encoder.stream_state(), DeviceStreamState::Starting);
    encoder.stop().await.unwrap();
    encoder.behave();
    tokio::time::sleep(Duration::from_secs(1)).await;
    encoder.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(encoder.is_publishing());
    encoder.ignore_stop();
    encoder.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(encoder.is_publishing());
}

#[tokio::test(start_paused = true)]
async fn the_feed_begins_anew_after_silence_and_after_lag() {
    let encoder = FakeEncoder::new("a");
    let mut feed = encoder.events();
    assert!(matches!(feed.next().await, Some(DeviceEvent::Snapshot(_))));
    encoder.go_silent();
    encoder.set_temperature(60.0);
    assert!(matches!(
        feed.next().await,
        Some(DeviceEvent::FeedLost { .. })
    ));
    encoder.come_back();
    let Some(DeviceEvent::Snapshot(status)) = feed.next().await else {
        panic!("no snapshot after the feed was lost");
    };
    assert_eq!(status.system.temperature, Some(Celsius(60.0)));
    for degrees in 0..1000 {
        encoder.set_temperature(f64::from(degrees));
    }
    assert!(matches!(
        feed.next().await,
        Some(DeviceEvent::FeedLost { .. })
    ));
    let Some(DeviceEvent::Snapshot(status)) = feed.next().await else {
        panic!("no snapshot after the reader lagged");
    };
    assert_eq!(status.system.temperature, Some(Celsius(999.0)));
    encoder.lose_input();
    let Some(DeviceEvent::Changed(StatusChange::Input(signal))) = feed.next().await else {
        panic!("no change after the snapshot");
    };
    assert!(!signal.present);
}

#[tokio::test(start_paused = true)]
async fn calls_are_logged_with_their_times() {
    let encoder = FakeEncoder::new("a").with_latency(Duration::from_millis(30));
    let began = Instant::now();
    encoder.status().await.unwrap();
    encoder.start().await.unwrap();
    let calls = encoder.calls();
    assert_eq!(calls[1].at - began, Duration::from_millis(30));
    assert_eq!(encoder.commands(), [CallKind::Start]);
    encoder.clear_calls();
    assert!(encoder.calls().is_empty());
}

#[tokio::test]
async fn the_factory_hands_out_registered_encoders_only() {
    let encoder = FakeEncoder::new("a");
    let factory = FakeEncoderFactory::new().with(&encoder);
    let spec = |id: &str| EncoderSpec::new(EncoderId::try_new(id).unwrap(), "fake:");
    let driver = factory.create(&spec("a")).unwrap();
    driver.start().await.unwrap();
    assert_eq!(encoder.stream_state(), DeviceStreamState::Starting);
    let error = factory.create(&spec("b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValidationFailed);
}
