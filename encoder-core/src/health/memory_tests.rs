use super::*;
use crate::error::ErrorKind;
use crate::health::{ContactOutcome, History};

const SECOND: Duration = Duration::from_secs(1);
const LOST: ContactOutcome = ContactOutcome::Failed {
    kind: ErrorKind::DeviceUnreachable,
};

fn answered(millis: u64) -> ContactOutcome {
    ContactOutcome::Answered {
        latency: Duration::from_millis(millis),
    }
}

fn empty() -> (History, Instant) {
    let now = Instant::now();
    let history = History::new(HistoryConfig::default(), now, Timestamp::from_millis(0));
    (history, now)
}

#[test]
fn an_outage_begins_with_its_first_failure_and_ends_with_a_sign_of_life() {
    let (mut history, start) = empty();
    let story = [LOST, answered(5), LOST, LOST, ContactOutcome::Spoke, LOST];
    for (second, outcome) in (1..).zip(story) {
        history.record_contact(start + SECOND * second, outcome);
    }
    let outages: Vec<_> = history.outages().copied().collect();
    let at = |second| start + SECOND * second;
    let ended = Outage {
        began: at(3),
        ended: Some(at(5)),
        failures: 2,
    };
    let open = Outage {
        began: at(6),
        ended: None,
        failures: 1,
    };
    assert_eq!(
        outages,
        [ended, open],
        "before the first answer there is none"
    );
    let reconnects = history.reconnects();
    assert_eq!(reconnects.after_silence, 1);
    assert_eq!(reconnects.last_at, Some(Timestamp::from_millis(5000)));
}

#[test]
fn a_feed_that_comes_up_again_is_a_reconnect_and_the_first_time_is_none() {
    let (mut history, start) = empty();
    history.record_feed_up(start);
    assert_eq!(history.reconnects().event_feed, 0);
    history.record_feed_lost();
    history.record_feed_lost();
    history.record_feed_up(start + SECOND);
    history.record_feed_up(start + SECOND * 2);
    let reconnects = history.reconnects();
    assert_eq!(reconnects.event_feed, 1);
    assert_eq!(reconnects.last_at, Some(Timestamp::from_millis(1000)));
}

#[test]
fn requests_become_summaries_of_their_stretch() {
    let (mut history, start) = empty();
    for second in 0..=30 {
        let outcome = if second == 7 { LOST } else { answered(second) };
        history.record_contact(start + SECOND * u32::try_from(second).unwrap(), outcome);
    }
    let summaries: Vec<_> = history.summaries().copied().collect();
    let [summary] = summaries[..] else {
        panic!("{summaries:?}");
    };
    assert_eq!((summary.requests, summary.failed), (31, 1));
    assert!((summary.latency_ms.unwrap() - 15.5).abs() < 1e-6);
    assert!((summary.error_rate() - 1.0 / 31.0).abs() < 1e-9);
}

#[test]
fn a_stretch_without_answers_has_no_latency() {
    let (mut history, start) = empty();
    for second in 0..=30 {
        history.record_contact(start + SECOND * second, LOST);
    }
    let summary = history.summaries().next().copied().unwrap();
    assert_eq!((summary.latency_ms, summary.error_rate()), (None, 1.0));
}

#[test]
fn hours_are_known_once_they_are_over_and_for_a_week() {
    let (mut history, start) = empty();
    let half_minute = Duration::from_secs(30);
    for step in 0..(9 * 24 * 120) {
        let day = u64::from(step / (24 * 120));
        history.record_contact(start + half_minute * step, answered(10 + day));
    }
    let hours = history.hours().unwrap();
    let medians: Vec<_> = hours[3].medians().collect();
    assert_eq!(medians.len(), 7);
    assert!(medians.iter().all(|median| (12.0..=18.0).contains(median)));
    assert_eq!(history.summaries().len(), 120);
}

#[test]
fn memory_of_a_busy_connection_stays_small() {
    let (mut history, start) = empty();
    for step in 0..100_000 {
        let outcome = if step % 3 == 0 { LOST } else { answered(9) };
        history.record_contact(start + Duration::from_millis(100) * step, outcome);
    }
    assert_eq!(
        (history.outages().len(), history.summaries().len()),
        (64, 120)
    );
    let bytes = 64 * size_of::<Outage>() + 120 * size_of::<ContactSummary>();
    assert!(bytes + GATHERED * 8 + 24 * size_of::<HourOfDay>() < 16 * 1024);
}
