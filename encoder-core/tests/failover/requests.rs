//! Which request a stream acts for.

use std::time::Duration;

use encoder_core::events::Delivery;
use encoder_core::model::{
    EventKind, FailoverRequest, Personality, Protection, RequestId, StreamId, TimelineEntry,
};
use encoder_core::request;

use super::bench::{Bench, Setup, id, pass};

fn named(text: &str) -> RequestId {
    RequestId::try_new(text).unwrap()
}

async fn entries(bench: &Bench, stream: &StreamId) -> Vec<TimelineEntry> {
    bench.manager.timeline(stream).await.unwrap()
}

/// The transitions that were done for a request.
fn done_for<'a>(entries: &'a [TimelineEntry], wanted: Option<&str>) -> Vec<&'a str> {
    let fits = |entry: &&TimelineEntry| entry.request_id.as_ref().map(RequestId::as_str) == wanted;
    entries
        .iter()
        .filter(fits)
        .map(|entry| entry.transition.as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn timeline_and_events_name_the_request_that_asked() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let wanted = bench.request(Personality::Takeover, Protection::Warm);
    let stream = request::within(named("req_start"), bench.live(wanted)).await;
    pass(Duration::from_secs(5)).await;
    let began = entries(&bench, &stream).await;
    let started = done_for(&began, Some("req_start"));
    assert!(
        started.contains(&"accepted") && started.contains(&"live"),
        "{began:#?}"
    );
    let mut events = bench.manager.events().subscribe();
    let moving = bench.manager.failover(&stream, FailoverRequest::default());
    request::within(named("req_move"), moving).await.unwrap();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let mut phases = 0;
    while let Ok(Some(Delivery::Event(event))) =
        tokio::time::timeout(Duration::from_millis(10), events.next()).await
    {
        if let EventKind::StreamFailover(report) = &event.kind {
            assert_eq!(report.request_id, Some(named("req_move")), "{report:?}");
            phases += 1;
        }
    }
    assert!(phases > 1);
    pass(Duration::from_secs(5)).await;
    let moved = entries(&bench, &stream).await;
    let moved = done_for(&moved, Some("req_move"));
    assert!(moved.contains(&"failover_completed"), "{moved:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_manager_does_by_itself_is_done_for_nobody() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let wanted = bench.request(Personality::Takeover, Protection::Warm);
    let stream = request::within(named("req_start"), bench.live(wanted)).await;
    pass(Duration::from_secs(5)).await;
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    pass(Duration::from_secs(5)).await;
    let entries = entries(&bench, &stream).await;
    let own = done_for(&entries, None);
    assert!(own.contains(&"failover_completed"), "{entries:#?}");
}
