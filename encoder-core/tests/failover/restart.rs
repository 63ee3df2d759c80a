//! A manager that restarts goes on with what it finds, and moves nothing without need.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{EncoderSpec, Personality, Protection, StreamId, StreamState};
use encoder_core::monitor::errors::ErrorQuery;
use encoder_core::store::Key;
use encoder_core::testkit::FakeEncoder;
use encoder_core::{EncoderDriver as _, Manager};

use crate::bench::{Bench, Setup, id, pass};

#[tokio::test(start_paused = true)]
async fn restart_leaves_a_healthy_stream_alone() {
    let mut bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench
        .encoders
        .iter()
        .for_each(encoder_core::testkit::FakeEncoder::clear_calls);
    bench.crash_and_restart().await;
    bench
        .until("protected", |b| b.view(&stream).backup.ready)
        .await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.state(&stream), StreamState::Live);
    assert_eq!(bench.failovers(&stream), 0);
    assert_eq!(bench.encoder(&id(1)).commands(), []);
    assert_eq!(bench.on_air(), [id(1)]);
}

#[tokio::test(start_paused = true)]
async fn restart_remembers_what_went_wrong() {
    let mut bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(2)).go_silent();
    let known = |bench: &Bench| bench.manager.errors(&ErrorQuery::default());
    bench.until("told", |b| !known(b).is_empty()).await;
    bench.encoder(&id(2)).come_back();
    pass(Duration::from_secs(60)).await;
    let before = known(&bench);
    bench.crash_and_restart().await;
    pass(Duration::from_secs(5)).await;
    let after = known(&bench);
    assert_eq!(after.len(), before.len());
    assert_eq!(after[0].id(), before[0].id());
    assert!(!after[0].is_open());
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_stands_by_writes_no_errors() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    let mut config = bench.config.clone();
    config.instance = "second".to_owned();
    let silent = FakeEncoder::new("enc-9");
    let spec = EncoderSpec::new(silent.id().clone(), "fake://").with_driver("fake");
    let second = Manager::builder()
        .with_config(config)
        .with_store(Arc::clone(&bench.store))
        .with_encoder_driver(spec, silent.driver())
        .build()
        .await
        .unwrap();
    silent.go_silent();
    pass(Duration::from_secs(120)).await;
    assert!(!second.errors(&ErrorQuery::default()).is_empty());
    let stored = bench.store.list(&Key::try_new("errors/").unwrap()).await;
    assert_eq!(stored.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn restart_starts_a_primary_that_went_idle_meanwhile() {
    let mut bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.manager.shutdown().await;
    bench
        .encoder(&id(1))
        .set_state(encoder_core::model::DeviceStreamState::Idle);
    bench.crash_and_restart().await;
    bench
        .until("on air", |b| {
            b.on_air() == [id(1)] && b.state(&stream) == StreamState::Live
        })
        .await;
    assert_eq!(bench.failovers(&stream), 0);
}

#[tokio::test(start_paused = true)]
async fn restart_after_a_failover_does_not_fail_over_again() {
    let mut bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let primary = bench.primary(&stream);
    bench.crash_and_restart().await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.failovers(&stream), 1);
    assert_eq!(bench.primary(&stream), primary);
    assert_eq!(bench.on_air(), [primary]);
}

#[tokio::test(start_paused = true)]
async fn restart_in_the_middle_of_a_failover_finishes_it() {
    for wait in [1, 50, 100, 200, 300, 400, 500, 600] {
        let (bench, stream) = crash_after(Duration::from_millis(wait)).await;
        assert_ne!(bench.primary(&stream), id(1), "after {wait} ms");
        assert_eq!(bench.failovers(&stream), 1, "after {wait} ms");
        bench.manager.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn restart_before_anything_was_decided_mends_the_stream_either_way() {
    let (bench, stream) = crash_after(Duration::ZERO).await;
    assert!(bench.failovers(&stream) <= 1);
}

/// A manager that ends so long after the primary of a stream failed, and its successor, 40 s
/// later, with the stream on air once.
async fn crash_after(wait: Duration) -> (Bench, StreamId) {
    let mut bench = Setup::new(3, Personality::Reject).build().await;
    let stream = bench
        .live(bench.request(Personality::Reject, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    if !wait.is_zero() {
        pass(wait).await;
    }
    bench.crash_and_restart().await;
    bench
        .until("live", |b| b.state(&stream) == StreamState::Live)
        .await;
    pass(Duration::from_secs(40)).await;
    assert_eq!(bench.on_air(), [bench.primary(&stream)], "after {wait:?}");
    assert_eq!(bench.ingest.contentions(), 0, "after {wait:?}");
    (bench, stream)
}

#[tokio::test(start_paused = true)]
async fn restart_remembers_fences() {
    let mut bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    bench.crash_and_restart().await;
    bench.encoder(&id(1)).come_back_streaming();
    bench
        .until("stopped", |b| !b.encoder(&id(1)).is_publishing())
        .await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.on_air(), [bench.primary(&stream)]);
}

#[tokio::test(start_paused = true)]
async fn restart_while_starting_brings_the_stream_up() {
    let mut bench = Setup::new(2, Personality::Takeover).build().await;
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    bench.crash_and_restart().await;
    bench
        .until("live", |b| b.state(&stream) == StreamState::Live)
        .await;
    assert_eq!(bench.on_air(), [id(1)]);
}
