use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Publisher, Sighting};
use super::*;
use crate::model::Secret;

const SECOND: Duration = Duration::from_secs(1);

fn target(key: &str) -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from(key),
    }
}

/// A series of looks at streams `a` and `b`.
struct Series {
    start: Instant,
    now: Duration,
    seen: Seen,
    config: IngestConfig,
}

impl Series {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            now: Duration::ZERO,
            seen: Seen::default(),
            config: IngestConfig::default(),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            instant: self.start + self.now,
            at: at(self.now),
        }
    }

    /// Looks after `wait` and finds these counts.
    fn look(&mut self, wait: Duration, found: &[(&str, u64)]) {
        self.now += wait;
        let wanted = HashSet::from([target("a"), target("b")]);
        let sightings: Vec<_> = found
            .iter()
            .map(|(key, bytes)| Sighting {
                bytes_in: Some(*bytes),
                publishers: vec![Publisher::new().with_agent("SN-a")],
                ..Sighting::new(target(key))
            })
            .collect();
        let pause = self.config.missing_after;
        self.seen = self.seen.after(&sightings, &wanted, self.moment(), pause);
    }

    fn fail(&mut self, wait: Duration) {
        self.now += wait;
        self.seen = self
            .seen
            .after_failure("no answer".to_owned(), self.moment());
    }

    fn testimony(&self, expected: Duration) -> Testimony {
        let now = self.moment().instant;
        testify(&self.seen, &target("a"), at(expected), now, &self.config)
    }

    fn on_air(&self, silent: Duration, fleet: &[Identity]) -> OnAir {
        let (id, silent) = (EncoderId::try_new("a").unwrap(), self.start + silent);
        let now = self.moment().instant;
        on_air(
            &self.seen,
            &target("a"),
            &id,
            fleet,
            silent,
            now,
            &self.config,
        )
    }

    fn is_suspect(&self, expected: &[(&str, Duration)]) -> bool {
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, since)| (target(key), at(*since)))
            .collect();
        is_suspect(&self.seen, &expected, &self.config)
    }
}

fn at(span: Duration) -> Timestamp {
    Timestamp::from_millis(0).plus(span)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn nothing_is_missing_before_its_time() {
    let mut series = Series::new();
    assert_eq!(series.testimony(ms(0)), Testimony::Unknown, "never looked");
    series.look(ms(0), &[]);
    series.look(ms(1000), &[]);
    assert_eq!(series.testimony(ms(0)), Testimony::Unknown);
    series.look(ms(1000), &[]);
    assert_eq!(series.testimony(ms(0)), Testimony::Missing(at(ms(0))));
    assert_eq!(
        series.testimony(ms(500)),
        Testimony::Unknown,
        "expected for 1.5 s"
    );
    series.look(ms(500), &[("a", 5)]);
    assert_eq!(
        series.testimony(ms(500)),
        Testimony::Missing(at(ms(500))),
        "connected, no media"
    );
    series.look(ms(500), &[("a", 6)]);
    assert_eq!(series.testimony(ms(500)), Testimony::Received);
}

#[test]
fn missing_counts_from_the_last_growth() {
    let mut series = Series::new();
    for count in [1, 2, 3, 3, 3] {
        series.look(SECOND, &[("a", count)]);
    }
    assert_eq!(series.testimony(ms(0)), Testimony::Missing(at(ms(3000))));
}

#[test]
fn witness_that_fails_or_went_to_sleep_says_nothing() {
    let mut series = Series::new();
    for _ in 0..4 {
        series.look(SECOND, &[]);
    }
    assert_eq!(series.testimony(ms(0)), Testimony::Missing(at(ms(1000))));
    series.now += ms(3100);
    assert_eq!(series.testimony(ms(0)), Testimony::Unknown, "stale");
    series.look(ms(0), &[]);
    series.fail(SECOND);
    assert_eq!(series.testimony(ms(0)), Testimony::Unknown, "failing");
    series.look(SECOND, &[]);
    series.look(SECOND, &[]);
    assert_eq!(
        series.testimony(ms(0)),
        Testimony::Unknown,
        "not unbroken for long enough"
    );
    series.look(SECOND, &[]);
    assert!(matches!(series.testimony(ms(0)), Testimony::Missing(_)));
}

#[test]
fn ingest_is_cleared_by_any_stream_that_arrives() {
    let mut series = Series::new();
    for count in 1..=4 {
        series.look(SECOND, &[("a", 1), ("b", count)]);
    }
    let both = [("a", ms(0)), ("b", ms(0))];
    assert!(!series.is_suspect(&both));
    series.look(SECOND, &[("a", 1), ("b", 4)]);
    assert!(series.is_suspect(&both), "the other stopped a look later");
    assert!(!series.is_suspect(&both[..1]), "one stream proves nothing");
    let young = [("a", ms(0)), ("b", ms(4500))];
    assert!(!series.is_suspect(&young), "the other only began");
}

#[test]
fn silent_encoder_is_on_air_when_media_came_after_its_silence() {
    let mut series = Series::new();
    series.look(ms(0), &[("a", 1)]);
    series.look(ms(1000), &[("a", 2)]);
    assert_eq!(series.on_air(ms(900), &[]), OnAir::NotYetKnown);
    series.look(ms(100), &[("a", 3)]);
    assert_eq!(series.on_air(ms(1000), &[]), OnAir::Yes);
    assert_eq!(
        series.on_air(ms(1050), &[]),
        OnAir::NotYetKnown,
        "it may be from before"
    );
    for _ in 0..3 {
        series.look(ms(600), &[("a", 3)]);
    }
    assert_eq!(series.on_air(ms(1000), &[]), OnAir::Yes, "1.8 s without");
    series.look(ms(200), &[("a", 3)]);
    assert_eq!(series.on_air(ms(1000), &[]), OnAir::No);
}

#[test]
fn dead_encoder_is_not_on_air_however_long_it_is_connected() {
    let mut series = Series::new();
    for wait in [0, 1000, 1000, 100, 100] {
        series.look(ms(wait), &[("a", 7)]);
    }
    assert_eq!(series.on_air(ms(2000), &[]), OnAir::No);
    series.fail(ms(100));
    assert_eq!(series.on_air(ms(2000), &[]), OnAir::No, "nobody can tell");
}

#[test]
fn somebody_elses_media_says_nothing_of_a_silent_encoder() {
    let known = |id: &str, serial: &str| Identity {
        id: EncoderId::try_new(id).unwrap(),
        address: "http://10.0.0.1".to_owned(),
        serial: Some(serial.to_owned()),
    };
    let mut series = Series::new();
    for count in 1..5 {
        series.look(ms(100), &[("a", count)]);
    }
    assert_eq!(series.on_air(ms(100), &[known("a", "SN-a")]), OnAir::Yes);
    assert_eq!(series.on_air(ms(100), &[known("b", "SN-a")]), OnAir::No);
    assert_eq!(
        series.on_air(ms(100), &[known("b", "SN-b")]),
        OnAir::Yes,
        "nobody is known"
    );
}

/// What one look finds of stream `a`: nothing, a failure, or that many bytes more.
fn looks() -> impl Strategy<Value = Vec<(u64, Option<Option<u64>>)>> {
    let found = prop_oneof![
        Just(None),
        Just(Some(None)),
        (0_u64..3).prop_map(|more| Some(Some(more)))
    ];
    prop::collection::vec((10_u64..1500, found), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn missing_is_only_what_no_look_found_for_long_enough(looks in looks(), expected in 0_u64..20_000) {
        let mut series = Series::new();
        let (mut bytes, mut arrived, mut failed) = (0, None::<Duration>, None::<Duration>);
        let mut counted = false;
        for (wait, found) in looks {
            match found {
                None => {
                    series.fail(ms(wait));
                    failed = Some(series.now);
                }
                Some(None) => series.look(ms(wait), &[]),
                Some(Some(more)) => {
                    bytes += more;
                    series.look(ms(wait), &[("a", bytes)]);
                    if more > 0 && counted {
                        arrived = Some(series.now);
                    }
                    counted = true;
                }
            }
            let limit = series.config.missing_after;
            if let Testimony::Missing(since) = series.testimony(ms(expected)) {
                prop_assert!(since >= at(ms(expected)));
                prop_assert!(at(series.now).since(since) >= limit);
                prop_assert!(arrived.is_none_or(|arrived| series.now - arrived >= limit));
                prop_assert!(failed.is_none_or(|failed| series.now - failed >= limit));
            }
            let silent = ms(expected);
            if series.on_air(silent, &[]) == OnAir::Yes {
                let arrived = arrived.expect("media arrived at some time");
                prop_assert!(arrived > silent && series.now - arrived < limit);
            }
        }
    }
}
