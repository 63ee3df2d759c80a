//! What is done before what, and what counts as done.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange, SimulatorConfig, Timing};
use encoder_core::model::{
    FailoverRequest, Personality, Protection, StreamState, Trigger, issue_code,
};
use encoder_tests::{BACKUP_URL, KEY, Setup, Studio, URL, helo};

const SILENCE: FaultKind = FaultKind::NetworkSilence {
    media_continues: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn takeover_starts_the_backup_at_once() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let request = FailoverRequest::default();
    studio.manager.failover(&stream, request).await.unwrap();
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    let accepted = studio.devices.first(2, IngestChange::Accepted).unwrap();
    let dropped = studio.devices.first(1, IngestChange::Dropped);
    let dropped = dropped.expect("the newcomer took over, nobody stopped the primary before");
    assert_eq!(dropped.at, accepted.at, "no picture is missing in between");
    studio
        .until("only the new one is on air", |s| {
            s.devices.on_air() == ["helo-2"] && s.issue(&stream, "fence_pending").is_none()
        })
        .await;
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reject_fences_the_primary_before_the_backup_starts() {
    let studio = Studio::open(Setup::quick(2, Personality::Reject)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let request = FailoverRequest::default();
    studio.manager.failover(&stream, request).await.unwrap();
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    let story = studio.devices.story();
    let expected = ["helo-1 accepted", "helo-1 stopped", "helo-2 accepted"];
    assert_eq!(story, expected, "no refusal, never two publishers");
    assert_eq!(studio.devices.ingest.most_publishers(URL, KEY), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reject_waits_until_the_ingest_forgot_an_unreachable_primary() {
    let mut setup = Setup::quick(2, Personality::Reject);
    setup.ingest_idle_timeout = Duration::from_millis(1500);
    let studio = Studio::open(setup).await;
    let mut request = studio.setup.request(Protection::Warm);
    request.destination.as_mut().unwrap().idle_timeout_seconds = Some(2.0);
    let stream = studio.live(request).await;
    studio.devices.nth(1).inject(SILENCE);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    let vanished = studio.devices.first(1, IngestChange::Vanished).unwrap();
    let accepted = studio.devices.first(2, IngestChange::Accepted).unwrap();
    let waited = accepted.at - vanished.at;
    assert!(waited >= Duration::from_millis(1500), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    assert_eq!(studio.devices.times(2, IngestChange::Refused), 0);
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reject_without_an_idle_timeout_says_why_it_does_not_move() {
    let studio = Studio::open(Setup::quick(2, Personality::Reject)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(SILENCE);
    studio
        .until("given up", |s| s.failovers(&stream) == 1)
        .await;
    assert!(!studio.view(&stream).record.history[0].succeeded);
    let issue = studio.issue(&stream, issue_code::FAILOVER_FAILED).unwrap();
    assert!(issue.contains("idle_timeout_seconds"), "{issue}");
    assert_eq!(studio.primary(&stream), helo(1));
    let started = studio.devices.times(2, IngestChange::Accepted)
        + studio.devices.times(2, IngestChange::Refused);
    assert_eq!(started, 0, "a start would only be refused");
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn separate_publishes_to_the_backup_address() {
    let studio = Studio::open(Setup::quick(2, Personality::Separate)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(studio.devices.on_air_at(BACKUP_URL), ["helo-2"]);
    assert_eq!(studio.devices.on_air(), [""; 0]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_primary_is_replaced_by_its_backup() {
    let studio = Studio::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let backup = studio.backup(&stream).unwrap();
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("moved", |s| {
            s.primary(&stream) == backup && s.state(&stream) == StreamState::Live
        })
        .await;
    let past = &studio.view(&stream).record.history[0];
    assert_eq!(past.trigger, Trigger::Automatic, "{past:?}");
    assert_eq!(studio.devices.on_air(), [backup.as_str()]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn start_that_the_device_took_and_never_made_is_no_failover() {
    let studio = Studio::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let liar = studio.backup(&stream).unwrap();
    let third = if liar == helo(2) { 3 } else { 2 };
    studio
        .devices
        .of(&liar)
        .inject(FaultKind::StreamNeverStarts);
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("next encoder", |s| s.is_live_on(&stream, third))
        .await;
    let history = studio.view(&stream).record.history;
    let ended: Vec<_> = history
        .iter()
        .map(|p| (p.to.clone(), p.succeeded))
        .collect();
    assert_eq!(ended, [(liar, false), (helo(third), true)]);
    assert_eq!(studio.devices.on_air(), [helo(third).as_str()]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_primary_is_started_again_where_that_is_quicker_than_a_move() {
    let mut slow = Timing::fast();
    slow.stream_start = Duration::from_millis(1200);
    let slow = SimulatorConfig::fast().with_timing(slow);
    let setup = Setup::quick(2, Personality::Takeover).with_device(2, slow);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    measure_both(&studio, &stream).await;
    let moves = studio.failovers(&stream);
    let starts = studio.devices.times(1, IngestChange::Accepted);
    // Somebody presses the button on the device.
    studio
        .devices
        .nth(1)
        .device()
        .command("ReplicatorCommand", "4")
        .unwrap();
    studio
        .until("started again", |s| {
            s.devices.times(1, IngestChange::Accepted) == starts + 1 && s.is_live_on(&stream, 1)
        })
        .await;
    assert_eq!(studio.failovers(&stream), moves, "mended in place");
    studio.close().await;
}

/// Moves there and back, so that the manager has measured a start on both encoders.
async fn measure_both(studio: &Studio, stream: &encoder_core::model::StreamId) {
    for number in [2, 1] {
        studio
            .until("protected", |s| s.view(stream).backup.ready)
            .await;
        let request = FailoverRequest::default();
        studio.manager.failover(stream, request).await.unwrap();
        studio
            .until("moved", |s| s.is_live_on(stream, number))
            .await;
    }
    studio
        .until("protected", |s| {
            s.view(stream).backup.ready && s.view(stream).record.fences.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_primary_is_replaced_where_the_backup_is_quicker() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio
        .devices
        .nth(1)
        .device()
        .command("ReplicatorCommand", "4")
        .unwrap();
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(
        studio.view(&stream).record.history[0].reason,
        issue_code::STREAM_STOPPED
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encoder_without_a_backup_is_mended_in_place() {
    let studio = Studio::open(Setup::quick(1, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let fault = encoder_aja::simulator::Fault::from(FaultKind::StreamFails);
    studio.devices.nth(1).inject(fault.times(1));
    studio
        .until("mended", |s| {
            s.devices.on_air() == ["helo-1"]
                && s.devices.times(1, IngestChange::Accepted) == 2
                && s.state(&stream) == StreamState::Live
        })
        .await;
    assert_eq!(studio.failovers(&stream), 0);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_picture_moves_the_stream_to_an_encoder_that_has_one() {
    let mut setup = Setup::quick(2, Personality::Takeover);
    setup.config.direct.input_loss_after = Duration::from_millis(300);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::InputLost);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    studio.close().await;
}
