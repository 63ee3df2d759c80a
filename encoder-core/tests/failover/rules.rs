//! When a stream moves, and when it must not.

use std::time::Duration;

use encoder_core::model::{FailoverRequest, Personality, Protection, StreamState, issue_code};
use encoder_core::testkit::IngestEventKind as Ingest;

use crate::bench::{Setup, id, pass};

#[tokio::test(start_paused = true)]
async fn failing_primary_is_replaced_by_its_backup() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let backup = bench.backup(&stream).unwrap();
    bench.encoder(&id(1)).fail_stream();
    bench
        .until("moved", |b| {
            b.failovers(&stream) == 1 && b.state(&stream) == StreamState::Live
        })
        .await;
    assert_eq!(bench.primary(&stream), backup);
    assert_eq!(bench.on_air(), [backup]);
}

#[tokio::test(start_paused = true)]
async fn takeover_starts_the_backup_before_it_stops_the_primary() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench
        .manager
        .failover(&stream, FailoverRequest::default())
        .await
        .unwrap();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let order = bench.ingest.order();
    let kicked = order
        .iter()
        .position(|e| *e == ("enc-1".into(), Ingest::Kicked));
    let started = order
        .iter()
        .position(|e| *e == ("enc-2".into(), Ingest::Published));
    assert!(started.is_some() && kicked.is_some(), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn reject_stops_the_primary_before_it_starts_the_backup() {
    let bench = Setup::new(2, Personality::Reject).build().await;
    let stream = bench
        .live(bench.request(Personality::Reject, Protection::Warm))
        .await;
    bench
        .manager
        .failover(&stream, FailoverRequest::default())
        .await
        .unwrap();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert_eq!(bench.ingest.contentions(), 0, "{:?}", bench.ingest.order());
    assert_eq!(bench.on_air(), [id(2)]);
}

#[tokio::test(start_paused = true)]
async fn reject_waits_for_the_idle_timeout_of_an_unreachable_primary() {
    let mut setup = Setup::new(2, Personality::Reject);
    setup.idle_timeout = Some(Duration::from_secs(20));
    let bench = setup.build().await;
    let mut request = bench.request(Personality::Reject, Protection::Warm);
    request.destination.as_mut().unwrap().idle_timeout_seconds = Some(20.0);
    let stream = bench.live(request).await;
    bench.encoder(&id(1)).go_silent();
    let silent = tokio::time::Instant::now();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert!(
        silent.elapsed() >= Duration::from_secs(19),
        "{:?}",
        silent.elapsed()
    );
    assert!(
        silent.elapsed() <= Duration::from_secs(25),
        "{:?}",
        silent.elapsed()
    );
    assert_eq!(bench.failovers(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn reject_without_an_idle_timeout_says_why_it_does_not_move() {
    let bench = Setup::new(2, Personality::Reject).build().await;
    let stream = bench
        .live(bench.request(Personality::Reject, Protection::Warm))
        .await;
    bench.encoder(&id(1)).go_silent();
    bench.until("given up", |b| b.failovers(&stream) == 1).await;
    let view = bench.view(&stream);
    assert!(!view.record.history[0].succeeded);
    let issue = view
        .health
        .issues
        .iter()
        .find(|i| i.code.as_str() == issue_code::FAILOVER_FAILED);
    assert!(
        issue.unwrap().message.contains("idle_timeout_seconds"),
        "{issue:?}"
    );
    assert_eq!(
        bench.starts(&id(2)),
        0,
        "a start would have been refused by the ingest"
    );
}

#[tokio::test(start_paused = true)]
async fn separate_publishes_to_the_backup_address() {
    let bench = Setup::new(2, Personality::Separate).build().await;
    let stream = bench
        .live(bench.request(Personality::Separate, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let target = bench.encoder(&id(2)).target().unwrap();
    assert_eq!(target.url, crate::bench::BACKUP_URL);
    assert_eq!(bench.ingest.contentions(), 0);
}

#[tokio::test(start_paused = true)]
async fn silent_primary_is_replaced_within_four_seconds() {
    for offset in [0, 130, 260, 390, 520, 650, 780, 910] {
        let bench = Setup::new(3, Personality::Takeover).build().await;
        let stream = bench
            .live(bench.request(Personality::Takeover, Protection::Warm))
            .await;
        pass(Duration::from_millis(5000 + offset)).await;
        bench.encoder(&id(1)).go_silent();
        let silent = tokio::time::Instant::now();
        let backup = bench.backup(&stream).unwrap();
        bench
            .until("backup commanded", |b| b.starts(&backup) == 1)
            .await;
        assert!(
            silent.elapsed() <= Duration::from_secs(4),
            "{:?}",
            silent.elapsed()
        );
        bench.manager.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_fault_is_one_failover() {
    let bench = Setup::new(4, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    pass(Duration::from_secs(120)).await;
    assert_eq!(bench.failovers(&stream), 1);
    assert_eq!(bench.state(&stream), StreamState::Live);
}

#[tokio::test(start_paused = true)]
async fn hold_down_delays_a_second_failover() {
    let bench = Setup::new(4, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let moved = tokio::time::Instant::now();
    let second = bench.primary(&stream);
    bench
        .until("protected", |b| b.view(&stream).backup.ready)
        .await;
    bench.encoder(&second).go_silent();
    bench
        .until("held", |b| {
            b.view(&stream)
                .health
                .issues
                .iter()
                .any(|i| i.code.as_str() == issue_code::FAILOVER_HELD)
        })
        .await;
    bench
        .until("moved again", |b| b.failovers(&stream) == 2)
        .await;
    assert!(
        moved.elapsed() >= Duration::from_secs(30),
        "{:?}",
        moved.elapsed()
    );
    assert!(
        moved.elapsed() <= Duration::from_secs(33),
        "{:?}",
        moved.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn hourly_cap_ends_a_chain_of_failovers() {
    let mut setup = Setup::new(6, Personality::Takeover);
    setup.config.failover.hourly_cap = 2;
    setup.config.failover.hold_down = Duration::from_secs(1);
    let bench = setup.build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    for round in 1..=2 {
        let primary = bench.primary(&stream);
        bench.encoder(&primary).go_silent();
        bench
            .until("moved", |b| b.failovers(&stream) == round)
            .await;
        pass(Duration::from_secs(5)).await;
    }
    let last = bench.primary(&stream);
    bench.encoder(&last).go_silent();
    pass(Duration::from_secs(300)).await;
    assert_eq!(bench.failovers(&stream), 2);
    assert_eq!(bench.primary(&stream), last);
}

#[tokio::test(start_paused = true)]
async fn nothing_moves_when_all_encoders_fall_silent_at_once() {
    let bench = Setup::new(4, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench
        .encoders
        .iter()
        .for_each(|encoder| encoder.go_silent_on_air());
    pass(Duration::from_secs(60)).await;
    let view = bench.view(&stream);
    assert_eq!(view.record.history, []);
    assert_eq!(view.record.primary.encoder_id, id(1));
    let isolated = |b: &crate::bench::Bench| {
        b.view(&stream)
            .health
            .issues
            .iter()
            .any(|i| i.code.as_str() == issue_code::MANAGER_ISOLATED)
    };
    assert!(isolated(&bench));
    bench
        .encoders
        .iter()
        .for_each(|encoder| encoder.come_back());
    bench
        .until("over", |b| {
            !isolated(b) && b.state(&stream) == StreamState::Live
        })
        .await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(bench.failovers(&stream), 0);
}

#[tokio::test(start_paused = true)]
async fn returned_primary_never_publishes_uninvited_and_becomes_the_backup() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    bench.encoder(&id(1)).come_back_streaming();
    bench
        .until("stopped", |b| !b.encoder(&id(1)).is_publishing())
        .await;
    bench
        .until("backup again", |b| {
            b.backup(&stream) == Some(id(1)) && b.view(&stream).backup.ready
        })
        .await;
    bench
        .until("on air", |b| {
            b.on_air() == [id(2)] || b.failovers(&stream) > 1
        })
        .await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.on_air(), [bench.primary(&stream)]);
}

#[tokio::test(start_paused = true)]
async fn stand_in_backup_is_released_when_the_old_primary_returns() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let second = bench.backup(&stream).unwrap();
    let third = if second == id(2) { id(3) } else { id(2) };
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    bench
        .until("stand-in", |b| {
            b.backup(&stream) == Some(third.clone()) && b.view(&stream).backup.ready
        })
        .await;
    bench.encoder(&id(1)).come_back();
    bench
        .until("returned", |b| {
            b.backup(&stream) == Some(id(1)) && b.view(&stream).backup.ready
        })
        .await;
    assert!(bench.manager.encoder(&third).unwrap().streams.is_empty());
    assert_eq!(bench.failovers(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn replacement_is_not_blamed_for_what_it_did_as_a_spare() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    // Two failed polls of a spare are no reason to doubt it as a publisher.
    bench.encoder(&id(2)).go_silent();
    pass(Duration::from_millis(1500)).await;
    bench.encoder(&id(2)).come_back();
    bench.until("ready", |b| b.view(&stream).backup.ready).await;
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    pass(Duration::from_secs(45)).await;
    assert_eq!(bench.failovers(&stream), 1);
    assert_eq!(bench.state(&stream), StreamState::Live);
}

#[tokio::test(start_paused = true)]
async fn slow_start_is_granted_the_measured_grace() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let slow = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.live(slow).await;
    bench.encoder(&id(2)).accept_start_but_never_stream();
    let asked = tokio::time::Instant::now();
    bench.encoder(&id(1)).fail_stream();
    bench.until("given up", |b| b.failovers(&stream) >= 1).await;
    assert!(!bench.view(&stream).record.history[0].succeeded);
    let grace = bench.config.failover.start_grace;
    assert!(asked.elapsed() >= grace, "{:?}", asked.elapsed());
    assert!(
        asked.elapsed() <= grace + Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn restart_in_place_is_tried_when_no_backup_is_ready() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    bench
        .until("mended", |b| {
            b.starts(&id(1)) == 2 && b.encoder(&id(1)).is_publishing()
        })
        .await;
    bench
        .until("live", |b| b.state(&stream) == StreamState::Live)
        .await;
    assert_eq!(bench.failovers(&stream), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_input_moves_the_stream_to_an_encoder_with_a_picture() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).lose_input();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert_eq!(
        bench.view(&stream).record.history[0].reason,
        issue_code::INPUT_LOST
    );
}

#[tokio::test(start_paused = true)]
async fn drill_goes_there_and_back() {
    let bench = Setup::new(3, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    let accepted = bench
        .manager
        .drill(&stream, FailoverRequest::default())
        .await
        .unwrap();
    bench
        .until("there", |b| b.primary(&stream) == accepted.to)
        .await;
    bench
        .until("back", |b| {
            b.primary(&stream) == id(1) && b.failovers(&stream) == 2
        })
        .await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(bench.failovers(&stream), 2);
    assert_eq!(bench.on_air(), [id(1)]);
}

#[tokio::test(start_paused = true)]
async fn timeline_tells_why_and_how_long() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    pass(Duration::from_secs(1)).await;
    let timeline = bench.manager.timeline(&stream).await.unwrap();
    let decided = timeline
        .iter()
        .find(|e| e.transition == "failover_decided")
        .unwrap();
    assert!(!decided.evidence.is_empty());
    let done = timeline
        .iter()
        .find(|e| e.transition == "failover_completed")
        .unwrap();
    let phases: Vec<_> = done
        .phases
        .iter()
        .map(|timing| timing.phase.as_str())
        .collect();
    assert_eq!(phases, ["detect", "decide", "start", "confirm"]);
    let numbers: Vec<_> = timeline.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=timeline.len() as u64).collect::<Vec<_>>());
}
