use proptest::prelude::*;

use super::super::samples::{at, book, book_of, fleet, helo, publishing, stream};
use super::super::{ErrorBook, Facts, Finding, Patterns, WINDOWS, correlations};
use super::*;

fn causes(book: &ErrorBook, facts: &Facts) -> Vec<RootCause> {
    let recent = book.recent(at(60.0), WINDOWS[0]);
    root_causes(&recent, facts, &Patterns::built_in())
}

fn ranked(facts: &Facts, troubles: &[(usize, &str, f64)]) -> Vec<RootCause> {
    causes(&book_of(facts, troubles), facts)
}

fn cause<'a>(causes: &'a [RootCause], name: &str) -> &'a RootCause {
    let found = causes.iter().find(|cause| cause.cause == name);
    found.unwrap_or_else(|| panic!("no {name} in {causes:#?}"))
}

const NINE: [&str; 9] = [
    "north", "north", "north", "north", "north", "north", "south", "south", "south",
];

fn silence(numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, &'static str, f64)> {
    let each = numbers.into_iter();
    each.map(|number| (number, "device_silent", number as f64 / 2.0))
        .collect()
}

#[test]
fn six_silent_encoders_of_one_site_are_the_site() {
    let found = ranked(&fleet(&NINE), &silence(1..=6));
    let site = &found[0];
    assert_eq!(
        (site.cause.as_str(), site.affected, site.exposed),
        ("site:north", 6, 6)
    );
    assert!(site.score > 0.9, "{site:#?}");
    assert_eq!(
        site.evidence_for,
        [
            "network_timeout: 6 of 6 encoders of site north, within 2.5 s",
            "network_timeout: none of 3 encoders elsewhere"
        ]
    );
    assert_eq!(site.evidence_against, [""; 0]);
    let encoder = cause(&found, "encoder:helo-1");
    assert!(encoder.score < 0.2, "{encoder:#?}");
    assert_eq!(
        encoder.evidence_against,
        ["network_timeout: 5 other encoders at the same moment"]
    );
    let manager = cause(&found, "manager");
    assert_eq!(
        manager.evidence_against,
        ["network_timeout: 3 of 9 encoders of this manager not affected"]
    );
}

#[test]
fn table_of_what_is_behind_silence() {
    let one_site = ["north"; 4];
    for (what, sites, silent, first, least) in [
        (
            "one of six is itself",
            &NINE[..],
            vec![2],
            "encoder:helo-2",
            0.7,
        ),
        (
            "everybody is the manager's network",
            &NINE,
            (1..=9).collect(),
            "manager",
            0.95,
        ),
        (
            "everybody of the only site as well",
            &one_site,
            (1..=4).collect(),
            "manager",
            0.9,
        ),
        (
            "five of six are still the site",
            &NINE,
            (1..=5).collect(),
            "site:north",
            0.6,
        ),
        (
            "both of a small site",
            &["a", "b", "b", "c"],
            vec![2, 3],
            "site:b",
            0.7,
        ),
    ] {
        let found = ranked(&fleet(sites), &silence(silent));
        assert_eq!(found[0].cause, first, "{what}: {found:#?}");
        assert!(found[0].score >= least, "{what}: {found:#?}");
    }
}

#[test]
fn the_more_fall_elsewhere_the_less_it_is_the_site() {
    let scores: Vec<_> = [6, 7, 8]
        .map(|last| cause(&ranked(&fleet(&NINE), &silence(1..=last)), "site:north").score)
        .into();
    for (number, score) in (6..).zip(&scores) {
        let expected = scores[0] * 6.0 / f64::from(number);
        assert!((score - expected).abs() < 0.01, "{scores:?}");
    }
}

#[test]
fn two_of_six_at_different_times_are_two_encoders() {
    let found = ranked(
        &fleet(&NINE),
        &[(1, "device_silent", -200.0), (4, "device_silent", 0.0)],
    );
    let first: Vec<_> = found.iter().take(2).map(|c| c.cause.as_str()).collect();
    assert_eq!(first, ["encoder:helo-1", "encoder:helo-4"]);
    assert!(cause(&found, "site:north").score < 0.2);
}

#[test]
fn site_with_one_encoder_is_never_suspected() {
    let found = ranked(&fleet(&["a", "b", "c"]), &silence([1]));
    assert!(
        found.iter().all(|cause| cause.kind == CauseKind::Encoder),
        "{found:#?}"
    );
}

#[test]
fn all_streams_to_one_destination_are_the_destination() {
    let (a, b) = ("rtmp://a/live", "rtmp://b/live");
    let facts = publishing(
        fleet(&["s1", "s2", "s3", "s4"]),
        &[(1, a), (2, a), (3, b), (4, b)],
    );
    let mut book = book();
    for number in [1, 2] {
        let found = [Finding::new("stream_failing", "")];
        book.observe_stream(
            &stream(number),
            &helo(number),
            &found,
            &facts,
            at(number as f64),
        );
    }
    let found = causes(&book, &facts);
    assert_eq!(found[0].cause, "destination:rtmp://a/live");
    assert!(found[0].score > 0.7 && cause(&found, "encoder:helo-1").score < 0.5);
    assert!(found[0].evidence_for[1].contains("none of 2 attempts to publish elsewhere"));
}

#[test]
fn stream_that_fails_from_two_encoders_blames_its_destination() {
    let a = "rtmp://a/live";
    let facts = publishing(fleet(&["s1", "s2", "s3"]), &[(1, a), (3, "rtmp://b/live")]);
    let mut book = book();
    for encoder in [1, 2] {
        let found = Finding::new("stream_failing", "refused the stream");
        let place = facts.at_stream(&stream(1), Some(&helo(encoder)));
        book.observe_once(&found, "stream_error", place, at(encoder as f64 * 5.0));
    }
    let found = causes(&book, &facts);
    assert_eq!(found[0].cause, "destination:rtmp://a/live", "{found:#?}");
    assert!(found[0].scores.contains_key("stream_key_rejected"));
}

#[test]
fn encoder_that_tried_in_vain_counts_for_the_destination() {
    let a = "rtmp://a/live";
    let mut facts = publishing(fleet(&["s1", "s2", "s3"]), &[(1, a), (3, "rtmp://b/live")]);
    let tried = &mut facts.streams.get_mut(&stream(1)).unwrap().tried_by;
    tried.insert(helo(2));
    let found = ranked(
        &facts,
        &[(1, "stream_failing", 0.0), (2, "stream_failing", 3.0)],
    );
    assert_eq!(found[0].cause, "destination:rtmp://a/live", "{found:#?}");
}

#[test]
fn minor_trouble_of_one_encoder_does_not_outweigh_the_outage_of_its_site() {
    let facts = fleet(&["north", "north", "north", "south", "south", "south"]);
    let mut book = book_of(&facts, &silence(1..=3));
    for second in [-20.0, -10.0] {
        let poor = Finding::new("connection_unstable", "");
        let silent = Finding::new("device_silent", "");
        book.observe_encoder(&helo(1), &[poor, silent.clone()], &facts, at(second + 30.0));
        book.observe_encoder(&helo(1), &[silent], &facts, at(second + 31.0));
    }
    let found = causes(&book, &facts);
    assert_eq!(found[0].cause, "site:north", "{found:#?}");
    assert!(cause(&found, "encoder:helo-1").score < 0.5);
}

#[test]
fn failing_stream_of_many_is_its_encoder() {
    let a = "rtmp://a/live";
    let facts = publishing(fleet(&["s1", "s2", "s3"]), &[(1, a), (2, a), (3, a)]);
    let mut book = book();
    let found = [Finding::new("stream_failing", "")];
    book.observe_stream(&stream(1), &helo(1), &found, &facts, at(0.0));
    assert_eq!(causes(&book, &facts)[0].cause, "encoder:helo-1");
}

#[test]
fn lost_pictures_of_one_camera_are_the_source() {
    let mut facts = fleet(&["s1", "s2", "s3", "s4"]);
    for number in [1, 2] {
        let labels = &mut facts.encoders.get_mut(&helo(number)).unwrap().labels;
        labels.insert("camera".to_owned(), "stage".to_owned());
    }
    let found = ranked(&facts, &[(1, "input_lost", 0.0), (2, "input_lost", 0.2)]);
    assert_eq!(found[0].cause, "source:camera=stage");
    let alone = ranked(&facts, &[(1, "input_lost", 0.0)]);
    assert_eq!(alone[0].cause, "encoder:helo-1");
}

#[test]
fn misbehaviour_of_one_firmware_is_the_firmware() {
    let mut facts = fleet(&["s1", "s2", "s3", "s4", "s5"]);
    for number in [1, 2, 3] {
        facts.encoders.get_mut(&helo(number)).unwrap().firmware = Some("5.0".to_owned());
    }
    let trouble: Vec<_> = (1..=3).map(|n| (n, "device_misbehaves", 0.0)).collect();
    assert_eq!(ranked(&facts, &trouble)[0].cause, "firmware:5.0");
}

#[test]
fn what_only_follows_from_other_trouble_has_no_cause() {
    let facts = fleet(&NINE);
    let trouble: Vec<_> = (1..=6).map(|n| (n, "unprotected", 0.0)).collect();
    assert_eq!(ranked(&facts, &trouble), []);
}

#[test]
fn correlation_says_how_far_it_is_from_chance() {
    let facts = fleet(&NINE);
    let book = book_of(&facts, &silence([1, 2, 3, 7]));
    let recent = book.recent(at(60.0), WINDOWS[2]);
    let window = correlations(&recent, &facts, WINDOWS[0], at(60.0));
    assert_eq!((window.seconds, window.occurrences), (300, 4));
    let site = &window.correlations[0];
    assert_eq!(
        (site.value.as_str(), site.affected, site.exposed),
        ("north", 3, 6)
    );
    assert!((site.support - 0.5).abs() < 1e-9);
    assert!((site.lift - 0.5 / (4.0 / 9.0)).abs() < 1e-9);
    assert!((site.spread_seconds - 1.0).abs() < 1e-9);
}

#[test]
fn windows_reach_back_as_far_as_they_say() {
    let facts = fleet(&NINE);
    let mut book = book_of(&facts, &silence([1, 2]));
    for number in [1, 2] {
        book.observe_encoder(&helo(number), &[], &facts, at(10.0));
    }
    let now = at(10.0 + 600.0);
    let recent = book.recent(now, WINDOWS[2]);
    let counts = WINDOWS.map(|window| correlations(&recent, &facts, window, now).occurrences);
    assert_eq!(counts, [0, 2, 2]);
}

const CODES: [&str; 6] = [
    "device_silent",
    "input_lost",
    "stream_failing",
    "temperature_high",
    "device_misbehaves",
    "unprotected",
];

proptest! {
    #[test]
    fn scores_are_in_range_ordered_and_founded(
        sites in proptest::collection::vec(0..4_usize, 1..12),
        streams in proptest::collection::vec((0..12_usize, 0..3_usize), 0..8),
        troubles in proptest::collection::vec((0..14_usize, 0..6_usize, 0..200_i32), 0..30),
    ) {
        let names: Vec<_> = sites.iter().map(|site| ["a", "b", "c", "d"][*site]).collect();
        let streams: Vec<_> = streams
            .iter()
            .map(|(n, to)| (n % names.len() + 1, ["rtmp://a/x", "rtmp://b/x", "rtmp://c/x"][*to]))
            .collect();
        let facts = publishing(fleet(&names), &streams);
        let mut troubles: Vec<_> = troubles
            .iter()
            .map(|(n, code, second)| (n + 1, CODES[*code], f64::from(*second) - 200.0))
            .collect();
        troubles.sort_by(|a, b| a.2.total_cmp(&b.2));
        let book = book_of(&facts, &troubles);
        let found = causes(&book, &facts);
        for cause in &found {
            prop_assert!((0.0..=1.0).contains(&cause.score), "{cause:?}");
            prop_assert!(!cause.evidence_for.is_empty() && !cause.occurrences.is_empty());
            prop_assert!(cause.affected >= 1 && cause.affected <= cause.exposed);
            prop_assert!(cause.kind == CauseKind::Encoder || cause.affected >= 2);
        }
        let rank = |cause: &RootCause| (cause.active, cause.score);
        let sorted = found.windows(2).all(|pair| rank(&pair[0]) >= rank(&pair[1]));
        prop_assert!(sorted);
        // The order of what is reported does not matter.
        let mut recent = book.recent(at(60.0), WINDOWS[0]);
        recent.reverse();
        let again = root_causes(&recent, &facts, &Patterns::built_in());
        let names = |causes: &[RootCause]| -> Vec<_> {
            causes.iter().map(|c| (c.cause.clone(), c.score.to_bits())).collect()
        };
        prop_assert_eq!(names(&found), names(&again));
    }
}
