//! What is written down and told while a stream moves.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, SimulatorConfig, Timing};
use encoder_core::model::{
    FailoverPhase, FailoverRequest, Personality, Protection, StreamFailoverReport, issue_code,
};
use encoder_core::store::{Expect, StateStore};
use encoder_tests::{BACKUP_URL, Setup, Studio, failover_events, helo, watch_nothing_happen};

fn phases(told: &[StreamFailoverReport]) -> Vec<&'static str> {
    told.iter().map(|report| report.phase.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_each_step_of_a_takeover_in_order() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let mut feed = studio.manager.events().subscribe();
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    let told = failover_events(&mut feed, &stream).await;
    assert_eq!(phases(&told), ["start", "confirm", "completed"]);
    let elapsed: Vec<_> = told.iter().map(|report| report.elapsed).collect();
    assert!(elapsed.is_sorted(), "{elapsed:?}");
    let last = told.last().unwrap();
    assert_eq!((&last.from, &last.to), (&helo(1), &helo(2)));
    assert_eq!(last.rtmp_url, None, "the address for players is the same");
    let timed: Vec<_> = last
        .phases
        .iter()
        .map(|timing| timing.phase.as_str())
        .collect();
    assert_eq!(timed, ["detect", "decide", "start", "confirm"]);
    let sum: Duration = last.phases.iter().map(|timing| timing.elapsed).sum();
    assert!(
        sum <= last.elapsed + Duration::from_millis(5),
        "{sum:?} in {last:?}"
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_of_the_fence_where_it_comes_first() {
    let studio = Studio::open(Setup::quick(2, Personality::Reject)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let mut feed = studio.manager.events().subscribe();
    let request = FailoverRequest::default();
    let accepted = studio.manager.failover(&stream, request).await.unwrap();
    let told = failover_events(&mut feed, &stream).await;
    assert_eq!(phases(&told), ["fence", "start", "confirm", "completed"]);
    assert!(
        told.iter()
            .all(|report| report.incident_id == accepted.incident_id)
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn players_are_told_the_new_address() {
    let studio = Studio::open(Setup::quick(2, Personality::Separate)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let mut feed = studio.manager.events().subscribe();
    let request = FailoverRequest::default();
    studio.manager.failover(&stream, request).await.unwrap();
    let told = failover_events(&mut feed, &stream).await;
    assert_eq!(told.last().unwrap().rtmp_url.as_deref(), Some(BACKUP_URL));
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timeline_tells_why_and_how_long() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    let mut timeline = Vec::new();
    encoder_tests::until("written", async || {
        timeline = studio.manager.timeline(&stream).await.unwrap();
        timeline
            .iter()
            .any(|entry| entry.transition == "failover_completed")
    })
    .await;
    let decided = timeline
        .iter()
        .find(|e| e.transition == "failover_decided")
        .unwrap();
    assert!(
        decided.evidence.contains(&"verdict=silent".to_owned()),
        "{decided:?}"
    );
    assert_eq!(decided.threshold.as_deref(), Some("connection.fall"));
    let done = timeline
        .iter()
        .find(|e| e.transition == "failover_completed")
        .unwrap();
    let timed: Vec<_> = done.phases.iter().map(|t| t.phase.as_str()).collect();
    assert_eq!(timed, ["detect", "decide", "start", "confirm"]);
    assert_eq!(done.incident_id, decided.incident_id);
    let numbers: Vec<_> = timeline.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=timeline.len() as u64).collect::<Vec<_>>());
    studio.close().await;
}

fn slow_backup() -> Setup {
    let mut slow = Timing::fast();
    slow.stream_start = Duration::from_millis(900);
    let slow = SimulatorConfig::fast().with_timing(slow);
    Setup::quick(2, Personality::Takeover).with_device(2, slow)
}

#[tokio::test(flavor = "multi_thread")]
async fn record_names_the_step_before_it_is_done_and_the_primary_after() {
    let studio = Studio::open(slow_backup()).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let (_, before) = studio.on_disk(&stream).await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    let mut revisions = vec![before.revision];
    encoder_tests::until("the step is on disk", async || {
        let (record, stored) = studio.on_disk(&stream).await;
        revisions.push(stored.revision);
        record.failover.is_some_and(|failover| {
            assert_eq!(record.primary.encoder_id, helo(1));
            failover.phase == FailoverPhase::Confirm && failover.to == helo(2)
        })
    })
    .await;
    assert_eq!(
        studio.devices.on_air(),
        [""; 0],
        "it was written before it was done"
    );
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    let (after, stored) = studio.on_disk(&stream).await;
    revisions.push(stored.revision);
    assert!(revisions.is_sorted() && stored.revision > before.revision);
    assert_eq!(after.primary.encoder_id, helo(2));
    assert_eq!(after.failover, None);
    assert_eq!(after.history.len(), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn record_that_somebody_else_wrote_meanwhile_is_not_overwritten() {
    let studio = Studio::open(slow_backup()).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    encoder_tests::until("confirming", async || {
        let (record, _) = studio.on_disk(&stream).await;
        record
            .failover
            .is_some_and(|failover| failover.phase == FailoverPhase::Confirm)
    })
    .await;
    let (mut record, stored) = studio.on_disk(&stream).await;
    record.name = Some("written by another manager".to_owned());
    let bytes = serde_json::to_vec(&record).unwrap();
    let expect = Expect::Revision(stored.revision);
    let written = studio.store.put(&stored.key, &bytes, expect).await.unwrap();
    studio
        .until("started", |s| s.devices.on_air() == ["helo-2"])
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    let (kept, stored) = studio.on_disk(&stream).await;
    assert_eq!(stored.revision, written);
    assert_eq!(kept.name, record.name);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_without_a_ready_backup_says_so() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(2).inject(FaultKind::InputLost);
    studio
        .until("unprotected", |s| {
            s.issue(&stream, issue_code::UNPROTECTED).is_some() && !s.view(&stream).backup.ready
        })
        .await;
    assert_eq!(studio.view(&stream).backup.reasons, ["no input signal"]);
    studio.devices.nth(2).clear_faults();
    studio
        .until("protected", |s| s.view(&stream).backup.ready)
        .await;
    studio.close().await;
}
