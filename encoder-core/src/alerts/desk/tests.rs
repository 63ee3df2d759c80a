use std::time::Duration;

use proptest::prelude::*;

use super::super::matcher::AlertMatcher;
use super::super::testing::{alert, at, of_encoder, of_stream};
use super::*;
use crate::model::{AlertState, EncoderId, Subject};

const SINKS: [(&str, &str); 2] = [("mail", "email"), ("phone", "telegram")];

struct Room {
    desk: Desk,
    facts: AlertFacts,
    silences: Vec<Silence>,
}

impl Room {
    fn new() -> Self {
        let config = Arc::new(AlertsConfig::default());
        let routes = crate::alerts::route::defaults(SINKS);
        Self {
            desk: Desk::new(config, routes),
            facts: AlertFacts::default(),
            silences: Vec::new(),
        }
    }

    /// Six encoders at `north`; each publishes a stream of its number.
    fn at_north() -> Self {
        let mut room = Self::new();
        for number in 1..=6 {
            let id = format!("helo-{number}");
            room.facts.set_encoder(&id, Some("north"), false);
            room.facts.set_publisher(&format!("str_{number}"), &id);
        }
        room
    }

    /// Encoders without a site.
    fn apart() -> Self {
        let mut room = Self::new();
        for id in ["helo-1", "helo-2", "helo-3"] {
            room.facts.set_encoder(id, None, false);
        }
        room.facts.set_publisher("str_1", "helo-1");
        room
    }

    fn open(&mut self, told: NoticeAlert, second: i64) -> BookEntry {
        let entry = entry(told, None);
        self.desk.take(&entry, &self.facts, at(second));
        entry
    }

    fn close(&mut self, entry: &BookEntry, second: i64) {
        let mut over = entry.clone();
        over.alert.state = AlertState::Resolved;
        over.alert.resolved_at = Some(at(second));
        self.desk.take(&over, &self.facts, at(second));
    }

    fn look(&mut self, second: i64) -> Vec<Due> {
        self.desk.look(View {
            facts: &self.facts,
            silences: &self.silences,
            now: at(second),
        })
    }

    /// Everything that is told up to then, looking every second.
    fn run(&mut self, seconds: std::ops::Range<i64>) -> Vec<Due> {
        seconds.flat_map(|second| self.look(second)).collect()
    }
}

fn entry(told: NoticeAlert, about: Option<&str>) -> BookEntry {
    BookEntry {
        alert: told.alert,
        about: about.map(str::to_owned),
        concerns: Vec::new(),
    }
}

fn codes(due: &Due) -> Vec<&str> {
    let alerts = due.notice.alerts.iter();
    alerts.map(|told| told.alert.code.as_str()).collect()
}

fn kinds(all: &[Due]) -> Vec<NoticeKind> {
    all.iter().map(|due| due.notice.kind).collect()
}

use Severity::{Critical, Warning};

#[test]
fn incident_with_six_symptoms_is_told_once() {
    let mut room = Room::apart();
    room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    room.open(of_stream("stream_failing", Critical, "str_1"), 0);
    room.open(of_stream("unprotected", Warning, "str_1"), 0);
    room.open(of_encoder("connection_unstable", Warning, "helo-1"), 0);
    let first = room.run(0..3);
    room.facts.set_publisher("str_1", "helo-2");
    room.open(of_stream("fence_pending", Warning, "str_1"), 3);
    room.open(of_stream("failover_failed", Critical, "str_1"), 60);
    assert_eq!(kinds(&first), [NoticeKind::Firing]);
    assert_eq!(
        codes(&first[0]),
        [
            "device_silent",
            "connection_unstable",
            "stream_failing",
            "unprotected"
        ]
    );
    assert_eq!(
        first[0].notice.title,
        "helo-1: device silent (and 3 symptoms)"
    );
    assert_eq!(first[0].sinks.len(), 2);
    assert_eq!(room.run(3..600), []);
}

#[test]
fn site_outage_is_told_once_with_the_site_first() {
    let mut room = Room::at_north();
    let mut told = Vec::new();
    for number in 1..=6 {
        told.extend(room.look(number / 3));
        let id = format!("helo-{number}");
        room.open(of_encoder("device_silent", Critical, &id), number / 3);
        let stream = format!("str_{number}");
        room.open(of_stream("stream_failing", Critical, &stream), number / 3);
    }
    told.extend(room.run(3..6));
    assert_eq!(told, []);
    let site = entry(alert("site_suspect", Critical), Some("site:north"));
    room.desk.take(&site, &room.facts, at(6));
    let told = room.run(6..300);
    assert_eq!(kinds(&told), [NoticeKind::Firing]);
    assert_eq!(codes(&told[0])[0], "site_suspect");
    assert_eq!(told[0].notice.alerts.len(), 13);
    assert_eq!(told[0].notice.alerts[0].site.as_deref(), Some("north"));
}

#[test]
fn cause_of_another_kind_takes_in_whom_it_concerns() {
    let mut room = Room::apart();
    room.open(of_encoder("dropped_frames", Warning, "helo-1"), 0);
    room.open(of_encoder("dropped_frames", Warning, "helo-2"), 1);
    let mut raised = entry(
        alert("error_escalated", Critical),
        Some("destination:rtmp://a/live"),
    );
    let concerned = |id| Subject::Encoder(EncoderId::try_new(id).unwrap());
    raised.concerns = vec![concerned("helo-1"), concerned("helo-2")];
    room.desk.take(&raised, &room.facts, at(3));
    let told = room.run(3..100);
    assert_eq!(kinds(&told), [NoticeKind::Firing]);
    assert_eq!(told[0].notice.alerts.len(), 3);
}

#[test]
fn trouble_of_somebody_else_is_told_by_itself() {
    let mut room = Room::apart();
    room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    room.open(of_stream("stream_failing", Critical, "str_1"), 0);
    assert_eq!(room.run(0..10).len(), 1);
    room.facts.set_publisher("str_1", "helo-2");
    room.open(of_stream("unprotected", Warning, "str_1"), 20);
    assert_eq!(room.run(20..30), []);
    room.open(of_encoder("device_silent", Critical, "helo-2"), 30);
    let told = room.run(30..40);
    assert_eq!(
        told.len(),
        1,
        "the new primary is not covered by the old one's trouble"
    );
    assert!(codes(&told[0]).contains(&"device_silent"));
}

#[test]
fn encoder_behind_a_stream_that_failed_first_is_its_symptom() {
    let mut room = Room::apart();
    room.open(of_stream("stream_failing", Critical, "str_1"), 0);
    assert_eq!(room.run(0..3).len(), 1);
    room.facts.set_publisher("str_1", "helo-2");
    room.open(of_encoder("device_silent", Critical, "helo-1"), 4);
    assert_eq!(room.run(4..60), []);
}

#[test]
fn worse_is_told_and_more_of_the_same_is_not() {
    let mut room = Room::apart();
    let hot = room.open(of_encoder("temperature_high", Warning, "helo-1"), 0);
    let told = room.run(0..10);
    assert_eq!(
        (kinds(&told), told[0].sinks.len()),
        (vec![NoticeKind::Firing], 1)
    );
    room.open(of_encoder("cpu_high", Warning, "helo-1"), 10);
    assert_eq!(room.run(10..20), []);
    let mut worse = hot;
    worse.alert.severity = Critical;
    room.desk.take(&worse, &room.facts, at(20));
    let told = room.run(20..30);
    assert_eq!(
        (kinds(&told), told[0].sinks.len()),
        (vec![NoticeKind::Update], 2)
    );
    assert_eq!(told[0].notice.alerts.len(), 2);
}

#[test]
fn a_symptom_long_after_the_window_is_told_again() {
    let mut room = Room::apart();
    room.open(of_encoder("temperature_high", Warning, "helo-1"), 0);
    assert_eq!(room.run(0..10).len(), 1);
    room.open(of_encoder("cpu_high", Warning, "helo-1"), 301);
    assert_eq!(room.run(301..320).len(), 1);
}

#[test]
fn end_is_told_to_those_who_heard_of_the_beginning() {
    let mut room = Room::apart();
    let silent = room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    let failing = room.open(of_stream("stream_failing", Critical, "str_1"), 0);
    let first = room.run(0..10);
    room.close(&failing, 20);
    assert_eq!(room.run(20..30), []);
    room.close(&silent, 30);
    let end = room.run(30..40);
    assert_eq!(kinds(&end), [NoticeKind::Resolved]);
    assert_eq!(end[0].sinks, first[0].sinks);
    assert_eq!(end[0].notice.group_id, first[0].notice.group_id);
    assert!(room.desk.groups.is_empty());
}

#[test]
fn what_ends_before_it_is_told_is_not_told() {
    let mut room = Room::apart();
    let brief = room.open(of_encoder("cpu_high", Warning, "helo-1"), 0);
    assert_eq!(room.run(0..3), []);
    room.close(&brief, 3);
    assert_eq!(room.run(3..100), []);
    assert!(room.desk.groups.is_empty());
}

#[test]
fn what_was_over_at_once_is_told_as_an_event() {
    let mut room = Room::apart();
    let mut told = of_encoder("recording_switched", Severity::Info, "helo-1");
    told.alert.state = AlertState::Resolved;
    room.open(told, 0);
    assert_eq!(kinds(&room.run(0..100)), [NoticeKind::Event]);
    assert!(room.desk.groups.is_empty());
}

#[test]
fn only_what_nobody_took_on_is_told_again() {
    let mut room = Room::apart();
    let silent = room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    let two = room.open(of_encoder("device_silent", Critical, "helo-2"), 0);
    assert_eq!(room.run(0..10).len(), 2);
    let mut taken = two;
    taken.alert.state = AlertState::Acknowledged;
    room.desk.take(&taken, &room.facts, at(10));
    assert_eq!(room.look(3600), []);
    let again = room.look(3601);
    assert_eq!(kinds(&again), [NoticeKind::Reminder]);
    let about = again[0].notice.alerts[0].alert.encoder_id.clone();
    assert_eq!(about, silent.alert.encoder_id);
    assert_eq!(room.look(7000), []);
    assert_eq!(room.look(7202).len(), 1);
}

#[test]
fn silenced_alert_is_told_when_the_silence_ends() {
    let mut room = Room::apart();
    let matches = AlertMatcher {
        code: vec!["device_silent".to_owned()],
        ..AlertMatcher::default()
    };
    let silence = Silence::try_new(matches, (at(0), at(60)), "ann", "works", at(0)).unwrap();
    room.silences.push(silence);
    room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    room.open(of_encoder("cpu_high", Warning, "helo-1"), 0);
    let told = room.run(0..60);
    assert_eq!(told.len(), 1);
    assert_eq!(codes(&told[0]), ["cpu_high"]);
    let told = room.run(60..100);
    assert_eq!(
        (kinds(&told), told[0].notice.severity),
        (vec![NoticeKind::Update], Critical)
    );
}

#[test]
fn encoder_in_maintenance_is_told_when_it_is_back() {
    let mut room = Room::apart();
    room.facts.set_encoder("helo-1", None, true);
    room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    assert_eq!(room.run(0..60), []);
    room.facts.set_encoder("helo-1", None, false);
    assert_eq!(room.run(60..70).len(), 1);
}

fn restarted(room: &mut Room, groups: Vec<Group>, outbox: &[NoticeRecord]) {
    let mut fresh = Room::new();
    fresh.desk.restore(groups, outbox);
    room.desk = fresh.desk;
}

fn record(due: &Due) -> NoticeRecord {
    NoticeRecord {
        notice: due.notice.clone(),
        deliveries: due
            .sinks
            .iter()
            .map(|sink| {
                let state = crate::alerts::DeliveryState::Sent;
                (sink.clone(), crate::alerts::DeliveryRecord::new(state))
            })
            .collect(),
        covers: due.covers.clone(),
    }
}

#[test]
fn restart_tells_nothing_twice_and_forgets_no_end() {
    let mut room = Room::apart();
    let silent = room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    let told = room.run(0..10);
    let groups = room.desk.take_changed();
    let groups: Vec<_> = groups.into_iter().filter_map(|(_, group)| group).collect();
    let groups: Vec<Group> = serde_json::from_slice(&serde_json::to_vec(&groups).unwrap()).unwrap();
    restarted(&mut room, groups, &[record(&told[0])]);
    room.desk.take(&silent, &room.facts, at(20));
    room.open(of_stream("unprotected", Warning, "str_1"), 21);
    assert_eq!(room.run(20..100), []);
    room.close(&silent, 100);
    let unprotected = room.desk.groups.values().next().unwrap().alerts(|_| true);
    assert_eq!(unprotected.len(), 2);
}

#[test]
fn crash_between_notice_and_group_tells_nothing_twice() {
    let mut room = Room::apart();
    let silent = room.open(of_encoder("device_silent", Critical, "helo-1"), 0);
    let groups = room.desk.take_changed();
    let before: Vec<_> = groups.into_iter().filter_map(|(_, group)| group).collect();
    assert!(before[0].told.is_none());
    let told = room.run(0..10);
    restarted(&mut room, before, &[record(&told[0])]);
    room.desk.take(&silent, &room.facts, at(20));
    assert_eq!(room.run(20..100), []);
    room.close(&silent, 100);
    let end = room.run(100..110);
    assert_eq!(
        (kinds(&end), end[0].sinks.len()),
        (vec![NoticeKind::Resolved], 2)
    );
}

#[test]
fn next_look_is_when_something_is_due() {
    let mut room = Room::apart();
    room.open(of_encoder("cpu_high", Warning, "helo-1"), 0);
    let facts = room.facts.clone();
    let view = View {
        facts: &facts,
        silences: &[],
        now: at(1),
    };
    assert_eq!(room.desk.next_due(view), Some(at(5)));
    room.look(5);
    assert_eq!(
        room.desk.next_due(view),
        Some(at(5).plus(Duration::from_secs(12 * 3600)))
    );
}

proptest! {
    /// However alerts come and go: nobody silenced them, so each critical one that lasts is told,
    /// or belongs to somebody whose critical trouble is told.
    #[test]
    fn no_lasting_critical_alert_is_lost(
        steps in prop::collection::vec((0usize..6, 0usize..3, any::<bool>(), 0i64..90), 1..40),
    ) {
        let mut room = Room::at_north();
        let (mut now, mut told, mut open) = (0, Vec::new(), Vec::<BookEntry>::new());
        for (place, code, closes, pause) in steps {
            if closes && !open.is_empty() {
                let entry = open.swap_remove(place % open.len());
                room.close(&entry, now);
            } else {
                let code = ["device_silent", "reboot_loop", "overheating"][code];
                let id = format!("helo-{}", place + 1);
                let alert = of_encoder(code, Critical, &id);
                let known = open.iter().any(|e| e.alert.code == code && e.alert.encoder_id == alert.alert.encoder_id);
                if !known {
                    open.push(room.open(alert, now));
                }
            }
            told.extend(room.run(now..now + pause));
            now += pause;
        }
        told.extend(room.run(now..now + 60));
        for entry in &open {
            let of = entry.alert.encoder_id.as_ref().unwrap();
            let touch = format!("encoder:{of}");
            prop_assert!(told.iter().any(|due| due.covers.contains(&touch)));
        }
        for due in &told {
            prop_assert!(!due.sinks.is_empty() && !due.notice.alerts.is_empty());
        }
    }
}
