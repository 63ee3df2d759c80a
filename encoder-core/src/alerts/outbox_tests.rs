use proptest::prelude::*;

use super::super::testing::{at, of_encoder};
use super::*;

fn outbox() -> Outbox {
    Outbox::new(Arc::default(), BTreeSet::from(["am".to_owned()]))
}

fn notice(severity: Severity, second: i64) -> Notice {
    Notice {
        kind: NoticeKind::Firing,
        severity,
        alerts: vec![of_encoder("device_silent", severity, "helo-1")],
        title: format!("at {second}"),
        created_at: at(second),
        ..Notice::test(at(second))
    }
}

fn to(sinks: &[&str]) -> BTreeSet<String> {
    sinks.iter().map(|sink| (*sink).to_owned()).collect()
}

fn admit(outbox: &mut Outbox, sinks: &[&str], severity: Severity, second: i64) -> NoticeId {
    let notice = notice(severity, second);
    let id = notice.notice_id.clone();
    outbox.admit(notice, &to(sinks), BTreeSet::new(), at(second));
    id
}

fn state(outbox: &Outbox, id: &NoticeId, sink: &str) -> DeliveryState {
    outbox.records[id].deliveries[sink].state
}

/// Delivers everything that may be delivered now; what the sink got.
fn drain(outbox: &mut Outbox, sink: &str, second: i64) -> Vec<Notice> {
    let mut got = Vec::new();
    while let Next::Deliver(notice) = outbox.next(sink, at(second), true) {
        outbox.finish(&notice.notice_id, sink, Outcome::Sent, 0.0, at(second));
        got.push(*notice);
    }
    got
}

use DeliveryState::{DeadLetter, Digested, Held, Pending, Sent};

#[test]
fn what_is_over_the_rate_comes_later_in_one_digest() {
    let mut outbox = outbox();
    let mut ids = Vec::new();
    for second in 0..9 {
        ids.push(admit(
            &mut outbox,
            &["mail", "am"],
            Severity::Critical,
            second,
        ));
    }
    let states: Vec<_> = ids.iter().map(|id| state(&outbox, id, "mail")).collect();
    assert_eq!(states[..5], [Pending; 5]);
    assert_eq!(states[5..], [Held; 4]);
    assert!(ids.iter().all(|id| state(&outbox, id, "am") == Pending));
    assert_eq!(drain(&mut outbox, "mail", 10).len(), 5);
    assert_eq!(outbox.digest_due(at(10)), Some(at(300)));
    assert!(outbox.digest(at(299)).is_empty());
    assert_eq!(outbox.digest(at(300)), to(&["mail"]));
    let got = drain(&mut outbox, "mail", 300);
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].kind, got[0].summary.len()), (NoticeKind::Digest, 4));
    assert_eq!(got[0].title, "4 critical notices in one, over the rate");
    assert_eq!(state(&outbox, &ids[8], "mail"), Digested);
    assert_eq!(outbox.digest_due(at(300)), None);
}

#[test]
fn ends_have_a_rate_of_their_own() {
    let mut outbox = outbox();
    for second in 0..5 {
        admit(&mut outbox, &["mail"], Severity::Critical, second);
    }
    let end = Notice {
        kind: NoticeKind::Resolved,
        ..notice(Severity::Critical, 6)
    };
    assert!(
        outbox
            .admit(end, &to(&["mail"]), BTreeSet::new(), at(6))
            .is_empty()
    );
}

#[test]
fn rates_hold_across_a_restart_and_a_digest_is_written_once() {
    let mut before = outbox();
    for second in 0..7 {
        admit(&mut before, &["mail"], Severity::Critical, second);
    }
    let stored: Vec<_> = before.all().cloned().collect();
    before.digest(at(300));
    let digest = before
        .all()
        .find(|record| is_digest(record))
        .unwrap()
        .clone();
    // The crash came after the digest was written, and before what it sums up.
    let records = stored.into_iter().chain([digest]);
    let mut after = outbox();
    after.restore(records, &to(&["mail", "am"]), at(301));
    assert_eq!(after.digest_due(at(301)), None);
    assert_eq!(after.held().count(), 0);
    // Of 0 to 4 s, 1 to 4 s still count at 301 s, and the digest: no room before 301 s.
    let id = admit(&mut after, &["mail"], Severity::Critical, 300);
    assert_eq!(state(&after, &id, "mail"), Held);
}

#[test]
fn failures_wait_ever_longer_and_end_as_dead_letters() {
    let mut outbox = outbox();
    let id = admit(&mut outbox, &["mail"], Severity::Critical, 0);
    let (mut now, mut pauses) = (0, Vec::new());
    loop {
        let Next::Deliver(notice) = outbox.next("mail", at(now), true) else {
            panic!("nothing to deliver");
        };
        let failed = Outcome::Failed("refused".to_owned(), None);
        let state = outbox.finish(&notice.notice_id, "mail", failed, 0.0, at(now));
        if state != Some(Pending) {
            break;
        }
        let Next::Wait(next) = outbox.next("mail", at(now), true) else {
            panic!("it does not wait");
        };
        pauses.push(next.since(at(now)).as_secs());
        now = next.as_millis() / 1000;
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    assert_eq!(state(&outbox, &id, "mail"), DeadLetter);
    assert_eq!(outbox.next("mail", at(now), true), Next::Idle);
    outbox.retry(&id, &to(&["mail"])).unwrap();
    assert_eq!(drain(&mut outbox, "mail", now).len(), 1);
    let error = outbox.retry(&id, &to(&["mail"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn a_refusal_is_a_dead_letter_at_once_and_a_wish_to_wait_is_granted() {
    let mut outbox = outbox();
    let id = admit(&mut outbox, &["mail"], Severity::Critical, 0);
    outbox.finish(&id, "mail", Outcome::Refused("no".to_owned()), 0.0, at(0));
    assert_eq!(state(&outbox, &id, "mail"), DeadLetter);
    let id = admit(&mut outbox, &["mail"], Severity::Critical, 1);
    let asked = Outcome::Failed("later".to_owned(), Some(Duration::from_secs(77)));
    outbox.finish(&id, "mail", asked, 0.0, at(1));
    assert_eq!(outbox.next("mail", at(1), true), Next::Wait(at(78)));
}

#[test]
fn one_that_failed_lets_others_pass_but_not_at_a_mirror() {
    let mut outbox = outbox();
    let first = admit(&mut outbox, &["mail", "am"], Severity::Critical, 0);
    let second = admit(&mut outbox, &["mail", "am"], Severity::Critical, 1);
    for sink in ["mail", "am"] {
        let failed = Outcome::Failed("refused".to_owned(), None);
        outbox.finish(&first, sink, failed, 0.0, at(1));
    }
    let next = |sink| outbox.next(sink, at(1), true);
    assert!(matches!(next("mail"), Next::Deliver(notice) if notice.notice_id == second));
    assert_eq!(next("am"), Next::Wait(at(3)));
}

#[test]
fn nothing_is_delivered_before_it_is_written() {
    let mut outbox = outbox();
    admit(&mut outbox, &["mail"], Severity::Critical, 0);
    assert_eq!(outbox.next("mail", at(0), false), Next::Idle);
    for (id, record) in outbox.changed() {
        outbox.written(&id, record.as_ref());
    }
    assert!(matches!(
        outbox.next("mail", at(0), false),
        Next::Deliver(_)
    ));
}

#[test]
fn what_is_on_its_way_to_a_sink_that_is_gone_is_a_dead_letter() {
    let mut before = outbox();
    let id = admit(&mut before, &["mail"], Severity::Critical, 0);
    let mut after = outbox();
    after.restore(before.all().cloned(), &to(&["phone"]), at(1));
    assert_eq!(state(&after, &id, "mail"), DeadLetter);
}

#[test]
fn only_what_is_finished_is_forgotten() {
    let mut outbox = Outbox::new(
        Arc::new(AlertsConfig {
            history_limit: 2,
            dead_letter_limit: 1,
            ..AlertsConfig::default()
        }),
        to(&["am"]),
    );
    let ids: Vec<_> = (0..6)
        .map(|second| admit(&mut outbox, &["am"], Severity::Info, second))
        .collect();
    let ends = [
        Some(Outcome::Sent),
        None,
        Some(Outcome::Sent),
        Some(Outcome::Sent),
    ];
    for (id, outcome) in ids.iter().zip(ends) {
        outcome.map(|outcome| outbox.finish(id, "am", outcome, 0.0, at(9)));
    }
    for id in &ids[4..] {
        outbox.finish(id, "am", Outcome::Refused(String::new()), 0.0, at(9));
    }
    outbox.prune(at(10));
    let left: Vec<_> = outbox
        .all()
        .map(|record| record.notice.notice_id.clone())
        .collect();
    assert_eq!(
        left,
        [
            ids[1].clone(),
            ids[2].clone(),
            ids[3].clone(),
            ids[5].clone()
        ]
    );
    let written = outbox.changed();
    assert!(
        written
            .iter()
            .any(|(id, record)| *id == ids[0] && record.is_none())
    );
}

proptest! {
    /// Whatever comes when: a sink gets no more than its rate, and hears of every notice.
    #[test]
    fn nothing_is_lost_and_no_rate_is_exceeded(gaps in prop::collection::vec(0i64..120, 1..60)) {
        let mut outbox = outbox();
        let (mut now, mut ids, mut got) = (0, Vec::new(), Vec::new());
        for gap in gaps {
            now += gap;
            outbox.digest(at(now));
            ids.push(admit(&mut outbox, &["mail"], Severity::Critical, now));
            got.extend(drain(&mut outbox, "mail", now).into_iter().map(|n| (now, n)));
        }
        for _ in 0..20 {
            now += 60;
            outbox.digest(at(now));
            got.extend(drain(&mut outbox, "mail", now).into_iter().map(|n| (now, n)));
        }
        for (begin, _) in &got {
            let within = got.iter().filter(|(at, _)| (*begin..begin + 300).contains(at));
            prop_assert!(within.count() <= 5);
        }
        for id in &ids {
            let told = got.iter().filter(|(_, notice)| {
                let mut summary = notice.summary.iter();
                notice.notice_id == *id || summary.any(|entry| entry.notice_id == *id)
            });
            prop_assert_eq!(told.count(), 1);
        }
    }
}

#[test]
fn deliveries_are_counted_by_sink() {
    let mut outbox = outbox();
    let id = admit(&mut outbox, &["mail", "am"], Severity::Critical, 0);
    assert_eq!((outbox.waiting("mail"), outbox.waiting("am")), (1, 1));
    outbox.finish(&id, "mail", Outcome::Sent, 0.0, at(0));
    assert_eq!(state(&outbox, &id, "mail"), Sent);
    assert_eq!((outbox.waiting("mail"), outbox.waiting("am")), (0, 1));
}
