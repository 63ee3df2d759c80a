//! Hot encoders: cooled in steps, never at the cost of a stream; and the burst limit.

use std::time::Duration;

use encoder_core::ErrorKind;
use encoder_core::model::{
    Action, Alarm, AlarmCategory, CoolingReason, CoolingTransition, EncoderId, EncoderState,
    EventKind, Personality, Protection, Severity, StreamId, StreamState, Subject, alarm_code,
};
use encoder_core::testkit::CallKind;
use tokio::time::Instant;

use crate::bench::{Bench, Setup, id, pass};

const SECOND: Duration = Duration::from_secs(1);

async fn on_air(
    count: usize,
    personality: Personality,
    protection: Protection,
) -> (Bench, StreamId) {
    let bench = Setup::new(count, personality).build().await;
    let stream = bench.live(bench.request(personality, protection)).await;
    (bench, stream)
}

/// As [`on_air`], where a call grows back in six seconds only.
async fn on_air_without_budget(count: usize) -> (Bench, StreamId) {
    let mut setup = Setup::new(count, Personality::Takeover);
    setup.config.thermal.burst_requests = 10;
    let bench = setup.build().await;
    let request = bench.request(Personality::Takeover, Protection::Warm);
    let stream = bench.live(request).await;
    for number in 1..=count {
        bench.exhaust(&id(number)).await;
    }
    (bench, stream)
}

impl Bench {
    /// Makes the encoder hotter by a degree each second, from 78 °C on.
    async fn heat_up(&self, encoder: &EncoderId, seconds: u32) {
        for second in 0..seconds {
            self.encoder(encoder)
                .set_temperature(f64::from(78 + second.min(10)));
            pass(SECOND).await;
        }
    }

    fn step(&self, encoder: &EncoderId) -> u32 {
        let cooling = self.manager.thermal(encoder).unwrap().cooling;
        cooling.map_or(0, |cooling| cooling.step)
    }

    fn transitions(&self, encoder: &EncoderId) -> Vec<(CoolingTransition, u32)> {
        let record = self.manager.thermal(encoder).unwrap().history;
        record.iter().map(|e| (e.transition, e.step)).collect()
    }

    fn weight(&self, encoder: &EncoderId) -> f64 {
        let rows = self.manager.load_balancer().encoders;
        let row = rows.iter().find(|row| row.encoder_id == *encoder);
        row.unwrap().weight
    }

    /// Asks for something often enough to use up the burst limit.
    async fn exhaust(&self, encoder: &EncoderId) {
        loop {
            let asked = self.manager.control(encoder, &Action::Mute);
            if tokio::time::timeout(Duration::from_millis(1), asked)
                .await
                .is_err()
            {
                return;
            }
        }
    }

    fn polls(&self, encoder: &EncoderId) -> usize {
        let calls = self.encoder(encoder).calls();
        calls
            .iter()
            .filter(|call| call.what == CallKind::Status)
            .count()
    }
}

#[tokio::test(start_paused = true)]
async fn idle_encoder_loses_its_share_in_steps_and_regains_it_in_steps() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let mut feed = bench.manager.events().subscribe();
    bench.encoder(&id(1)).set_temperature(84.0);
    let mut weights = Vec::new();
    for step in 1..=5 {
        bench.until("next step", |b| b.step(&id(1)) == step).await;
        pass(Duration::from_millis(10)).await;
        weights.push((bench.weight(&id(1)) * 100.0).round());
        assert_eq!(
            bench.manager.encoder(&id(1)).unwrap().state,
            EncoderState::Cooling
        );
    }
    assert_eq!(weights, [80.0, 60.0, 40.0, 20.0, 0.0]);
    pass(SECOND * 60).await;
    assert_eq!(bench.step(&id(1)), 5, "it stays there while it is hot");
    bench.encoder(&id(1)).set_temperature(70.0);
    bench.until("over", |b| b.step(&id(1)) == 0).await;
    assert_eq!(bench.weight(&id(1)), 1.0);
    assert_eq!(
        bench.manager.encoder(&id(1)).unwrap().state,
        EncoderState::Online
    );
    let steps: Vec<_> = bench
        .transitions(&id(1))
        .iter()
        .map(|(_, step)| *step)
        .collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]);
    let mut told = Vec::new();
    while let Ok(Some(delivery)) = tokio::time::timeout(SECOND, feed.next()).await {
        let encoder_core::events::Delivery::Event(event) = delivery else {
            panic!("the feed lagged");
        };
        if let (Subject::Encoder(who), EventKind::HealthUpdate(report)) =
            (&event.subject, &event.kind)
            && *who == id(1)
        {
            let thermal = &report.thermal_status;
            assert_eq!(
                thermal.cooling_active,
                report.status == EncoderState::Cooling
            );
            told.push(thermal.cooling.as_ref().map_or(0, |cooling| cooling.step));
        }
    }
    told.dedup();
    assert_eq!(
        told,
        [1, 2, 3, 4, 5, 4, 3, 2, 1, 0],
        "every step is an event"
    );
}

#[tokio::test(start_paused = true)]
async fn cooling_slows_routine_polls_five_times_at_most() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(1)).set_temperature(84.0);
    bench.until("last step", |b| b.step(&id(1)) == 5).await;
    pass(SECOND * 30).await;
    bench
        .encoders
        .iter()
        .for_each(|encoder| encoder.clear_calls());
    pass(SECOND * 100).await;
    assert_eq!((bench.polls(&id(1)), bench.polls(&id(2))), (4, 20));
}

#[tokio::test(start_paused = true)]
async fn encoder_on_air_is_polled_as_ever_while_it_cools() {
    let (bench, _) = on_air(1, Personality::Takeover, Protection::None).await;
    bench.encoder(&id(1)).set_temperature(84.0);
    bench.until("last step", |b| b.step(&id(1)) == 5).await;
    bench.encoder(&id(1)).clear_calls();
    pass(SECOND * 50).await;
    assert_eq!(bench.polls(&id(1)), 50);
}

#[tokio::test(start_paused = true)]
async fn stream_leaves_an_encoder_that_gets_hotter_although_it_is_cooled() {
    for protection in [Protection::Warm, Protection::Cold] {
        let (bench, stream) = on_air(3, Personality::Takeover, protection).await;
        bench.heat_up(&id(1), 6).await;
        assert_eq!((bench.step(&id(1)), bench.failovers(&stream)), (1, 0));
        let backup = bench.backup(&stream).expect("a backup is held ahead");
        assert!(bench.view(&stream).backup.ready, "and ready");
        bench.heat_up(&id(1), 20).await;
        bench.until("moved", |b| b.failovers(&stream) == 1).await;
        assert_eq!(bench.primary(&stream), backup);
        assert!(bench.step(&id(1)) < 5, "before the last step");
        let decided = &bench.noted(&stream, "failover_decided").await[0];
        assert!(decided.message.contains("rising"), "{}", decided.message);
        assert!(decided.evidence.contains(&"trend=rising".to_owned()));
        let record = bench.view(&stream).record;
        assert_eq!(record.history[0].reason, "overheating");
        bench
            .until("stopped", |b| !b.encoder(&id(1)).is_publishing())
            .await;
        // The hot one is the backup of nobody while a cooler one is free.
        pass(SECOND * 5).await;
        assert_ne!(bench.backup(&stream), Some(id(1)));
        bench.encoder(&id(1)).set_temperature(60.0);
        bench.until("over", |b| b.step(&id(1)) == 0).await;
        assert_eq!(bench.failovers(&stream), 1);
        bench.manager.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stream_leaves_at_the_last_step_when_it_is_still_too_hot() {
    let (bench, stream) = on_air(2, Personality::Takeover, Protection::Warm).await;
    bench.encoder(&id(1)).set_temperature(82.0);
    bench.until("step 4", |b| b.step(&id(1)) == 4).await;
    assert_eq!(bench.failovers(&stream), 0, "warm and steady is no reason");
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert_eq!(bench.step(&id(1)), 5);
    bench
        .until("the hot one", |b| b.backup(&stream) == Some(id(1)))
        .await;
}

#[tokio::test(start_paused = true)]
async fn stream_leaves_at_once_when_the_device_is_about_to_shut_down() {
    let (bench, stream) = on_air(2, Personality::Reject, Protection::Warm).await;
    let alarm = Alarm {
        code: alarm_code::NEAR_OVER_TEMPERATURE.to_owned(),
        category: AlarmCategory::Thermal,
        severity: Severity::Critical,
        message: "near over temperature".to_owned(),
    };
    bench.encoder(&id(1)).raise_alarm(alarm);
    let since = Instant::now();
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    assert!(since.elapsed() < SECOND * 2, "{:?}", since.elapsed());
    assert_eq!(bench.step(&id(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn stream_is_not_interrupted_to_cool_its_encoder() {
    let (bench, stream) = on_air(2, Personality::Reject, Protection::Warm).await;
    bench.encoder(&id(1)).set_temperature(84.0);
    bench.until("last step", |b| b.step(&id(1)) == 5).await;
    pass(SECOND * 30).await;
    assert_eq!((bench.failovers(&stream), bench.on_air()), (0, vec![id(1)]));
    let issue = bench.issue(&stream, "overheating").unwrap();
    assert!(issue.contains("refuses a second publisher"), "{issue}");
}

#[tokio::test(start_paused = true)]
async fn without_a_cool_backup_the_stream_stays_and_says_so() {
    let (bench, stream) = on_air(1, Personality::Takeover, Protection::Warm).await;
    bench.encoder(&id(1)).set_temperature(84.0);
    bench
        .until("told", |b| b.issue(&stream, "overheating").is_some())
        .await;
    pass(SECOND * 30).await;
    assert_eq!(bench.noted(&stream, "overheating").await.len(), 1);
    assert_eq!(
        (bench.failovers(&stream), bench.state(&stream)),
        (0, StreamState::Live)
    );
    bench.encoder(&id(1)).set_temperature(60.0);
    bench
        .until("settled", |b| b.issue(&stream, "overheating").is_none())
        .await;
    assert_eq!(bench.starts(&id(1)), 1, "it was never stopped");
}

#[tokio::test(start_paused = true)]
async fn stream_does_not_flee_to_a_backup_that_is_hot_itself() {
    let (bench, stream) = on_air(2, Personality::Takeover, Protection::Warm).await;
    bench.encoder(&id(1)).set_temperature(84.0);
    bench.encoder(&id(2)).set_temperature(84.0);
    bench
        .until("told", |b| b.issue(&stream, "overheating").is_some())
        .await;
    pass(SECOND * 30).await;
    assert_eq!(bench.failovers(&stream), 0);
    let issue = bench.issue(&stream, "overheating").unwrap();
    assert!(issue.contains("enc-2 is hot itself"), "{issue}");
}

#[tokio::test(start_paused = true)]
async fn hot_backup_of_a_hot_primary_is_replaced_by_a_cooler_one() {
    let (bench, stream) = on_air(3, Personality::Takeover, Protection::Warm).await;
    let first = bench.backup(&stream).unwrap();
    bench.encoder(&first).set_temperature(84.0);
    pass(SECOND * 5).await;
    assert_eq!(
        bench.backup(&stream),
        Some(first.clone()),
        "no hurry while the primary is cool"
    );
    bench.encoder(&id(1)).set_temperature(81.0);
    bench
        .until("replaced", |b| {
            b.backup(&stream).is_some_and(|id| id != first) && b.view(&stream).backup.ready
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn encoder_is_cooled_by_hand_for_a_period_and_once_at_a_time() {
    let (bench, stream) = on_air(2, Personality::Takeover, Protection::Warm).await;
    let view = bench.manager.cool_down(&id(1)).unwrap();
    let cooling = view.cooling.unwrap();
    assert_eq!((cooling.step, cooling.reason), (1, CoolingReason::Manual));
    assert_eq!(cooling.load_percentage, 80.0);
    let again = bench.manager.cool_down(&id(1)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    let nobody = bench.manager.cool_down(&id(9)).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    pass(SECOND * 60).await;
    assert_eq!(bench.step(&id(1)), 5);
    bench.until("over", |b| b.step(&id(1)) == 0).await;
    assert_eq!(bench.transitions(&id(1)).len(), 11);
    assert_eq!(bench.failovers(&stream), 0, "nothing is hot");
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_burst_limit_wait_their_turn() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    bench.encoder(&id(1)).clear_calls();
    bench.exhaust(&id(1)).await;
    let asked = bench.encoder(&id(1)).calls().len();
    assert!((90..=102).contains(&asked), "{asked}");
    let burst = bench.manager.thermal(&id(1)).unwrap().burst;
    assert!(burst.used >= 99 && burst.limit == 100, "{burst:?}");
    assert!(burst.resets_at.is_some());
    let began = Instant::now();
    bench
        .manager
        .control(&id(1), &Action::Unmute)
        .await
        .unwrap();
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_millis(600) && waited < SECOND * 2,
        "{waited:?}"
    );
    let (manager, encoder) = (&bench.manager, id(1));
    let everybody = (0..40).map(|_| manager.control(&encoder, &Action::Mute));
    let answers = futures::future::join_all(everybody).await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    let kinds: Vec<_> = refused.map(|error| (error.kind(), error.retry())).collect();
    assert!(!kinds.is_empty() && kinds.len() < 40, "{}", kinds.len());
    let refusal = (ErrorKind::Conflict, encoder_core::Retry::Safe);
    assert!(kinds.iter().all(|kind| *kind == refusal), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn failover_and_stop_do_not_wait_for_the_burst_limit() {
    let (bench, stream) = on_air_without_budget(2).await;
    let began = Instant::now();
    bench.encoder(&id(1)).fail_stream();
    bench.until("moved", |b| b.primary(&stream) == id(2)).await;
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    let began = Instant::now();
    bench.manager.stop_stream(&stream).await.unwrap();
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    assert!(bench.on_air().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_is_found_as_soon_without_any_budget() {
    for offset in [0, 390, 780] {
        let (bench, stream) = on_air_without_budget(3).await;
        pass(Duration::from_millis(5000 + offset)).await;
        bench.encoder(&id(1)).go_silent();
        let silent = Instant::now();
        let backup = bench.backup(&stream).unwrap();
        bench
            .until("backup commanded", |b| b.starts(&backup) == 1)
            .await;
        let taken = silent.elapsed();
        assert!(taken <= Duration::from_secs(4), "{taken:?}");
        bench.manager.shutdown().await;
    }
}
