use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Timestamp;

const START: i64 = 1_700_000_100_000;

fn seconds(count: i64) -> Timestamp {
    Timestamp::from_millis(START + count * 1000)
}

fn encoder(name: &str) -> SeriesSubject {
    SeriesSubject::Encoder(name.parse().unwrap())
}

fn span(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn tiers(tiers: &[(u64, u64, u64)]) -> SeriesConfig {
    let tier = |&(step, keep, memory)| TierConfig::new(span(step), span(keep), span(memory));
    SeriesConfig {
        tiers: tiers.iter().map(tier).collect(),
        ..SeriesConfig::default()
    }
}

fn book(readings: &[(i64, f64)]) -> SeriesBook {
    let mut book = SeriesBook::new(&SeriesConfig::default());
    for (at, value) in readings {
        book.record(&encoder("a"), Metric::Temperature, seconds(*at), *value);
    }
    book
}

fn answer(book: &SeriesBook, from: i64, to: i64, step: u64) -> SeriesAnswer {
    let subject = encoder("a");
    book.query(
        &subject,
        Metric::Temperature,
        seconds(from),
        seconds(to),
        span(step),
    )
}

#[test]
fn gaps_stay_gaps() {
    let book = book(&[(0, 1.0), (10, 2.0), (40, 3.0)]);
    let means = |step| -> Vec<_> {
        let points = answer(&book, 0, 60, step).points;
        points.iter().map(|point| point.map(|p| p.mean)).collect()
    };
    assert_eq!(
        means(10),
        [Some(1.0), Some(2.0), None, None, Some(3.0), None]
    );
    assert_eq!(means(20), [Some(1.5), None, Some(3.0)]);
}

#[test]
fn what_was_never_read_has_no_series() {
    let mut book = book(&[(0, 1.0)]);
    book.record(&encoder("a"), Metric::CpuUsage, seconds(0), f64::NAN);
    book.record(&encoder("a"), Metric::Bitrate, seconds(0), f64::INFINITY);
    let known: Vec<_> = book.metrics(&encoder("a")).into_iter().collect();
    assert_eq!(known, [Metric::Temperature]);
    assert!(book.metrics(&encoder("b")).is_empty());
}

#[test]
fn older_questions_are_answered_from_coarser_tiers() {
    let readings: Vec<_> = (0..9000).map(|n| (n * 10, n as f64)).collect();
    let book = book(&readings);
    let end = 90_000;
    let step = |from, step| answer(&book, from, end, step).step;
    assert_eq!(step(end - 3600, 1), span(10));
    assert_eq!(step(end - 3600, 25), span(30));
    assert_eq!(step(end - 7200, 10), span(60));
    assert_eq!(step(0, 10), span(900));
    // 30 days would be 2880 quarters of an hour.
    let month = answer(&book, end - 30 * 86_400, end, 10);
    assert_eq!(month.step, span(2700));
    assert!(month.points.len() <= MAX_POINTS);
}

#[test]
fn late_and_repeated_readings_count_where_they_belong() {
    let book = book(&[(20, 3.0), (0, 1.0), (20, 5.0), (5, 2.0), (0, 3.0)]);
    let points = answer(&book, 0, 30, 10).points;
    let figures = |point: Option<Bucket>| point.map(|p| (p.min, p.mean, p.max, p.count));
    assert_eq!(figures(points[0]), Some((1.0, 2.0, 3.0, 3)));
    assert_eq!(figures(points[1]), None);
    assert_eq!(figures(points[2]), Some((3.0, 4.0, 5.0, 2)));
}

#[test]
fn a_clock_that_jumped_heals() {
    let mut book = book(&[(0, 1.0), (10_000_000, 2.0), (-10_000_000, 3.0)]);
    for n in 0..720 {
        book.record(&encoder("a"), Metric::Temperature, seconds(n * 10), 4.0);
    }
    let points = answer(&book, 3600, 7200, 10).points;
    assert_eq!(points.iter().flatten().count(), 360);
}

#[test]
fn removed_encoders_leave_nothing() {
    let mut book = book(&[(0, 1.0)]);
    book.record_manager(seconds(0), &[(Metric::EventBacklog, 4.0)]);
    let both = book.memory_bytes();
    book.forget(&encoder("a"));
    assert!(book.memory_bytes() < both);
    assert_eq!(book.subjects(), [SeriesSubject::Manager]);
}

#[test]
fn memory_does_not_grow_without_end() {
    let mut book = SeriesBook::new(&tiers(&[(10, 3600, 3600), (60, 7200, 7200)]));
    let mut day = |day: i64| {
        for n in 0..8640 {
            let at = seconds(day * 86_400 + n * 10);
            book.record(&encoder("a"), Metric::Temperature, at, n as f64);
        }
        book.memory_bytes()
    };
    let first = day(0);
    assert_eq!((day(1), day(2)), (first, first));
    assert!(first < 6000, "{first} bytes");
}

#[test]
fn chunks_bring_a_series_back() {
    let readings: Vec<_> = (0..500)
        .map(|n| (n * 7, (n % 13) as f64 * 1.7 - 5.0))
        .collect();
    let mut book = book(&readings);
    let chunks = book.take_dirty(&encoder("a"));
    assert!(book.take_dirty(&encoder("a")).is_empty());
    book.not_written(&encoder("a"), &chunks[..1]);
    assert_eq!(book.take_dirty(&encoder("a")), chunks[..1]);

    let mut again = SeriesBook::new(&SeriesConfig::default());
    again.restore(&encoder("a"), &chunks);
    assert!(again.take_dirty(&encoder("a")).is_empty());
    // Coverage depends on the time of the last reading.
    again.record(&encoder("a"), Metric::Fps, seconds(3500), 0.0);
    for step in [10, 60, 900] {
        let (new, old) = (answer(&again, 0, 3600, step), answer(&book, 0, 3600, step));
        assert_eq!(new.points.len(), old.points.len());
        for (new, old) in new.points.iter().zip(&old.points) {
            assert_eq!(new.map(|p| p.count), old.map(|p| p.count));
        }
    }
}

#[test]
fn what_is_in_memory_counts_more_than_what_was_stored() {
    let chunks = book(&[(0, 1.0), (10, 1.0)]).take_dirty(&encoder("a"));
    let mut book = book(&[(0, 9.0)]);
    book.restore(&encoder("a"), &chunks);
    let means = answer(&book, 0, 20, 10).points;
    let means: Vec<_> = means.iter().flatten().map(|point| point.mean).collect();
    assert_eq!(means, [9.0, 1.0]);
}

#[test]
fn damaged_chunks_are_passed_over() {
    let mut book = book(&[(0, 1.0), (1, 2.0)]);
    let chunks = book.take_dirty(&encoder("a"));
    let mut cut = chunks[0].clone();
    for length in 0..cut.body.len() {
        cut.body = chunks[0].body[..length].to_vec();
        let mut other = SeriesBook::new(&SeriesConfig::default());
        other.restore(&encoder("a"), std::slice::from_ref(&cut));
        assert!(other.subjects().is_empty(), "{length} bytes");
    }
}

#[test]
fn metrics_have_one_name_everywhere() {
    for metric in Metric::ALL {
        let wire = serde_json::to_value(metric).unwrap();
        assert_eq!(wire, metric.as_str());
        assert_eq!(metric.as_str().parse::<Metric>().unwrap(), *metric);
    }
    assert!("cpu".parse::<Metric>().is_err());
}

fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((0_i64..3500, -1.0e6..1.0e7), 1..300)
}

proptest! {
    #[test]
    fn buckets_are_what_direct_aggregation_gives(readings in readings(), step in 1_u64..2000) {
        let answer = answer(&book(&readings), 0, 3500, step);
        let width = i64::try_from(answer.step.as_millis()).unwrap();
        let mut seen = 0;
        for (n, point) in answer.points.iter().enumerate() {
            let begin = answer.from.as_millis() + n as i64 * width;
            let within: Vec<_> = readings
                .iter()
                .filter(|(at, _)| (begin..begin + width).contains(&seconds(*at).as_millis()))
                .map(|(_, value)| *value)
                .collect();
            seen += within.len();
            prop_assert_eq!(point.is_none(), within.is_empty());
            if let Some(point) = point {
                let low = within.iter().copied().fold(f64::INFINITY, f64::min);
                let high = within.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mean = within.iter().sum::<f64>() / within.len() as f64;
                prop_assert!((point.min - low).abs() <= 1.0);
                prop_assert!((point.max - high).abs() <= 1.0);
                // A reading that comes late opens its bucket anew, and rounds its mean once more.
                let roundings = within.len() as f64;
                prop_assert!((point.mean - mean).abs() <= 1.0 + (high - low) * 1.0e-5 * roundings);
                prop_assert!(point.min <= point.mean && point.mean <= point.max);
                prop_assert_eq!(point.count as usize, within.len());
                prop_assert_eq!(point.at.as_millis(), begin);
            }
        }
        prop_assert_eq!(seen, readings.len());
    }

    #[test]
    fn any_question_gets_a_bounded_answer(
        readings in readings(), from in -4_000_000_i64..4_000_000, length in 1_i64..40_000_000,
        step in 1_u64..100_000,
    ) {
        let book = book(&readings);
        let answer = answer(&book, from, from + length, step);
        let width = i64::try_from(answer.step.as_millis()).unwrap();
        let end = answer.from.as_millis() + width * answer.points.len() as i64;
        prop_assert!(answer.points.len() <= MAX_POINTS);
        prop_assert!(answer.step >= span(step));
        prop_assert!(answer.from <= seconds(from));
        prop_assert!(end >= seconds(from + length).as_millis());
    }

    #[test]
    fn memory_is_bounded_whatever_comes(
        times in prop::collection::vec(-10_000_000_i64..10_000_000, 1..500),
    ) {
        let readings: Vec<_> = times.into_iter().map(|at| (at, 1.0)).collect();
        // 7, 25 and 2 segments of at most sixty buckets.
        let most = 34 * (60 * 11 + 8 + 32) + 1000;
        prop_assert!(book(&readings).memory_bytes() < most);
    }

    #[test]
    fn chunks_of_any_bytes_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut chunk = book(&[(0, 1.0)]).take_dirty(&encoder("a")).remove(0);
        chunk.body = body;
        let mut book = SeriesBook::new(&SeriesConfig::default());
        book.restore(&encoder("a"), &[chunk]);
        for point in answer(&book, 0, 3600, 10).points.into_iter().flatten() {
            prop_assert!(point.min <= point.mean && point.mean <= point.max);
        }
    }
}
