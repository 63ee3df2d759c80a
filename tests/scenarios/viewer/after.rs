//! What follows a move: the way back of a drill, and an encoder that returns unasked.

use encoder_aja::simulator::FaultKind;
use encoder_core::model::{FailoverRequest, Personality, Protection, StreamView};
use encoder_tests::broadcast::Broadcast;
use encoder_tests::helo;

use super::{SLACK, stage};

#[tokio::test(flavor = "multi_thread")]
async fn drill_tells_what_the_ingest_saw_of_both_ways() {
    let broadcast = Broadcast::open(stage()).await.unwrap();
    let live = broadcast.live(Protection::Warm, Personality::Takeover);
    let stream = live.await.unwrap();
    let audience = broadcast.audience().await.unwrap();
    audience.until_seen(1, 30).await.unwrap();
    let drilled = std::time::Instant::now();
    let request = FailoverRequest::default();
    broadcast.manager.drill(&stream, request).await.unwrap();
    let back = |view: &StreamView| {
        let told = view.record.history.iter();
        let told = told.filter(|past| past.interruption.is_some()).count();
        told == 2 && view.record.primary.encoder_id == helo(1)
    };
    let there_and_back = broadcast.until_stream(&stream, "there and back", back);
    there_and_back.await.unwrap();
    let seen = audience.seen().interruption(drilled, 1).unwrap();
    assert!(seen.first_after.is_some(), "the other one was on air");
    let timeline = broadcast.manager.timeline(&stream).await.unwrap();
    let measured = timeline.iter().filter_map(|entry| entry.interruption);
    let measured: Vec<_> = measured.collect();
    assert_eq!(measured.len(), 2, "{timeline:#?}");
    // The ingest is looked at now and then, the viewer looks all the time.
    let longest = measured.iter().map(|seen| seen.gap).max().unwrap();
    let blur = measured.iter().map(|seen| seen.resolution).max().unwrap();
    assert!(seen.gap <= longest + blur + SLACK, "{seen:?} {measured:?}");
    broadcast.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn encoder_that_comes_back_by_itself_does_not_get_on_air() {
    let broadcast = Broadcast::open(stage()).await.unwrap();
    let live = broadcast.live(Protection::Warm, Personality::Takeover);
    let stream = live.await.unwrap();
    let audience = broadcast.audience().await.unwrap();
    audience.until_seen(1, 15).await.unwrap();
    broadcast.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    let moved = |view: &StreamView| view.record.primary.encoder_id != helo(1);
    let moved = broadcast.until_stream(&stream, "moved", moved);
    moved.await.unwrap();
    broadcast.nth(1).clear_faults();
    let rested = |view: &StreamView| view.record.fences.is_empty() && view.backup.ready;
    let rested = broadcast.until_stream(&stream, "at rest", rested);
    rested.await.unwrap();
    let successor = broadcast.manager.stream(&stream).unwrap().record.primary;
    let successor = encoder_tests::broadcast::number_of(&successor.encoder_id).unwrap();
    audience.until_seen(successor, 45).await.unwrap();
    let seen = audience.seen();
    let sources = seen.pictures().iter().filter_map(|picture| picture.code);
    let mut sources: Vec<_> = sources.map(|code| code.source).collect();
    sources.dedup();
    assert_eq!(sources, [1, successor], "each had its time once");
    assert_eq!(
        broadcast
            .manager
            .stream(&stream)
            .unwrap()
            .record
            .history
            .len(),
        1
    );
    broadcast.close().await.unwrap();
}
