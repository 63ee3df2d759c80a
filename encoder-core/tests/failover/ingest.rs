//! What an ingest's own word changes: what moves a stream, what holds it, and what it measures.

use std::time::Duration;

use encoder_core::model::{
    FailoverRequest, IngestSlot, Interruption, Personality, Protection, StreamId, StreamState,
    issue_code,
};
use encoder_core::testkit::{FakeWitness, IngestEventKind};

use crate::bench::{Bench, Setup, id, pass};

const SECOND: Duration = Duration::from_secs(1);

fn complete(witness: FakeWitness) -> FakeWitness {
    witness
}

async fn witnessed(count: usize, personality: Personality) -> (Bench, StreamId) {
    let bench = Setup::new(count, personality)
        .witnessed(complete)
        .build()
        .await;
    let stream = bench
        .live(bench.request(personality, Protection::Warm))
        .await;
    (bench, stream)
}

/// The witness saw media of the stream arrive.
async fn arrived(bench: &Bench, stream: &StreamId) {
    let arrives = |b: &Bench| b.view(stream).health.ingest.is_some_and(|i| i.receiving);
    bench.until("arrived", arrives).await;
}

/// A second stream, on encoders that are free.
async fn another(bench: &Bench) -> StreamId {
    let mut request = bench.request(Personality::Takeover, Protection::Warm);
    request.encoder_id = None;
    let destination = request.destination.as_mut().unwrap();
    destination.stream_key = Some("another_key_0123456".into());
    bench.live(request).await
}

#[tokio::test(start_paused = true)]
async fn stream_that_never_arrives_moves() {
    let (bench, stream) = witnessed(3, Personality::Takeover).await;
    pass(SECOND * 30).await;
    assert_eq!(bench.failovers(&stream), 0);
    bench.ingest.stall(&bench.target(&stream));
    let stalled = tokio::time::Instant::now();
    bench
        .until("told", |b| {
            b.issue(&stream, issue_code::INGEST_RECEIVES_NOTHING)
                .is_some()
        })
        .await;
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert!(stalled.elapsed() < SECOND * 4, "{:?}", stalled.elapsed());
    let past = bench.view(&stream).record.history[0].clone();
    assert_eq!(past.reason, issue_code::INGEST_RECEIVES_NOTHING);
    let decided = bench.noted(&stream, "failover_decided").await;
    assert_eq!(
        decided[0].threshold.as_deref(),
        Some("ingest.missing_after_ms=2000")
    );
    assert!(
        decided[0]
            .evidence
            .contains(&"stream_state=streaming".to_owned())
    );
    pass(SECOND * 120).await;
    assert_eq!(bench.failovers(&stream), 1, "the replacement arrives");
    assert_eq!(
        bench.issue(&stream, issue_code::INGEST_RECEIVES_NOTHING),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn replacement_gets_the_same_time_and_hold_down_applies() {
    let (bench, stream) = witnessed(4, Personality::Takeover).await;
    arrived(&bench, &stream).await;
    bench.witness().hide(&bench.target(&stream));
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let moved = tokio::time::Instant::now();
    bench
        .until("held", |b| {
            b.issue(&stream, issue_code::FAILOVER_HELD).is_some()
        })
        .await;
    assert!(moved.elapsed() >= SECOND * 2, "{:?}", moved.elapsed());
    bench
        .until("moved again", |b| b.failovers(&stream) == 2)
        .await;
    assert!(moved.elapsed() >= SECOND * 30, "{:?}", moved.elapsed());
}

#[tokio::test(start_paused = true)]
async fn witness_that_never_saw_anything_is_doubted_and_moves_nothing() {
    let bench = Setup::new(3, Personality::Takeover)
        .witnessed(complete)
        .build()
        .await;
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.manager.start_stream(request).await.unwrap().record.id;
    bench.witness().hide(&bench.target(&stream));
    let told = |b: &Bench| b.issue(&stream, issue_code::INGEST_RECEIVES_NOTHING);
    bench.until("told", |b| told(b).is_some()).await;
    let message = told(&bench).unwrap();
    assert!(message.contains("never saw anything"), "{message}");
    pass(SECOND * 120).await;
    assert_eq!(bench.failovers(&stream), 0);
    bench.witness().reveal();
    bench.until("believed", |b| told(b).is_none()).await;
    bench.witness().hide(&bench.target(&stream));
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
}

#[tokio::test(start_paused = true)]
async fn witness_that_does_not_answer_moves_nothing() {
    let (bench, stream) = witnessed(3, Personality::Takeover).await;
    arrived(&bench, &stream).await;
    bench.witness().set_failing(true);
    bench.ingest.stall(&bench.target(&stream));
    bench
        .until("told", |b| {
            b.issue(&stream, issue_code::INGEST_WITNESS_SILENT)
                .is_some()
        })
        .await;
    assert_eq!(bench.view(&stream).health.ingest, None);
    pass(SECOND * 60).await;
    assert_eq!(bench.failovers(&stream), 0);
    bench.witness().set_failing(false);
    bench
        .until("moved after all", |b| b.failovers(&stream) == 1)
        .await;
    assert_eq!(
        bench.issue(&stream, issue_code::INGEST_WITNESS_SILENT),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn ingest_that_receives_none_of_its_streams_is_suspected_itself() {
    let (bench, first) = witnessed(4, Personality::Takeover).await;
    let second = another(&bench).await;
    pass(SECOND * 5).await;
    for stream in [&first, &second] {
        bench.ingest.stall(&bench.target(stream));
    }
    for stream in [&first, &second] {
        bench
            .until("suspected", |b| {
                b.issue(stream, issue_code::INGEST_SUSPECT).is_some()
            })
            .await;
    }
    pass(SECOND * 60).await;
    for stream in [&first, &second] {
        assert_eq!(bench.failovers(stream), 0);
        let issue = bench.issue(stream, issue_code::INGEST_SUSPECT).unwrap();
        assert_eq!(
            issue,
            "the ingest receives none of 2 streams; nothing is moved"
        );
        assert_eq!(
            bench.noted(stream, issue_code::INGEST_SUSPECT).await.len(),
            1
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_stream_of_several_that_does_not_arrive_moves() {
    let (bench, first) = witnessed(5, Personality::Takeover).await;
    let second = another(&bench).await;
    pass(SECOND * 5).await;
    bench.ingest.stall(&bench.target(&first));
    bench.until("moved", |b| b.failovers(&first) == 1).await;
    pass(SECOND * 30).await;
    assert_eq!((bench.failovers(&first), bench.failovers(&second)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn silent_device_whose_stream_arrives_stays_until_it_does_not() {
    let (bench, stream) = witnessed(3, Personality::Takeover).await;
    bench.encoder(&id(1)).go_silent_on_air();
    bench
        .until("told", |b| {
            b.issue(&stream, issue_code::DEVICE_SILENT_ON_AIR).is_some()
        })
        .await;
    pass(SECOND * 60).await;
    assert_eq!(bench.failovers(&stream), 0);
    assert_eq!(bench.on_air(), [id(1)]);
    assert_eq!(
        bench
            .noted(&stream, issue_code::DEVICE_SILENT_ON_AIR)
            .await
            .len(),
        1
    );
    bench.ingest.stall(&bench.target(&stream));
    let stalled = tokio::time::Instant::now();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert!(stalled.elapsed() < SECOND * 4, "{:?}", stalled.elapsed());
    let past = bench.view(&stream).record.history[0].clone();
    assert_eq!(past.reason, issue_code::DEVICE_SILENT);
    assert!(
        past.timings[0].elapsed > SECOND * 60,
        "evidence is as old as the silence"
    );
    assert_eq!(bench.issue(&stream, issue_code::DEVICE_SILENT_ON_AIR), None);
}

#[tokio::test(start_paused = true)]
async fn silent_device_that_answers_again_is_no_longer_worth_a_word() {
    let (bench, stream) = witnessed(3, Personality::Takeover).await;
    bench.encoder(&id(1)).go_silent_on_air();
    bench
        .until("told", |b| {
            b.issue(&stream, issue_code::DEVICE_SILENT_ON_AIR).is_some()
        })
        .await;
    bench.encoder(&id(1)).come_back();
    bench
        .until("over", |b| {
            b.issue(&stream, issue_code::DEVICE_SILENT_ON_AIR).is_none()
        })
        .await;
    pass(SECOND * 60).await;
    assert_eq!(
        (bench.failovers(&stream), bench.primary(&stream)),
        (0, id(1))
    );
}

#[tokio::test(start_paused = true)]
async fn silent_device_is_moved_where_holding_is_switched_off() {
    let mut setup = Setup::new(3, Personality::Takeover).witnessed(complete);
    setup.config.ingest.hold_while_received = false;
    let bench = setup.build().await;
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.live(request).await;
    bench.encoder(&id(1)).go_silent_on_air();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
}

#[tokio::test(start_paused = true)]
async fn connection_without_counted_bytes_holds_nothing() {
    let bench = Setup::new(3, Personality::Takeover)
        .witnessed(FakeWitness::without_bytes)
        .build()
        .await;
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.live(request).await;
    bench.encoder(&id(1)).go_silent();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
}

#[tokio::test(start_paused = true)]
async fn witness_delays_no_failover_of_a_dead_device() {
    for offset in [0, 130, 260, 390, 520, 650, 780, 910] {
        let (bench, stream) = witnessed(3, Personality::Takeover).await;
        pass(Duration::from_millis(5000 + offset)).await;
        bench.encoder(&id(1)).go_silent();
        let silent = tokio::time::Instant::now();
        let backup = bench.backup(&stream).unwrap();
        bench.until("commanded", |b| b.starts(&backup) == 1).await;
        assert!(silent.elapsed() <= SECOND * 4, "{:?}", silent.elapsed());
        bench.manager.shutdown().await;
    }
}

/// A stream on an ingest that refuses a second publisher and keeps a vanished one for that long,
/// which nobody told the manager.
async fn refusing(
    kept: Option<Duration>,
    adapt: fn(FakeWitness) -> FakeWitness,
) -> (Bench, StreamId) {
    let mut setup = Setup::new(2, Personality::Reject).witnessed(adapt);
    setup.idle_timeout = kept;
    let bench = setup.build().await;
    let request = bench.request(Personality::Reject, Protection::Warm);
    let stream = bench.live(request).await;
    (bench, stream)
}

#[tokio::test(start_paused = true)]
async fn dropped_publisher_need_not_be_outwaited() {
    let (bench, stream) = refusing(None, complete).await;
    let target = bench.target(&stream);
    bench.encoder(&id(1)).go_silent();
    let silent = tokio::time::Instant::now();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert!(silent.elapsed() < SECOND * 6, "{:?}", silent.elapsed());
    assert_eq!(bench.witness().dropped(), [target]);
    assert_eq!(bench.ingest.contentions(), 0);
    assert_eq!(bench.failovers(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn publisher_that_cannot_be_dropped_is_waited_for_until_it_is_seen_gone() {
    let (bench, stream) = refusing(Some(SECOND * 20), FakeWitness::without_drop).await;
    bench.encoder(&id(1)).go_silent();
    let silent = tokio::time::Instant::now();
    pass(SECOND * 19).await;
    assert_eq!(bench.starts(&id(2)), 0, "it would have been refused");
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert!(silent.elapsed() < SECOND * 22, "{:?}", silent.elapsed());
    assert!(
        !bench
            .ingest
            .order()
            .contains(&("enc-2".into(), IngestEventKind::Refused))
    );
}

#[tokio::test(start_paused = true)]
async fn publisher_that_stays_for_ever_is_not_waited_for_for_ever() {
    let (bench, stream) = refusing(None, FakeWitness::without_drop).await;
    bench.encoder(&id(1)).go_silent();
    bench.until("given up", |b| b.failovers(&stream) == 1).await;
    let told = bench.issue(&stream, issue_code::FAILOVER_FAILED).unwrap();
    assert!(told.contains("still has its connection"), "{told}");
    assert_eq!(bench.starts(&id(2)), 0);
}

#[tokio::test(start_paused = true)]
async fn witness_that_says_nothing_lets_nobody_start() {
    let (bench, stream) = refusing(None, complete).await;
    bench.witness().set_failing(true);
    bench.encoder(&id(1)).go_silent();
    bench.until("given up", |b| b.failovers(&stream) == 1).await;
    let told = bench.issue(&stream, issue_code::FAILOVER_FAILED).unwrap();
    assert!(told.contains("idle_timeout_seconds"), "{told}");
    assert_eq!(bench.starts(&id(2)), 0);
}

#[tokio::test(start_paused = true)]
async fn crash_while_the_old_publisher_is_outwaited_changes_nothing() {
    let (mut bench, stream) = refusing(Some(SECOND * 30), FakeWitness::without_drop).await;
    bench.encoder(&id(1)).go_silent();
    bench
        .until("begun", |b| b.state(&stream) == StreamState::FailingOver)
        .await;
    bench.crash_and_restart().await;
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert!(
        !bench
            .ingest
            .order()
            .contains(&("enc-2".into(), IngestEventKind::Refused))
    );
}

async fn interruptions(bench: &Bench, stream: &StreamId, count: usize) -> Vec<Interruption> {
    let known = |b: &Bench| {
        let history = b.view(stream).record.history;
        history
            .iter()
            .filter_map(|past| past.interruption)
            .collect::<Vec<_>>()
    };
    bench.until("measured", |b| known(b).len() == count).await;
    pass(SECOND).await;
    let noted = bench.noted(stream, "interruption_measured").await;
    let told: Vec<_> = noted
        .iter()
        .filter_map(|entry| entry.interruption)
        .collect();
    assert_eq!(told, known(bench));
    let incidents: Vec<_> = noted
        .iter()
        .map(|entry| entry.incident_id.clone())
        .collect();
    let moves = bench.view(stream).record.history;
    let expected: Vec<_> = moves
        .iter()
        .map(|past| Some(past.incident_id.clone()))
        .collect();
    assert_eq!(incidents, expected);
    told
}

/// The time in which nobody was on air before the last one that published.
fn true_gap(bench: &Bench) -> Duration {
    let history = bench.ingest.history();
    let published = history
        .iter()
        .rposition(|e| e.kind == IngestEventKind::Published)
        .unwrap();
    let left = history[..published]
        .iter()
        .rev()
        .find(|e| e.kind != IngestEventKind::Published);
    history[published].at.duration_since(left.unwrap().at)
}

#[tokio::test(start_paused = true)]
async fn interruption_is_measured_as_well_as_it_can_be() {
    for offset in [0, 33, 66, 99] {
        let (bench, stream) = witnessed(2, Personality::Reject).await;
        pass(SECOND * 3 + Duration::from_millis(offset)).await;
        let asked = bench.manager.failover(&stream, FailoverRequest::default());
        asked.await.unwrap();
        let [seen] = interruptions(&bench, &stream, 1).await[..] else {
            panic!("one move is one measurement");
        };
        let truth = true_gap(&bench);
        assert!(truth > Duration::from_millis(400), "{truth:?}");
        let error = seen.gap.abs_diff(truth);
        assert!(error <= seen.resolution, "{seen:?}, in truth {truth:?}");
        assert!(seen.resolution <= Duration::from_millis(400), "{seen:?}");
        let metrics = bench.manager.render_metrics();
        let line = "encoder_ingest_interruption_seconds_count{trigger=\"manual\"} 1";
        assert!(metrics.contains(line), "{metrics}");
        bench.manager.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn interruption_counts_from_the_last_media_and_not_from_the_decision() {
    let (bench, stream) = witnessed(3, Personality::Takeover).await;
    pass(SECOND * 3).await;
    bench.encoder(&id(1)).go_silent();
    let silent = tokio::time::Instant::now();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let moved = silent.elapsed();
    let [seen] = interruptions(&bench, &stream, 1).await[..] else {
        panic!("one move is one measurement");
    };
    assert!(
        seen.gap + seen.resolution >= moved,
        "{seen:?}, moved after {moved:?}"
    );
    assert!(seen.gap > SECOND, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn both_ways_of_a_drill_are_measured() {
    let (bench, stream) = witnessed(2, Personality::Takeover).await;
    pass(SECOND * 3).await;
    let asked = bench.manager.drill(&stream, FailoverRequest::default());
    asked.await.unwrap();
    let seen = interruptions(&bench, &stream, 2).await;
    assert!(seen.iter().all(|seen| seen.gap <= SECOND), "{seen:?}");
    assert_eq!(bench.primary(&stream), id(1));
}

#[tokio::test(start_paused = true)]
async fn replacement_that_arrives_before_the_old_one_leaves_interrupts_nothing() {
    let setup = Setup::new(2, Personality::Separate).witnessed(complete);
    let bench = setup.build().await;
    let request = bench.request(Personality::Separate, Protection::Warm);
    let stream = bench.live(request).await;
    pass(SECOND * 3).await;
    let asked = bench.manager.failover(&stream, FailoverRequest::default());
    asked.await.unwrap();
    let seen = interruptions(&bench, &stream, 1).await;
    assert_eq!(seen[0].gap, Duration::ZERO, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn planned_move_between_addresses_waits_a_while_for_its_arrival() {
    let setup = Setup::new(2, Personality::Separate).witnessed(complete);
    let bench = setup.build().await;
    let request = bench.request(Personality::Separate, Protection::Warm);
    let stream = bench.live(request).await;
    let mut elsewhere = bench.target(&stream);
    elsewhere.url = bench
        .view(&stream)
        .record
        .url(IngestSlot::Backup)
        .to_owned();
    bench.witness().hide(&elsewhere);
    let asked = bench.manager.failover(&stream, FailoverRequest::default());
    asked.await.unwrap();
    let begun = tokio::time::Instant::now();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    let waited = begun.elapsed();
    assert!(waited >= SECOND * 2 && waited < SECOND * 4, "{waited:?}");
    assert!(bench.encoder(&id(1)).is_publishing(), "until then");
}

#[tokio::test(start_paused = true)]
async fn hot_backup_that_arrives_all_the_time_interrupts_nothing() {
    let setup = Setup::new(3, Personality::Takeover).witnessed(complete);
    let bench = setup.build().await;
    let request = bench.request(Personality::Takeover, Protection::Hot);
    let stream = bench.live(request).await;
    pass(SECOND * 5).await;
    bench.encoder(&id(1)).go_silent();
    let seen = interruptions(&bench, &stream, 1).await;
    assert_eq!(seen[0].gap, Duration::ZERO, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn health_tells_what_arrives_and_lends_its_measurements() {
    let (bench, stream) = witnessed(2, Personality::Takeover).await;
    bench
        .until("received", |b| {
            let ingest = b.view(&stream).health.ingest;
            ingest.is_some_and(|ingest| ingest.receiving)
        })
        .await;
    let health = bench.view(&stream).health;
    let ingest = health.ingest.unwrap();
    assert_eq!(ingest.witness, "ingest-1");
    assert_eq!(ingest.encoder_id, Some(id(1)));
    assert_eq!((ingest.publishers, ingest.fps), (Some(1), None));
    assert!(ingest.since.is_some() && ingest.connected_for_seconds.is_some());
    assert_eq!(health.bitrate, ingest.bitrate, "the device measures none");
    assert!(health.bitrate.is_some());
    assert_eq!(health.fps, None, "nobody measures them");
}

#[tokio::test(start_paused = true)]
async fn restart_with_a_witness_moves_nothing() {
    let (mut bench, stream) = witnessed(3, Personality::Takeover).await;
    pass(SECOND * 5).await;
    bench.crash_and_restart().await;
    pass(SECOND * 60).await;
    assert_eq!(
        (bench.failovers(&stream), bench.primary(&stream)),
        (0, id(1))
    );
}

#[tokio::test(start_paused = true)]
async fn witness_is_asked_more_often_only_while_something_is_under_way() {
    let (bench, stream) = witnessed(2, Personality::Takeover).await;
    pass(SECOND * 5).await;
    let looks = bench.witness().looks();
    pass(SECOND * 10).await;
    let steady = bench.witness().looks() - looks;
    assert!((9..=12).contains(&steady), "{steady} looks in 10 s");
    let asked = bench.manager.failover(&stream, FailoverRequest::default());
    asked.await.unwrap();
    pass(Duration::from_millis(500)).await;
    let looks = bench.witness().looks() - looks - steady;
    assert!(looks >= 4, "{looks} looks in half a second of a move");
}

#[tokio::test(start_paused = true)]
async fn stopped_publisher_that_the_ingest_still_has_is_waited_for() {
    let mut setup = Setup::new(2, Personality::Reject).witnessed(complete);
    setup.idle_timeout = Some(SECOND * 3);
    setup.keeps_closed = true;
    let bench = setup.build().await;
    let request = bench.request(Personality::Reject, Protection::Warm);
    let stream = bench.live(request).await;
    let asked = bench.manager.failover(&stream, FailoverRequest::default());
    asked.await.unwrap();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert_eq!(bench.primary(&stream), id(2));
    let order = bench.ingest.order();
    let refused = ("enc-2".into(), IngestEventKind::Refused);
    assert!(!order.contains(&refused), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn witness_is_asked_more_often_while_a_stream_starts() {
    let setup = Setup::new(1, Personality::Takeover).witnessed(complete);
    let bench = setup.build().await;
    bench.encoder(&id(1)).accept_start_but_never_stream();
    let request = bench.request(Personality::Takeover, Protection::None);
    bench.manager.start_stream(request).await.unwrap();
    let looks = bench.witness().looks();
    pass(SECOND * 2).await;
    assert!(bench.witness().looks() - looks >= 15);
}
