//! New settings for a stream on air.

use std::time::Duration;

use encoder_core::ErrorKind;
use encoder_core::model::{Personality, Protection, StreamConfigPatch, StreamState, Trigger};
use encoder_core::testkit::CallKind;

use crate::bench::{Bench, Setup, id, pass};

fn patch(json: &str) -> StreamConfigPatch {
    serde_json::from_str(json).unwrap()
}

fn bitrate(bench: &Bench, number: usize) -> u64 {
    bench.encoder(&id(number)).config().unwrap().bitrate.0
}

#[tokio::test(start_paused = true)]
async fn idle_only_settings_are_changed_by_handing_over() {
    for personality in [Personality::Takeover, Personality::Separate] {
        let bench = Setup::new(2, personality).build().await;
        let stream = bench
            .live(bench.request(personality, Protection::Warm))
            .await;
        let update = bench
            .manager
            .update_stream(&stream, patch(r#"{"bitrate":6000000}"#), None);
        tokio::pin!(update);
        // Looked at every 5 ms of the change: somebody publishes at every moment.
        let view = loop {
            assert!(!bench.on_air().is_empty(), "off air for a moment");
            tokio::select! {
                view = &mut update => break view.unwrap(),
                () = pass(Duration::from_millis(5)) => {}
            }
        };
        assert_eq!(view.record.config.bitrate.0, 6_000_000);
        assert!(
            view.backup.ready,
            "synced before the answer: {:?}",
            view.backup
        );
        assert_eq!(bench.on_air(), [id(2)]);
        assert_eq!(
            (bitrate(&bench, 1), bitrate(&bench, 2)),
            (6_000_000, 6_000_000)
        );
        assert_eq!(view.record.history[0].trigger, Trigger::Manual);
        let note = bench.noted(&stream, "reconfigured").await.remove(0);
        assert!(
            note.message.starts_with("interrupted for 0 ms"),
            "{}",
            note.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn clients_wait_for_no_hold_down() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    for bitrate in [6_000_000, 5_000_000, 8_000_000] {
        let change = patch(&format!(r#"{{"bitrate":{bitrate}}}"#));
        let view = bench
            .manager
            .update_stream(&stream, change, None)
            .await
            .unwrap();
        assert_eq!(view.record.config.bitrate.0, bitrate);
    }
    assert_eq!(bench.failovers(&stream), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_backup_that_can_take_over_the_encoder_is_stopped_for_the_change() {
    for (personality, count) in [(Personality::Takeover, 1), (Personality::Reject, 2)] {
        let bench = Setup::new(count, personality).build().await;
        let stream = bench
            .live(bench.request(personality, Protection::Warm))
            .await;
        let change = patch(r#"{"bitrate":6000000}"#);
        bench
            .manager
            .update_stream(&stream, change, None)
            .await
            .unwrap();
        assert_eq!(bench.primary(&stream), id(1));
        assert_eq!(bitrate(&bench, 1), 6_000_000);
        assert!(bench.encoder(&id(1)).commands().contains(&CallKind::Stop));
        let note = bench.noted(&stream, "reconfigured").await.remove(0);
        assert!(
            !note.message.starts_with("interrupted for 0 ms"),
            "{}",
            note.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_over_that_fails_leaves_the_old_settings_on_the_old_encoder() {
    let break_it: [fn(&Bench); 3] = [
        |bench| bench.encoder(&id(2)).ignore_configure(),
        |bench| bench.encoder(&id(2)).refuse_start(100),
        |bench| bench.encoder(&id(2)).accept_start_but_never_stream(),
    ];
    for break_it in break_it {
        let bench = Setup::new(2, Personality::Takeover).build().await;
        let stream = bench
            .live(bench.request(Personality::Takeover, Protection::Warm))
            .await;
        break_it(&bench);
        let change = patch(r#"{"bitrate":6000000}"#);
        let error = bench
            .manager
            .update_stream(&stream, change, None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceRejected, "{error}");
        assert_eq!(bench.on_air(), [id(1)]);
        assert_eq!(bitrate(&bench, 1), 8_000_000);
        assert_eq!(bench.view(&stream).record.config.bitrate.0, 8_000_000);
        bench
            .until("live", |b| b.state(&stream) == StreamState::Live)
            .await;
        bench.encoder(&id(2)).behave();
        bench
            .until("protected with the old settings", |b| {
                b.view(&stream).backup.ready && bitrate(b, 2) == 8_000_000
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_fails_meanwhile_is_failed_over_from_and_nothing_is_lost() {
    // Broken at every 50 ms of the change.
    for moment in (0..1500).step_by(50) {
        let bench = Setup::new(3, Personality::Takeover).build().await;
        let stream = bench
            .live(bench.request(Personality::Takeover, Protection::Warm))
            .await;
        let manager = bench.manager.clone();
        let change = patch(r#"{"bitrate":6000000}"#);
        let update = manager.update_stream(&stream, change, None);
        let breaking = async {
            pass(Duration::from_millis(moment)).await;
            bench.encoder(&id(1)).go_silent();
        };
        let (result, ()) = tokio::join!(update, breaking);
        bench
            .until("live elsewhere and protected", |b| {
                b.state(&stream) == StreamState::Live
                    && b.primary(&stream) != id(1)
                    && b.view(&stream).backup.ready
            })
            .await;
        let record = bench.view(&stream).record;
        let held = bench.encoder(&record.primary.encoder_id).config().unwrap();
        assert_eq!(held, record.config, "the record tells what is on air");
        let wanted = if result.is_ok() { 6_000_000 } else { 8_000_000 };
        assert_eq!(record.config.bitrate.0, wanted, "{moment} ms: {result:?}");
        assert_eq!(bench.on_air(), [record.primary.encoder_id]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_dies_meanwhile_leaves_settings_and_encoder_together() {
    for moment in (0..1500).step_by(50) {
        let mut bench = Setup::new(2, Personality::Takeover).build().await;
        let stream = bench
            .live(bench.request(Personality::Takeover, Protection::Warm))
            .await;
        let manager = bench.manager.clone();
        let change = patch(r#"{"bitrate":6000000}"#);
        let update = manager.update_stream(&stream, change, None);
        let _ = tokio::time::timeout(Duration::from_millis(moment), update).await;
        bench.crash_and_restart().await;
        bench
            .until("live", |b| b.state(&stream) == StreamState::Live)
            .await;
        bench
            .until("protected", |b| b.view(&stream).backup.ready)
            .await;
        let record = bench.view(&stream).record;
        let held = bench.encoder(&record.primary.encoder_id).config().unwrap();
        assert_eq!(held, record.config, "{moment} ms");
        assert_eq!(bench.on_air(), [record.primary.encoder_id], "{moment} ms");
    }
}
