//! Protection classes, and the beginning and end of a stream.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{
    AlertState, EncoderSpec, FailoverRequest, Personality, Protection, StreamConfigPatch,
    StreamRequest, StreamState,
};
use encoder_core::testkit::{BreakableStore, FakeEncoder, Fault, FaultyDriver, Operation, When};
use encoder_core::{ErrorKind, Manager};

use crate::bench::{BACKUP_URL, Setup, URL, id, pass};

#[tokio::test(start_paused = true)]
async fn hot_backup_publishes_to_its_own_address_and_only_roles_change() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Hot))
        .await;
    let backup = bench.backup(&stream).unwrap();
    assert!(bench.encoder(&backup).is_publishing());
    assert_eq!(bench.encoder(&backup).target().unwrap().url, BACKUP_URL);
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.primary(&stream) == backup).await;
    assert_eq!(
        bench.starts(&backup),
        1,
        "it publishes already and is not started again"
    );
    bench
        .until("new hot backup", |b| b.view(&stream).backup.ready)
        .await;
    let next = bench.backup(&stream).unwrap();
    assert_eq!(bench.encoder(&next).target().unwrap().url, URL);
}

#[tokio::test(start_paused = true)]
async fn warm_backup_is_staged_and_idle() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let backup = bench.encoder(&id(2));
    assert!(!backup.is_publishing());
    assert_eq!(backup.config(), Some(bench.view(&stream).record.config));
    assert_eq!(backup.target().unwrap().url, URL);
}

#[tokio::test(start_paused = true)]
async fn cold_stream_holds_no_backup_and_takes_any_free_encoder() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Cold))
        .await;
    assert_eq!(bench.backup(&stream), None);
    assert!(bench.manager.encoder(&id(2)).unwrap().streams.is_empty());
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert_eq!(bench.on_air(), [id(2)]);
}

#[tokio::test(start_paused = true)]
async fn unprotected_stream_is_mended_in_place_and_never_moved() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::None))
        .await;
    bench.encoder(&id(1)).fail_stream();
    bench
        .until("mended", |b| {
            b.starts(&id(1)) == 2 && b.state(&stream) == StreamState::Live
        })
        .await;
    bench.encoder(&id(1)).go_silent();
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.primary(&stream), id(1));
    assert_eq!(bench.starts(&id(2)), 0);
}

#[tokio::test(start_paused = true)]
async fn backup_that_is_not_ready_says_why() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(2)).lose_input();
    bench
        .until("not ready", |b| !b.view(&stream).backup.ready)
        .await;
    assert_eq!(bench.view(&stream).backup.reasons, ["no input signal"]);
    bench.encoder(&id(2)).restore_input();
    bench.until("ready", |b| b.view(&stream).backup.ready).await;
    bench.encoder(&id(2)).go_silent();
    bench
        .until("silent", |b| {
            b.view(&stream)
                .backup
                .reasons
                .iter()
                .any(|r| r.contains("answer"))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn backup_changed_behind_our_back_is_configured_again() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let mut other = bench.view(&stream).record.config;
    other.bitrate = encoder_core::model::Bitrate(1_000_000);
    let target = bench.encoder(&id(2)).target().unwrap();
    bench
        .encoder(&id(2))
        .driver()
        .configure(&other, &target)
        .await
        .unwrap();
    bench
        .until("configured again", |b| {
            b.encoder(&id(2)).config() == Some(b.view(&stream).record.config)
                && b.view(&stream).backup.ready
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn stream_is_stopped_and_everything_is_released() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let view = bench.manager.stop_stream(&stream).await.unwrap();
    assert_eq!(view.record.state, StreamState::Stopped);
    assert!(bench.on_air().is_empty());
    assert!(
        bench
            .manager
            .encoders()
            .iter()
            .all(|encoder| encoder.streams.is_empty())
    );
    bench.manager.stop_stream(&stream).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn encoder_that_could_not_be_stopped_stays_fenced_after_the_end() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Cold))
        .await;
    bench.encoder(&id(1)).go_silent_on_air();
    bench.manager.stop_stream(&stream).await.unwrap();
    assert!(bench.encoder(&id(1)).is_publishing());
    bench.encoder(&id(1)).come_back();
    bench.until("stopped", |b| b.on_air().is_empty()).await;
    bench
        .until("released", |b| b.view(&stream).record.fences.is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn start_that_never_comes_moves_to_another_encoder() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(1)).accept_start_but_never_stream();
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    bench
        .until("live", |b| b.state(&stream) == StreamState::Live)
        .await;
    assert_eq!(bench.primary(&stream), id(2));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_start_that_never_comes_releases_the_stream() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    bench.encoder(&id(1)).accept_start_but_never_stream();
    let request = bench.request(Personality::Takeover, Protection::None);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    let error = bench
        .manager
        .wait_live(&stream, Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(bench.state(&stream), StreamState::Stopped);
    assert!(bench.manager.encoder(&id(1)).unwrap().streams.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_requests_at_once_never_get_the_same_encoder() {
    let bench = Setup::new(4, Personality::Takeover).build().await;
    let mut request = bench.request(Personality::Takeover, Protection::Warm);
    request.encoder_id = None;
    let (a, b) = tokio::join!(
        bench.manager.start_stream(request.clone()),
        bench.manager.start_stream(request.clone())
    );
    let (a, b) = (a.unwrap().record, b.unwrap().record);
    let mut all = vec![a.primary.encoder_id, b.primary.encoder_id];
    all.extend([a.backup.unwrap().encoder_id, b.backup.unwrap().encoder_id]);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
    let error = bench.manager.start_stream(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEncoderAvailable);
    assert_eq!(error.violations().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn new_settings_reach_both_encoders() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let patch: StreamConfigPatch = serde_json::from_str(r#"{"bitrate":6000000}"#).unwrap();
    let view = bench
        .manager
        .update_stream(&stream, patch, None)
        .await
        .unwrap();
    assert_eq!(view.record.config.bitrate.0, 6_000_000);
    assert!(view.backup.ready, "{:?}", view.backup);
    for number in [1, 2] {
        assert_eq!(
            bench.encoder(&id(number)).config().unwrap().bitrate.0,
            6_000_000
        );
    }
    assert_eq!(bench.on_air(), [id(2)], "handed over, not stopped");
    assert_eq!(bench.backup(&stream), Some(id(1)));
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.failovers(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn encoder_on_air_is_only_removed_by_draining_it() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let error = bench
        .manager
        .remove_encoder(&id(1), false)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    bench.manager.remove_encoder(&id(1), true).await.unwrap();
    assert_ne!(bench.primary(&stream), id(1));
    assert_eq!(bench.state(&stream), StreamState::Live);
    assert!(bench.manager.encoder(&id(1)).is_err());
    assert!(!bench.encoder(&id(1)).is_publishing());
}

#[tokio::test(start_paused = true)]
async fn manual_failover_refuses_an_encoder_that_is_not_ready() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(2)).go_silent();
    bench.encoder(&id(3)).go_silent();
    pass(Duration::from_secs(20)).await;
    let request = FailoverRequest {
        reason: None,
        to: Some(id(3)),
    };
    let error = bench.manager.failover(&stream, request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(bench.on_air(), [id(1)]);
}

#[tokio::test(start_paused = true)]
async fn accepted_failover_shows_and_is_stored_before_it_is_answered() {
    let mut setup = Setup::new(3, Personality::Takeover);
    let slow = BreakableStore::default().with_latency(Duration::from_millis(5));
    setup.store = Arc::new(slow);
    let bench = setup.build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    pass(Duration::from_secs(10)).await;
    let before = bench.manager.stream(&stream).unwrap().revision;
    let request = FailoverRequest::default();
    bench.manager.failover(&stream, request).await.unwrap();
    let accepted = bench.manager.stream(&stream).unwrap();
    assert_eq!(accepted.record.state, StreamState::FailingOver);
    assert!(accepted.revision > before, "written");
    pass(Duration::from_secs(20)).await;
    assert_eq!(bench.state(&stream), StreamState::Live);
    assert_eq!(bench.failovers(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn ended_streams_are_forgotten_after_their_retention() {
    let mut setup = Setup::new(2, Personality::Takeover);
    setup.config.stream_retention = Duration::from_secs(60);
    let bench = setup.build().await;
    let request = bench.request(Personality::Takeover, Protection::Cold);
    let first = bench.live(request.clone()).await;
    bench.manager.stop_stream(&first).await.unwrap();
    pass(Duration::from_secs(30)).await;
    assert!(!bench.manager.timeline(&first).await.unwrap().is_empty());
    let second = bench.live(request.clone()).await;
    bench.manager.stop_stream(&second).await.unwrap();
    pass(Duration::from_secs(40)).await;
    bench.live(request).await;
    assert!(bench.manager.stream(&first).is_err());
    assert!(bench.manager.timeline(&first).await.is_err());
    assert!(bench.manager.stream(&second).is_ok());
}

#[tokio::test(start_paused = true)]
async fn lost_backup_is_one_alert_that_resolves() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let of_stream = |b: &crate::bench::Bench| {
        let all = b.manager.alerts().into_iter();
        all.filter(|alert| alert.stream_id.as_ref() == Some(&stream))
            .collect::<Vec<_>>()
    };
    // Being staged at the start is not yet a loss, so only what is firing counts.
    pass(Duration::from_secs(30)).await;
    let before = of_stream(&bench).len();
    bench.encoder(&id(2)).go_silent();
    bench
        .until("firing", |b| {
            of_stream(b).iter().any(|a| a.state == AlertState::Firing)
        })
        .await;
    bench.encoder(&id(2)).come_back();
    bench
        .until("resolved", |b| {
            of_stream(b).iter().all(|a| a.state == AlertState::Resolved)
        })
        .await;
    assert_eq!(of_stream(&bench).len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn encoder_that_ignores_its_settings_is_never_started() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    bench.encoder(&id(1)).ignore_configure();
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    bench
        .until("given up", |b| b.state(&stream) == StreamState::Failed)
        .await;
    assert_eq!(bench.starts(&id(1)), 0, "it would publish what it holds");
    let failure = bench.view(&stream).record.failure.unwrap();
    assert!(failure.contains("device_rejected"), "{failure}");
    assert!(bench.manager.encoder(&id(1)).unwrap().streams.is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_settings_move_a_new_stream_elsewhere_at_once() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(1)).ignore_configure();
    let asked = tokio::time::Instant::now();
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    bench
        .until("live", |b| b.state(&stream) == StreamState::Live)
        .await;
    assert_eq!(bench.primary(&stream), id(2));
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(bench.starts(&id(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn encoder_that_only_answers_wrongly_is_not_chosen() {
    let faulty = FaultyDriver::new(FakeEncoder::new("enc-1").driver());
    faulty.inject(
        Operation::Status,
        When::Always,
        Fault::Fail(ErrorKind::DeviceAuth),
    );
    faulty.drop_events(u64::MAX);
    let spec = EncoderSpec::new(id(1), "fake://").with_driver("fake");
    let manager = Manager::builder()
        .with_encoder_driver(spec, std::sync::Arc::new(faulty))
        .build()
        .await
        .unwrap();
    pass(Duration::from_secs(10)).await;
    let request: StreamRequest = serde_json::from_str(
        r#"{"resolution":"1920x1080","bitrate":8000000,"fps":30,
            "destination":{"url":"rtmp://ingest.example/live"}}"#,
    )
    .unwrap();
    let error = manager.start_stream(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEncoderAvailable);
}
