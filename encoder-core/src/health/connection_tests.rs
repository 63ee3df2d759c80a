use super::*;
use crate::error::ErrorKind;
use crate::health::{ContactOutcome, HistoryConfig};
use crate::model::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const SILENT: ContactOutcome = ContactOutcome::Failed {
    kind: ErrorKind::DeviceUnreachable,
};
const WRONG: ContactOutcome = ContactOutcome::Failed {
    kind: ErrorKind::DeviceProtocol,
};
const GOOD: ContactOutcome = ContactOutcome::Answered {
    latency: Duration::from_millis(20),
};

/// One contact per second, and the moment of the last one.
fn history(outcomes: &[ContactOutcome]) -> (History, Instant) {
    let start = Instant::now();
    let config = HistoryConfig::default();
    let mut history = History::new(config, start, Timestamp::from_millis(0));
    let mut now = start;
    for outcome in outcomes {
        now += SECOND;
        history.record_contact(now, *outcome);
    }
    (history, now)
}

fn judge(outcomes: &[ContactOutcome]) -> Assessment {
    let (history, now) = history(outcomes);
    ConnectionPolicy::default().assess(&history, now)
}

fn codes(assessment: &Assessment) -> Vec<&str> {
    let issues = assessment.issues.iter();
    issues.map(|issue| issue.code.as_str()).collect()
}

#[test]
fn silence_needs_two_failures_in_a_row() {
    let once = judge(&[GOOD, GOOD, SILENT]);
    assert_eq!(once.verdict, Verdict::Healthy);
    assert_eq!(once.health, Some(Health::new(50.0)));
    assert_eq!(
        judge(&[GOOD, SILENT, GOOD, SILENT]).verdict,
        Verdict::Healthy
    );
    let twice = judge(&[GOOD, SILENT, SILENT]);
    assert_eq!(twice.verdict, Verdict::Silent);
    assert_eq!(twice.health, Some(Health::MIN));
    assert_eq!(codes(&twice), ["device_silent"]);
    assert_eq!(twice.issues[0].since, Timestamp::from_millis(2000));
}

#[test]
fn silence_is_critical_only_for_an_encoder_on_air() {
    let (mut history, now) = history(&[GOOD, SILENT, SILENT]);
    let policy = ConnectionPolicy::default();
    let severity = |history: &History| policy.assess(history, now).issues[0].severity;
    assert_eq!(severity(&history), Severity::Warning);
    history.intend_publishing(now, true);
    assert_eq!(severity(&history), Severity::Critical);
}

#[test]
fn returning_encoder_is_trusted_after_three_answers() {
    let mut outcomes = vec![GOOD, SILENT, SILENT, GOOD];
    assert_eq!(judge(&outcomes).verdict, Verdict::Worn);
    outcomes.push(GOOD);
    let returning = judge(&outcomes);
    assert_eq!(returning.verdict, Verdict::Worn);
    assert_eq!(codes(&returning), ["connection_unstable"]);
    let mut relapsed = outcomes.clone();
    relapsed.push(SILENT);
    assert_eq!(
        judge(&relapsed).verdict,
        Verdict::Silent,
        "still on probation"
    );
    outcomes.push(GOOD);
    assert_eq!(judge(&outcomes).verdict, Verdict::Healthy);
}

#[test]
fn an_outage_that_is_over_does_not_count_as_errors() {
    let mut outcomes = vec![GOOD; 10];
    outcomes.extend([SILENT; 10]);
    outcomes.extend([GOOD; 10]);
    let (history, now) = history(&outcomes);
    let policy = ConnectionPolicy::default();
    assert_eq!(policy.assess(&history, now).verdict, Verdict::Healthy);
    let report = policy.connection_health(&history, now);
    assert_eq!(
        report.error_rate,
        Some(1.0 / 3.0),
        "the report tells it all"
    );
    assert_eq!(report.latency_ms, Some(20.0));
}

#[test]
fn newcomers_are_unknown_until_they_answer() {
    assert_eq!(judge(&[]), Assessment::default());
    let failed = judge(&[SILENT]);
    assert_eq!((failed.verdict, failed.health), (Verdict::Unknown, None));
    assert_eq!(judge(&[SILENT, SILENT]).verdict, Verdict::Silent);
    assert_eq!(judge(&[GOOD]).verdict, Verdict::Healthy);
    assert_eq!(judge(&[ContactOutcome::Spoke]).verdict, Verdict::Healthy);
}

#[test]
fn nonsense_makes_worn_and_not_failing() {
    let once = judge(&[GOOD, WRONG]);
    assert_eq!(once.verdict, Verdict::Healthy);
    let often = judge(&[GOOD, WRONG, WRONG, WRONG]);
    assert_eq!(often.verdict, Verdict::Worn);
    assert_eq!(codes(&often), ["device_misbehaves"]);
    assert!(often.health.unwrap() <= Health::new(30.0));
    assert_eq!(judge(&[WRONG, WRONG]).verdict, Verdict::Worn);
}

#[test]
fn slow_answers_wear_and_lower_the_score() {
    let slow = |millis| {
        let latency = Duration::from_millis(millis);
        judge(&[ContactOutcome::Answered { latency }; 12])
    };
    let at_threshold = slow(500);
    assert_eq!(at_threshold.verdict, Verdict::Worn);
    assert_eq!(codes(&at_threshold), ["connection_slow"]);
    assert_eq!(at_threshold.health, Some(Health::new(60.0)));
    assert_eq!(slow(100).health, Some(Health::MAX));
    assert_eq!(slow(2000).health, Some(Health::MIN));
}

#[test]
fn frequent_errors_wear() {
    let mut outcomes = vec![GOOD; 18];
    outcomes.insert(5, SILENT);
    outcomes.insert(11, SILENT);
    let unstable = judge(&outcomes);
    assert_eq!(unstable.verdict, Verdict::Worn);
    assert_eq!(codes(&unstable), ["connection_unstable"]);
    outcomes.remove(5);
    assert_eq!(judge(&outcomes).verdict, Verdict::Healthy);
}

#[test]
fn one_lost_request_is_no_error_rate() {
    let mut outcomes = vec![GOOD; 10];
    outcomes[0] = SILENT;
    let start = judge(&outcomes);
    assert_eq!((start.verdict, codes(&start).len()), (Verdict::Healthy, 0));
    outcomes[5] = SILENT;
    assert_eq!(codes(&judge(&outcomes)), ["connection_unstable"]);
}

#[test]
fn unusual_quiet_is_suspicious_and_silent_only_with_a_failure() {
    let policy = ConnectionPolicy::default();
    let (mut history, now) = history(&[GOOD; 20]);
    let quiet = |history: &History, seconds| policy.assess(history, now + SECOND * seconds);
    assert_eq!(quiet(&history, 6).verdict, Verdict::Healthy);
    let late = quiet(&history, 10);
    assert_eq!(late.verdict, Verdict::Worn);
    assert_eq!(codes(&late), ["connection_unstable"]);
    history.record_contact(now + SECOND, SILENT);
    assert_eq!(quiet(&history, 2).verdict, Verdict::Healthy);
    assert_eq!(quiet(&history, 10).verdict, Verdict::Silent);
}

#[test]
fn rarer_polls_after_a_stream_are_not_suspicious() {
    let (history, now) = history(&[GOOD; 60]);
    let idle_interval_and_timeout = SECOND * 6;
    let policy = ConnectionPolicy::default();
    let assessment = policy.assess(&history, now + idle_interval_and_timeout);
    assert_eq!(assessment.verdict, Verdict::Healthy);
}

#[test]
fn an_outage_does_not_teach_that_outages_are_usual() {
    let (mut history, mut now) = history(&[GOOD; 12]);
    now += SECOND * 60;
    history.record_contact(now, SILENT);
    for _ in 0..12 {
        now += SECOND;
        history.record_contact(now, GOOD);
    }
    let assessment = ConnectionPolicy::default().assess(&history, now + SECOND * 12);
    assert_eq!(assessment.verdict, Verdict::Worn);
}
