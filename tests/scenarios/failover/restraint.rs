//! When a stream stays where it is.

use std::time::{Duration, Instant};

use encoder_aja::simulator::{FaultKind, IngestChange, SimulatorConfig, Timing};
use encoder_core::model::{
    FailoverPhase, FailoverRequest, Personality, Protection, StreamState, issue_code,
};
use encoder_tests::{Setup, Studio, helo, watch_nothing_happen};

const SILENCE: FaultKind = FaultKind::NetworkSilence {
    media_continues: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_fault_is_one_failover() {
    let studio = Studio::open(Setup::quick(4, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.until("moved", |s| s.failovers(&stream) == 1).await;
    watch_nothing_happen(Duration::from_secs(4)).await;
    assert_eq!(studio.failovers(&stream), 1);
    assert_eq!(studio.state(&stream), StreamState::Live);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_down_delays_a_second_failover() {
    let mut setup = Setup::quick(4, Personality::Takeover);
    setup.config.failover.hold_down = Duration::from_secs(4);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(SILENCE);
    studio
        .until("moved", |s| {
            s.failovers(&stream) == 1 && s.view(&stream).backup.ready
        })
        .await;
    let moved = Instant::now();
    studio.devices.of(&studio.primary(&stream)).inject(SILENCE);
    studio
        .until("held", |s| {
            let issue = s.issue(&stream, issue_code::FAILOVER_HELD);
            issue.is_some_and(|message| message.contains("hold-down"))
        })
        .await;
    assert!(moved.elapsed() < Duration::from_secs(4));
    studio
        .until("moved again", |s| s.failovers(&stream) == 2)
        .await;
    let history = studio.view(&stream).record.history;
    let between = history[1].finished_at.since(history[0].finished_at);
    assert!(between >= Duration::from_secs(4), "{between:?}");
    assert!(between < Duration::from_secs(7), "{between:?}");
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hourly_cap_ends_a_chain_of_failovers() {
    let mut setup = Setup::quick(4, Personality::Takeover);
    setup.config.failover.hourly_cap = 1;
    setup.config.failover.hold_down = Duration::from_millis(100);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(SILENCE);
    studio.until("moved", |s| s.failovers(&stream) == 1).await;
    let last = studio.primary(&stream);
    studio.devices.of(&last).inject(SILENCE);
    studio
        .until("capped", |s| {
            let issue = s.issue(&stream, issue_code::FAILOVER_HELD);
            issue.is_some_and(|message| message.contains("the cap is 1"))
        })
        .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert_eq!(studio.failovers(&stream), 1);
    assert_eq!(studio.primary(&stream), last);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_when_all_encoders_fall_silent_at_once() {
    let studio = Studio::open(Setup::quick(4, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let own_network = FaultKind::NetworkSilence {
        media_continues: true,
    };
    studio
        .devices
        .all()
        .for_each(|helo| helo.inject(own_network.clone()));
    studio
        .until("noticed", |s| {
            s.issue(&stream, issue_code::MANAGER_ISOLATED).is_some()
        })
        .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert_eq!(studio.failovers(&stream), 0);
    assert_eq!(studio.devices.story(), ["helo-1 accepted"]);
    studio
        .devices
        .all()
        .for_each(encoder_aja::simulator::Simulator::clear_faults);
    studio
        .until("over", |s| {
            s.issue(&stream, issue_code::MANAGER_ISOLATED).is_none()
                && s.state(&stream) == StreamState::Live
        })
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_eq!(studio.failovers(&stream), 0);
    assert_eq!(studio.devices.story(), ["helo-1 accepted"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replacement_is_not_blamed_for_what_it_did_as_a_spare() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(2).inject(FaultKind::RefuseConnections);
    studio
        .until("spare lost", |s| !s.view(&stream).backup.ready)
        .await;
    studio.devices.nth(2).clear_faults();
    studio
        .until("spare back", |s| s.view(&stream).backup.ready)
        .await;
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    watch_nothing_happen(Duration::from_secs(3)).await;
    assert_eq!(studio.failovers(&stream), 1);
    assert!(studio.is_live_on(&stream, 2));
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_start_is_granted_the_grace_of_an_unmeasured_device() {
    let mut slow = Timing::fast();
    slow.stream_start = Duration::from_millis(1300);
    let slow = SimulatorConfig::fast().with_timing(slow);
    let setup = Setup::quick(3, Personality::Takeover)
        .with_device(2, slow.clone())
        .with_device(3, slow);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let backup = studio.backup(&stream).unwrap();
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("moved", |s| {
            s.state(&stream) == StreamState::Live && s.primary(&stream) == backup
        })
        .await;
    assert_eq!(studio.failovers(&stream), 1);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grace_for_a_start_follows_the_measured_starts() {
    let mut setup = Setup::quick(2, Personality::Takeover);
    setup.config.failover.start_grace = Duration::from_secs(15);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    for number in [2, 1] {
        let request = FailoverRequest::default();
        studio.manager.failover(&stream, request).await.unwrap();
        studio
            .until("moved", |s| {
                s.is_live_on(&stream, number) && s.view(&stream).backup.ready
            })
            .await;
    }
    studio.devices.nth(2).inject(FaultKind::StreamNeverStarts);
    let request = FailoverRequest::default();
    studio.manager.failover(&stream, request).await.unwrap();
    studio
        .until("given up", |s| s.failovers(&stream) == 3)
        .await;
    let last = studio.view(&stream).record.history.pop().unwrap();
    let confirm = last
        .timings
        .iter()
        .find(|t| t.phase == FailoverPhase::Confirm);
    let waited = confirm.unwrap().elapsed;
    assert!(!last.succeeded);
    assert!(waited >= Duration::from_millis(700), "{waited:?}");
    assert!(
        waited < Duration::from_secs(5),
        "{waited:?} is not what was measured"
    );
    assert!(studio.devices.on_air() == ["helo-1"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_manual_move_leaves_the_stream_on_air() {
    let studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(2).inject(FaultKind::StreamNeverStarts);
    let request = FailoverRequest::default();
    studio.manager.failover(&stream, request).await.unwrap();
    studio
        .until("given up", |s| s.failovers(&stream) == 1)
        .await;
    studio.until("live", |s| s.is_live_on(&stream, 1)).await;
    assert_eq!(
        studio.devices.times(1, IngestChange::Accepted),
        1,
        "never interrupted"
    );
    assert_eq!(studio.primary(&stream), helo(1));
    studio.close().await;
}
