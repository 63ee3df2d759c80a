use super::*;
use crate::model::Secret;

const PAUSE: Duration = Duration::from_secs(2);

fn target() -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from("key"),
    }
}

/// What a look finds.
#[derive(Clone, Copy)]
enum Find {
    Nothing,
    Failure,
    /// Bytes by a publisher of that name.
    Bytes(&'static str, u64),
    Uncounted,
}
use Find::{Bytes, Failure, Nothing, Uncounted};

fn sighting(find: Find) -> Option<Sighting> {
    let mut sighting = Sighting::new(target());
    match find {
        Nothing | Failure => return None,
        Bytes(agent, bytes) => {
            sighting.bytes_in = Some(bytes);
            sighting.publishers = vec![Publisher::new().with_agent(agent)];
        }
        Uncounted => {}
    }
    Some(sighting)
}

/// One look per second, the first at second 0.
fn after(looks: &[Find]) -> (Trace, Instant) {
    let start = Instant::now();
    let wanted = HashSet::from([target()]);
    let mut seen = Seen::default();
    for (second, find) in looks.iter().enumerate() {
        let span = Duration::from_secs(second as u64);
        let now = Moment {
            instant: start + span,
            at: Timestamp::from_millis(0).plus(span),
        };
        seen = match find {
            Failure => seen.after_failure("no answer".to_owned(), now),
            _ => {
                let found: Vec<_> = sighting(*find).into_iter().collect();
                seen.after(&found, &wanted, now, PAUSE)
            }
        };
    }
    (seen.trace(&target()).unwrap().clone(), start)
}

/// Seconds of `after`, `found` and `until`, and the connection, of the latest growth.
fn growth(looks: &[Find]) -> Option<(u64, u64, Option<u64>, u32)> {
    let (trace, start) = after(looks);
    let second = |moment: Moment| moment.instant.duration_since(start).as_secs();
    trace.grown.map(|grown| {
        let until = grown.until.map(second);
        (second(grown.after), second(grown.found), until, grown.epoch)
    })
}

#[test]
fn first_count_is_no_growth_and_every_larger_one_is() {
    assert_eq!(growth(&[Bytes("a", 500)]), None);
    assert_eq!(growth(&[Nothing, Bytes("a", 500)]), None);
    assert_eq!(
        growth(&[Bytes("a", 500), Bytes("a", 501)]),
        Some((0, 1, None, 1))
    );
    assert_eq!(growth(&[Bytes("a", 500), Bytes("a", 500)]), None);
}

#[test]
fn what_appeared_between_looks_may_have_arrived_since_the_one_before() {
    let looks = [Nothing, Nothing, Bytes("a", 0), Bytes("a", 9)];
    assert_eq!(growth(&looks), Some((1, 3, None, 1)));
}

#[test]
fn first_look_without_growth_ends_it() {
    let looks = [Bytes("a", 1), Bytes("a", 2), Bytes("a", 2), Bytes("a", 2)];
    assert_eq!(growth(&looks), Some((0, 1, Some(2), 1)));
    let looks = [Bytes("a", 1), Bytes("a", 2), Nothing, Nothing];
    assert_eq!(growth(&looks), Some((0, 1, Some(2), 1)));
}

#[test]
fn smaller_count_is_a_new_connection() {
    let looks = [Bytes("a", 90), Bytes("a", 99), Bytes("b", 5)];
    assert_eq!(growth(&looks), Some((1, 2, None, 2)));
    let empty = [Bytes("a", 90), Bytes("a", 99), Bytes("b", 0)];
    assert_eq!(
        growth(&empty),
        Some((0, 1, Some(2), 1)),
        "nothing of it arrived yet"
    );
}

#[test]
fn growth_while_publishers_change_belongs_to_whoever_was_sending() {
    let looks = [Bytes("a", 1), Bytes("a", 2), Bytes("b", 3)];
    assert_eq!(growth(&looks), Some((0, 2, None, 1)));
    let next = [Bytes("a", 1), Bytes("a", 2), Bytes("b", 3), Bytes("b", 4)];
    assert_eq!(growth(&next), Some((1, 3, None, 2)));
    let stalled = [Bytes("a", 1), Bytes("a", 2), Bytes("a", 2), Bytes("b", 3)];
    assert_eq!(growth(&stalled), Some((2, 3, None, 2)));
}

#[test]
fn presence_counts_where_bytes_do_not() {
    assert_eq!(growth(&[Nothing, Uncounted]), Some((0, 1, None, 1)));
    let (trace, _) = after(&[Uncounted, Uncounted]);
    assert!(trace.grown.is_some_and(|grown| !grown.counted));
}

#[test]
fn failed_look_breaks_the_series_and_hides_no_time() {
    let looks = [Bytes("a", 1), Failure, Failure, Bytes("a", 2)];
    assert_eq!(growth(&looks), Some((0, 3, None, 1)));
    let (trace, start) = after(&looks);
    assert_eq!(trace.watched_since.instant, start + Duration::from_secs(3));
    let (trace, start) = after(&[Bytes("a", 1), Bytes("a", 1)]);
    assert_eq!(trace.watched_since.instant, start);
}

#[test]
fn short_pause_does_not_end_a_reception() {
    let began = |looks: &[Find]| {
        let (trace, start) = after(looks);
        let began = trace.began.unwrap().found.instant;
        began.duration_since(start).as_secs()
    };
    let counts = |counts: &[u64]| -> Vec<Find> { counts.iter().map(|c| Bytes("a", *c)).collect() };
    assert_eq!(began(&counts(&[1, 2, 3, 4])), 1);
    assert_eq!(began(&counts(&[1, 2, 2, 3])), 3, "two seconds are a pause");
}
