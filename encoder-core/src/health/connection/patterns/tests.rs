use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::error::ErrorKind;
use crate::health::{ConnectionConfig, ConnectionPolicy, ContactOutcome, HistoryConfig};
use crate::model::{Celsius, EncoderStatus, PredictedMetric, Timestamp};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u32 = 3600;
const LOST: ContactOutcome = ContactOutcome::Failed {
    kind: ErrorKind::DeviceUnreachable,
};

fn answered(millis: f64) -> ContactOutcome {
    ContactOutcome::Answered {
        latency: Duration::from_secs_f64(millis / 1000.0),
    }
}

/// One request every `step` seconds; `outcome` by the second.
fn watched(seconds: u32, step: u32, outcome: impl Fn(u32) -> ContactOutcome) -> (History, Instant) {
    let start = Instant::now();
    let wall = Timestamp::from_millis(0);
    let mut history = History::new(HistoryConfig::default(), start, wall);
    let mut now = start;
    for second in (0..seconds).step_by(step as usize) {
        now = start + SECOND * second;
        history.record_contact(now, outcome(second));
    }
    (history, now)
}

fn has<E: PartialEq<str>>(evidence: &[E], wanted: &str) -> bool {
    evidence.iter().any(|figure| *figure == *wanted)
}

fn kinds(history: &History, now: Instant) -> Vec<PatternKind> {
    let found = recognise(&PatternConfig::default(), 2, history, now);
    found.iter().map(|pattern| pattern.kind).collect()
}

#[test]
fn a_link_that_goes_down_and_up_three_times_flaps() {
    let down = |second: u32| second % 60 >= 50;
    let (history, now) = watched(175, 1, |s| if down(s) { LOST } else { answered(20.0) });
    let config = PatternConfig::default();
    let found = flapping(&config, 2, &history, now);
    assert_eq!(found, None, "five changes are not six: {found:?}");
    let (history, now) = watched(185, 1, |s| if down(s) { LOST } else { answered(20.0) });
    let found = flapping(&config, 2, &history, now).unwrap();
    for figure in ["transitions=6", "threshold=6", "window_seconds=600"] {
        assert!(has(&found.evidence, figure), "{found:?}");
    }
    assert_eq!(found.since, Timestamp::from_millis(50_000));
    let later = now + SECOND * 700;
    assert_eq!(flapping(&config, 2, &history, later), None, "it is over");
}

#[test]
fn single_lost_requests_are_no_flapping() {
    let single = |second: u32| {
        if second % 10 == 9 {
            LOST
        } else {
            answered(20.0)
        }
    };
    let (history, now) = watched(300, 1, single);
    assert_eq!(flapping(&PatternConfig::default(), 2, &history, now), None);
}

#[test]
fn losses_every_minute_are_periodic_from_four_periods_on() {
    let lost = |second: u32| {
        if second % 60 == 55 {
            LOST
        } else {
            answered(20.0)
        }
    };
    let config = PatternConfig::default();
    let (history, now) = watched(240, 1, lost);
    assert_eq!(periodic_loss(&config, &history, now), None, "three periods");
    let (history, now) = watched(300, 1, lost);
    let found = periodic_loss(&config, &history, now).unwrap();
    for figure in ["period_seconds=60.0", "periods=4", "jitter_seconds=0.0"] {
        assert!(has(&found.evidence, figure), "{found:?}");
    }
    let later = now + SECOND * 600;
    assert_eq!(periodic_loss(&config, &history, later), None, "it is over");
}

#[test]
fn a_period_may_shake_a_little_and_miss_one_loss() {
    let moments = [55, 117, 173, 236, 355, 414, 476];
    let lost = move |second: u32| {
        if moments.contains(&second) {
            LOST
        } else {
            answered(20.0)
        }
    };
    let (history, now) = watched(480, 1, lost);
    let found = periodic_loss(&PatternConfig::default(), &history, now).unwrap();
    assert!(found.message.contains("every 6"), "{found:?}");
}

#[test]
fn every_second_request_lost_is_no_period_of_its_own() {
    let lost = |second: u32| {
        if second % 2 == 1 {
            LOST
        } else {
            answered(20.0)
        }
    };
    let (history, now) = watched(60, 1, lost);
    assert_eq!(
        periodic_loss(&PatternConfig::default(), &history, now),
        None
    );
}

/// Losses as a Poisson process, one request a second.
fn random_losses(seed: u64, mean: f64) -> (History, Instant) {
    let mut random = StdRng::seed_from_u64(seed);
    let lost: Vec<_> = (0..1200).map(|_| random.random_bool(1.0 / mean)).collect();
    watched(1200, 1, |s| {
        if lost[s as usize] {
            LOST
        } else {
            answered(20.0)
        }
    })
}

#[test]
fn random_losses_are_rarely_taken_for_periodic() {
    let series = 1000;
    let taken = (0..series)
        .filter(|seed| {
            let (history, now) = random_losses(*seed, 40.0);
            periodic_loss(&PatternConfig::default(), &history, now).is_some()
        })
        .count();
    assert!(
        taken * 200 < usize::try_from(series).unwrap(),
        "{taken} of {series}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_period_with_little_jitter_is_found(
        period in 20_u32..120, seed in any::<u64>(), phase in 0_u32..20,
    ) {
        let mut random = StdRng::seed_from_u64(seed);
        let jitter = f64::from(period) * 0.02;
        let moments: Vec<_> = (0..9)
            .map(|n| f64::from(phase + n * period) + random.random_range(-jitter..=jitter))
            .map(|moment| moment.max(0.0).round() as u32 + 5)
            .collect();
        let end = moments.iter().max().unwrap() + 2;
        let lost = |s: u32| if moments.contains(&s) { LOST } else { answered(20.0) };
        let (history, now) = watched(end, 1, lost);
        let found = periodic_loss(&PatternConfig::default(), &history, now);
        prop_assert!(found.is_some(), "period {}", period);
    }

    #[test]
    fn noise_is_no_pattern_and_predicts_nothing_near(seed in any::<u64>()) {
        let mut random = StdRng::seed_from_u64(seed);
        let noise: Vec<_> = (0..2400).map(|_| random.random_range(15.0..25.0)).collect();
        let (history, now) = watched(2400, 1, |s| answered(noise[s as usize]));
        prop_assert_eq!(kinds(&history, now), []);
        let outlook = ConnectionPolicy::default().outlook(&history, 80.0, now);
        prop_assert_eq!(outlook.prediction, None);
    }
}

#[test]
fn rising_answers_degrade_once_they_rose_for_ten_minutes() {
    let rising = |second: u32| answered(20.0 + f64::from(second) * 0.05);
    let config = PatternConfig::default();
    let (history, now) = watched(540, 1, rising);
    assert_eq!(slow_degradation(&config, &history, now), None);
    let (history, now) = watched(1200, 1, rising);
    let found = slow_degradation(&config, &history, now).unwrap();
    let figure = |name: &str| {
        let value = found.evidence.iter().find_map(|f| f.strip_prefix(name));
        value.unwrap().parse::<f64>().unwrap()
    };
    assert!((figure("ms_per_minute=") - 3.0).abs() < 0.2, "{found:?}");
    assert!(figure("to_ms=") > 2.0 * figure("from_ms="));
    assert_eq!(kinds(&history, now), [PatternKind::SlowDegradation]);
}

#[test]
fn steps_and_small_rises_do_not_degrade() {
    let config = PatternConfig::default();
    let small = |second: u32| answered(20.0 + f64::from(second) * 0.005);
    let (history, now) = watched(1200, 1, small);
    assert_eq!(
        slow_degradation(&config, &history, now),
        None,
        "6 ms are nothing"
    );
    let falling = |second: u32| answered(120.0 - f64::from(second) * 0.05);
    let (history, now) = watched(1200, 1, falling);
    assert_eq!(slow_degradation(&config, &history, now), None);
}

#[test]
fn busy_hours_are_named_after_three_days() {
    let busy = |second: u32| {
        let hour = second / HOUR % 24;
        answered(if (19..21).contains(&hour) { 90.0 } else { 30.0 })
    };
    let config = PatternConfig::default();
    let (history, now) = watched(2 * 24 * HOUR + 1800, 30, busy);
    assert_eq!(time_of_day_load(&config, &history, now), None, "two days");
    let (history, now) = watched(3 * 24 * HOUR + 1800, 30, busy);
    let found = time_of_day_load(&config, &history, now).unwrap();
    for figure in ["hours_utc=19,20", "day_ms=30.0", "worst_ms=90.0", "days=3"] {
        assert!(has(&found.evidence, figure), "{found:?}");
    }
    assert_eq!(kinds(&history, now), [PatternKind::TimeOfDayLoad]);
}

#[test]
fn one_bad_evening_is_no_busy_hour() {
    let once = |second: u32| {
        let bad = second / HOUR == 24 + 19;
        answered(if bad { 900.0 } else { 30.0 })
    };
    let (history, now) = watched(4 * 24 * HOUR, 30, once);
    assert_eq!(
        time_of_day_load(&PatternConfig::default(), &history, now),
        None
    );
}

#[test]
fn without_most_of_the_day_no_hour_is_called_busy() {
    let start = Instant::now();
    let watched_from = |first: u32| {
        let wall = Timestamp::from_millis(0);
        let mut history = History::new(HistoryConfig::default(), start, wall);
        let mut now = start;
        for second in (0..4 * 24 * HOUR + 1800).step_by(30) {
            let hour = second / HOUR % 24;
            if hour >= first {
                now = start + SECOND * second;
                let busy = hour == 20;
                history.record_contact(now, answered(if busy { 90.0 } else { 30.0 }));
            }
        }
        time_of_day_load(&PatternConfig::default(), &history, now)
    };
    assert!(watched_from(4).is_some(), "twenty hours are enough");
    assert_eq!(watched_from(10), None, "fourteen are not");
}

#[test]
fn an_hour_that_is_slow_on_half_of_its_days_is_no_busy_hour() {
    // The median of an even number of days lies between the two in the middle, so two very bad
    // evenings of four lift it over any limit.
    let evenings = |bad: &'static [u32]| {
        move |second: u32| {
            let is_bad = second / HOUR % 24 == 19 && bad.contains(&(second / HOUR / 24));
            answered(if is_bad { 900.0 } else { 30.0 })
        }
    };
    let config = PatternConfig::default();
    let (history, now) = watched(4 * 24 * HOUR + 1800, 30, evenings(&[1, 2]));
    assert_eq!(time_of_day_load(&config, &history, now), None);
    let (history, now) = watched(4 * 24 * HOUR + 1800, 30, evenings(&[0, 1, 2]));
    let found = time_of_day_load(&config, &history, now).unwrap();
    assert!(has(&found.evidence, "hours_utc=19"), "{found:?}");
}

#[test]
fn the_next_crossing_is_predicted_with_its_interval() {
    let policy = ConnectionPolicy::new(ConnectionConfig::default());
    let rising = |second: u32| answered(100.0 + f64::from(second) * 0.2);
    let (history, now) = watched(240, 1, rising);
    let outlook = policy.outlook(&history, 80.0, now);
    assert_eq!(outlook.prediction, None, "too little data");
    let (history, now) = watched(1000, 1, rising);
    let prediction = policy.outlook(&history, 80.0, now).prediction.unwrap();
    assert_eq!(prediction.metric, PredictedMetric::LatencyMs);
    assert_eq!(prediction.threshold, 500.0);
    // 100 ms + 0.2 ms/s reach 500 ms after 2000 s; a summary lags half its stretch behind.
    let expected = prediction.expected_at.as_millis() as f64 / 1000.0;
    assert!((expected - 2015.0).abs() < 30.0, "{prediction:?}");
    assert!(prediction.earliest_at <= prediction.expected_at);
    assert!(
        prediction
            .latest_at
            .is_none_or(|at| at >= prediction.expected_at)
    );
    assert!(prediction.samples >= 12 && prediction.based_on_seconds >= 300.0);
    assert_eq!(prediction.confidence, 0.9);
}

#[test]
fn the_earliest_of_several_crossings_is_told() {
    let rising = |second: u32| answered(100.0 + f64::from(second) * 0.2);
    let (mut history, now) = watched(1000, 1, rising);
    for second in 0..100_u32 {
        let mut status = EncoderStatus::default();
        status.system.temperature = Some(Celsius(60.0 + f64::from(second) * 0.15));
        let at = now - SECOND * (990 - second * 10);
        history.record_status(at, status);
    }
    let policy = ConnectionPolicy::default();
    let prediction = policy.outlook(&history, 80.0, now).prediction.unwrap();
    assert_eq!(prediction.metric, PredictedMetric::Temperature);
    assert_eq!(prediction.threshold, 80.0);
}

#[test]
fn patterns_become_issues_and_move_no_score() {
    let down = |second: u32| second % 60 >= 50;
    let (history, now) = watched(185, 1, |s| if down(s) { LOST } else { answered(20.0) });
    let policy = ConnectionPolicy::default();
    let mut connection = policy.connection_health(&history, now);
    let mut assessment = crate::health::HealthPolicy::assess(&policy, &history, now);
    let before = assessment.clone();
    policy
        .outlook(&history, 80.0, now)
        .complete(&mut assessment, &mut connection);
    let code = |issue: &&Issue| issue.code.as_str() == issue_code::CONNECTION_FLAPPING;
    let issue = assessment.issues.iter().find(code).unwrap();
    assert!(has(&issue.evidence, "transitions=6"));
    assert!(connection.issues.iter().any(|issue| code(&issue)));
    assert_eq!(assessment.verdict, before.verdict);
    assert_eq!(assessment.health, before.health);
}
