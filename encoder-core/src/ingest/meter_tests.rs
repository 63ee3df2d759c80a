use std::collections::HashSet;
use std::time::Instant;

use proptest::prelude::*;

use super::super::{Publisher, Sighting};
use super::*;
use crate::model::{Secret, Timestamp};

const PAUSE: Duration = Duration::from_secs(2);

fn target(key: &str) -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from(key),
    }
}

fn id(name: &str) -> EncoderId {
    EncoderId::try_new(name).unwrap()
}

fn fleet() -> Vec<Identity> {
    let known = |name: &str| Identity {
        id: id(name),
        address: format!("http://{name}.example"),
        serial: Some(format!("SN-{name}")),
    };
    vec![known("old"), known("new")]
}

/// When the old encoder's media ends and the new one's begins, in milliseconds, and how the
/// ingest tells.
#[derive(Clone, Copy, Debug)]
struct Case {
    ends: u64,
    begins: u64,
    /// Both at one address.
    shared: bool,
    /// One counter for the key instead of one per connection.
    cumulative: bool,
    /// The old connection stays until the new one comes.
    lingers: bool,
}

impl Case {
    /// What the ingest tells at that time. A byte arrives every millisecond.
    fn sightings(self, now: u64) -> Vec<Sighting> {
        let sighting = |key: &str, name: &str, bytes: u64| Sighting {
            bytes_in: Some(bytes),
            publishers: vec![Publisher::new().with_agent(format!("SN-{name}"))],
            ..Sighting::new(target(key))
        };
        let old = now.min(self.ends);
        let new = now.checked_sub(self.begins);
        let base = if self.cumulative { self.ends } else { 0 };
        let stays = now <= self.ends || (self.lingers && new.is_none());
        let mut found = Vec::new();
        match new {
            Some(new) if self.shared => return vec![sighting("old", "new", base + new)],
            Some(new) => found.push(sighting("new", "new", new)),
            None => {}
        }
        if stays {
            found.push(sighting("old", "old", old));
        }
        found
    }
}

/// Looks at these times, and decides to move at the time the old one ends.
fn measure(case: Case, looks: &[u64]) -> Option<Interruption> {
    let start = Instant::now();
    let wanted = HashSet::from([target("old"), target("new")]);
    let to = if case.shared { "old" } else { "new" };
    let what = Move {
        stream: StreamId::try_new("str_1").unwrap(),
        incident: IncidentId::generate(),
        trigger: Trigger::Manual,
        from: (id("old"), target("old")),
        to: (id("new"), target(to)),
    };
    let mut seen = Seen::default();
    let mut meter = None;
    for &look in looks {
        let span = Duration::from_millis(look);
        let now = Moment {
            instant: start + span,
            at: Timestamp::from_millis(0).plus(span),
        };
        if meter.is_none() && look >= case.ends.min(case.begins) {
            meter = Some(Meter::new(what.clone(), fleet(), &seen, now));
        }
        seen = seen.after(&case.sightings(look), &wanted, now, PAUSE);
        if let Some(measured) = meter.as_mut().and_then(|meter| meter.look(&seen, now)) {
            return Some(measured.interruption);
        }
    }
    None
}

const PLAIN: Case = Case {
    ends: 5_020,
    begins: 5_530,
    shared: true,
    cumulative: false,
    lingers: false,
};

/// Every 100 ms.
fn steadily() -> Vec<u64> {
    (1..150).map(|tenth| tenth * 100).collect()
}

#[test]
fn gap_runs_from_the_last_media_of_the_old_to_the_first_of_the_new() {
    let seen = measure(PLAIN, &steadily()).unwrap();
    assert_eq!(
        seen.gap.as_millis(),
        600,
        "from 5000, or 5100 at most, to 5600"
    );
    assert_eq!(seen.resolution.as_millis(), 200);
}

#[test]
fn slow_looks_say_how_little_they_know() {
    let slow: Vec<u64> = (1..12).map(|second| second * 1000).collect();
    let seen = measure(PLAIN, &slow).unwrap();
    assert_eq!(
        (seen.gap.as_millis(), seen.resolution.as_millis()),
        (1000, 2000)
    );
}

#[test]
fn replacement_elsewhere_that_came_first_interrupts_nothing() {
    let case = Case {
        begins: 3_000,
        shared: false,
        ..PLAIN
    };
    assert_eq!(measure(case, &steadily()).unwrap().gap, Duration::ZERO);
}

#[test]
fn old_publisher_that_returns_is_not_the_new_one() {
    let start = Instant::now();
    let wanted = HashSet::from([target("old")]);
    let mut seen = Seen::default();
    let mut meter = None;
    let counts = [
        ("old", 1),
        ("old", 9),
        ("old", 2),
        ("old", 5),
        ("new", 1),
        ("new", 4),
    ];
    for (second, (name, bytes)) in counts.into_iter().enumerate() {
        let span = Duration::from_secs(second as u64);
        let now = Moment {
            instant: start + span,
            at: Timestamp::from_millis(0).plus(span),
        };
        if second == 2 {
            let what = Move {
                stream: StreamId::try_new("str_1").unwrap(),
                incident: IncidentId::generate(),
                trigger: Trigger::Manual,
                from: (id("old"), target("old")),
                to: (id("new"), target("old")),
            };
            meter = Some(Meter::new(what, fleet(), &seen, now));
        }
        let sighting = Sighting {
            bytes_in: Some(bytes),
            publishers: vec![Publisher::new().with_agent(format!("SN-{name}"))],
            ..Sighting::new(target("old"))
        };
        seen = seen.after(&[sighting], &wanted, now, PAUSE);
        let measured = meter.as_mut().and_then(|meter| meter.look(&seen, now));
        assert_eq!(measured.is_some(), second == 4, "second {second}");
        if measured.is_some() {
            return;
        }
    }
}

#[test]
fn what_was_never_received_is_not_measured() {
    let case = Case {
        ends: 0,
        lingers: false,
        ..PLAIN
    };
    assert_eq!(measure(case, &steadily()), None);
}

fn cases() -> impl Strategy<Value = Case> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (4000_u64..8000, 0_u64..4000, flags).prop_map(|(ends, gap, (shared, cumulative, lingers))| {
        Case {
            ends,
            begins: ends + 1 + gap,
            shared,
            cumulative,
            lingers,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn truth_is_within_the_resolution(
        case in cases(),
        waits in prop::collection::vec(20_u64..1500, 60),
    ) {
        let looks: Vec<u64> = waits
            .iter()
            .scan(0, |now, wait| {
                *now += wait;
                Some(*now)
            })
            .collect();
        let known = looks.iter().filter(|look| **look < case.ends).count() >= 2;
        let arrived = looks.iter().filter(|look| **look > case.begins).count() >= 3;
        let measured = measure(case, &looks);
        prop_assert!(measured.is_some() || !(known && arrived));
        if let Some(seen) = measured {
            let truth = Duration::from_millis(case.begins - case.ends);
            // The first byte of a connection comes a millisecond after it.
            let error = seen.gap.abs_diff(truth);
            prop_assert!(error <= seen.resolution + Duration::from_millis(1), "{seen:?}, {truth:?}");
        }
    }
}
