use super::super::samples::{at, book, fleet, helo, silent, stream};
use super::super::{ErrorBook, Facts, Finding, root_causes};
use super::*;

/// A book and what is escalated about it.
struct Watch {
    book: ErrorBook,
    facts: Facts,
    raised: Escalations,
}

impl Watch {
    fn new(sites: &[&str]) -> Self {
        Self {
            book: book(),
            facts: fleet(sites),
            raised: Escalations::new(ErrorsConfig::default()),
        }
    }

    fn report(&mut self, number: usize, codes: &[&str], second: f64) {
        let found: Vec<_> = codes.iter().map(|code| Finding::new(*code, "")).collect();
        self.book
            .observe_encoder(&helo(number), &found, &self.facts, at(second));
    }

    fn look(&mut self, second: f64) -> Vec<String> {
        let now = at(second);
        let recent = self
            .book
            .recent(now, ErrorsConfig::default().similar_window);
        let causes = root_causes(&recent, &self.facts, self.book.patterns());
        self.raised
            .evaluate(&causes, &recent, self.book.patterns(), now);
        self.raised
            .standing()
            .map(|raised| raised.cause.clone())
            .collect()
    }

    fn sites(&self) -> Vec<String> {
        self.raised
            .suspected_sites()
            .map(|site| site.cause.cause.clone())
            .collect()
    }

    fn failed(&mut self, count: usize, second: f64) {
        for _ in 0..count {
            self.raised.note_failed(FailedRecovery {
                at: at(second),
                stream_id: stream(1),
                encoder_ids: vec![helo(1), helo(2)],
            });
        }
    }
}

const SITES: [&str; 6] = ["north", "north", "north", "south", "south", "south"];

#[test]
fn silent_site_is_one_escalation_and_one_suspected_site() {
    let mut watch = Watch::new(&SITES);
    let mut seen = BTreeSet::new();
    for (number, second) in [(1, 0.0), (2, 1.0), (3, 2.0)] {
        watch.report(number, &["device_silent"], second);
        seen.extend(watch.look(second));
    }
    assert_eq!(seen, BTreeSet::new(), "not while more of it may be coming");
    for second in 5..60 {
        for number in 1..=3 {
            watch.report(number, &["device_silent"], f64::from(second));
        }
        seen.extend(watch.look(f64::from(second)));
        assert_eq!(watch.sites(), ["site:north"]);
    }
    assert_eq!(seen, BTreeSet::from(["site:north".to_owned()]));
    let raised = watch.raised.standing().next().unwrap();
    assert_eq!(
        (raised.similar_errors, raised.severity),
        (3, Severity::Critical)
    );
    assert!(
        raised.message.contains("3 similar errors"),
        "{}",
        raised.message
    );
    assert!(raised.message.ends_with("site:north"), "{}", raised.message);
}

#[test]
fn escalation_ends_when_it_is_calm() {
    let mut watch = Watch::new(&SITES);
    (1..=3).for_each(|number| watch.report(number, &["device_silent"], 0.0));
    assert_eq!(watch.look(5.0).len(), 1);
    (1..=3).for_each(|number| watch.report(number, &[], 10.0));
    assert_eq!(watch.look(11.0), ["site:north"]);
    assert_eq!(watch.sites(), [""; 0], "an answering site is no suspect");
    assert_eq!(watch.look(80.0), [""; 0]);
    assert_eq!(
        watch.look(100.0),
        [""; 0],
        "and does not come back by itself"
    );
}

#[test]
fn two_errors_are_not_escalated_and_a_flapping_one_is() {
    let mut watch = Watch::new(&SITES);
    watch.report(1, &["device_silent"], 0.0);
    watch.report(4, &["device_silent"], 100.0);
    assert_eq!(watch.look(110.0), [""; 0]);
    let mut watch = Watch::new(&SITES);
    for second in [0.0, 20.0, 40.0] {
        watch.report(1, &["device_silent"], second);
        watch.report(1, &[], second + 1.0);
    }
    assert_eq!(watch.look(44.0), ["encoder:helo-1"]);
}

#[test]
fn errors_further_apart_than_the_window_are_not_similar() {
    let mut watch = Watch::new(&SITES);
    for second in [0.0, 200.0, 400.0] {
        watch.report(1, &["device_silent"], second);
        watch.report(1, &[], second + 1.0);
        watch.look(second + 5.0);
    }
    assert_eq!(
        watch.look(405.0),
        [""; 0],
        "the first is more than 300 s ago"
    );
    watch.report(1, &["device_silent"], 420.0);
    assert_eq!(watch.look(425.0), ["encoder:helo-1"]);
}

#[test]
fn recoveries_that_failed_long_ago_do_not_count() {
    let window = ErrorsConfig::default().recovery_window.as_secs_f64();
    let mut watch = Watch::new(&SITES);
    watch.failed(4, 0.0);
    watch.look(1.0);
    watch.failed(1, window + 1.0);
    assert_eq!(watch.look(window + 2.0), [""; 0]);
    watch.failed(4, window + 2.0);
    assert_eq!(watch.look(window + 3.0), ["stream:str_1"]);
}

#[test]
fn similar_errors_without_a_common_cause_are_escalated_as_such() {
    let mut watch = Watch::new(&["a", "b", "c", "d", "e", "f"]);
    for number in 1..=3 {
        watch.report(number, &["input_lost"], number as f64 * 80.0);
    }
    assert_eq!(watch.look(250.0), ["pattern:video_signal_loss"]);
    let raised = watch.raised.standing().next().unwrap();
    assert!(
        raised.message.contains("without a common cause"),
        "{}",
        raised.message
    );
}

#[test]
fn what_follows_from_an_outage_is_not_escalated_as_well() {
    let mut watch = Watch::new(&SITES);
    for number in 1..=3 {
        watch.report(
            number,
            &["device_silent", "unprotected", "fence_pending"],
            0.0,
        );
    }
    assert_eq!(watch.look(5.0), ["site:north"]);
    for number in 1..=3 {
        watch.report(number, &["connection_unstable"], 6.0);
    }
    assert_eq!(watch.look(12.0), ["site:north"]);
}

#[test]
fn wider_cause_takes_over() {
    let mut watch = Watch::new(&SITES);
    (1..=3).for_each(|number| watch.report(number, &["device_silent"], 0.0));
    assert_eq!(watch.look(5.0), ["site:north"]);
    (4..=6).for_each(|number| watch.report(number, &["device_silent"], 6.0));
    assert_eq!(watch.look(12.0), ["manager"]);
}

#[test]
fn five_failed_recoveries_are_escalated_with_their_cause() {
    let mut watch = Watch::new(&SITES);
    watch.report(1, &["device_silent"], 0.0);
    watch.failed(4, 1.0);
    assert_eq!(watch.look(2.0), [""; 0]);
    watch.failed(1, 3.0);
    assert_eq!(watch.look(4.0), ["encoder:helo-1"]);
    let raised = watch.raised.standing().next().unwrap();
    assert_eq!(
        (raised.failed_recoveries, raised.severity),
        (5, Severity::Critical)
    );
    let mut without = Watch::new(&SITES);
    without.failed(5, 0.0);
    assert_eq!(without.look(1.0), ["stream:str_1"]);
    assert_eq!(without.look(100.0), [""; 0]);
}

#[test]
fn pattern_may_have_limits_of_its_own() {
    let mut watch = Watch::new(&["a", "a", "b"]);
    watch.report(1, &["temperature_high"], 0.0);
    watch.report(2, &["temperature_high"], 0.0);
    assert_eq!(watch.look(5.0), ["site:a"]);
    assert_eq!(silent().code, "device_silent");
}
