use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

fn seconds(span: f64) -> Duration {
    Duration::from_secs_f64(span)
}

fn line(count: usize, slope: f64, noise: f64, seed: u64) -> Vec<Sample> {
    let mut random = StdRng::seed_from_u64(seed);
    let at = |n: usize| n as f64 * 10.0;
    (0..count)
        .map(|n| {
            (
                at(n),
                50.0 + slope * at(n) + noise * (random.random::<f64>() - 0.5),
            )
        })
        .collect()
}

fn of(samples: &[Sample]) -> Trend {
    Trend::of(&TrendConfig::default(), samples).unwrap()
}

#[test]
fn straight_line_crosses_where_arithmetic_says() {
    let trend = of(&line(31, 0.05, 0.0, 0));
    assert!((trend.level - 65.0).abs() < 1e-9);
    let crossing = trend.crossing(80.0).unwrap();
    assert!((crossing.expected.as_secs_f64() - 300.0).abs() < 1e-6);
    assert_eq!(trend.crossing(60.0), None, "it moves away from there");
    assert_eq!(
        trend.crossing(1000.0),
        None,
        "further ahead than the readings reach back"
    );
}

#[test]
fn noise_is_no_trend() {
    let significant = (0..100).filter(|seed| of(&line(40, 0.0, 5.0, *seed)).is_significant());
    let count = significant.count();
    assert!(count <= 20, "{count} of 100 at a confidence of 0.9");
}

#[test]
fn a_third_of_wild_readings_does_not_move_the_line() {
    let mut samples = line(60, 0.05, 0.5, 1);
    for sample in samples.iter_mut().step_by(4) {
        sample.1 += 500.0;
    }
    let slope = of(&samples).slope;
    assert!((slope.expected - 0.05).abs() < 0.01, "{slope:?}");
}

#[test]
fn slope_lies_in_its_interval_about_as_often_as_claimed() {
    let inside = |seed: &u64| {
        let slope = of(&line(40, 0.02, 4.0, *seed)).slope;
        slope.low <= 0.02 && 0.02 <= slope.high
    };
    let count = (0..200).filter(inside).count();
    assert!(
        (165..=199).contains(&count),
        "{count} of 200 at a confidence of 0.9"
    );
}

#[test]
fn too_little_says_nothing() {
    let config = TrendConfig::default();
    assert_eq!(Trend::of(&config, &line(11, 1.0, 0.0, 0)), None);
    assert_eq!(
        Trend::of(&config, &[(5.0, 1.0); 40]),
        None,
        "no time between them"
    );
    assert_eq!(of(&line(20, 1.0, 0.0, 0)).forecast(seconds(1000.0)), None);
}

#[test]
fn thinning_keeps_the_line() {
    let trend = of(&line(5000, 0.001, 1.0, 3));
    assert_eq!(trend.samples, 5000);
    assert!((trend.slope.expected - 0.001).abs() < 1e-4);
}

proptest! {
    #[test]
    fn intervals_are_in_order(samples in prop::collection::vec((0.0..1e6, -1e3..1e3), 0..90)) {
        if let Some(trend) = Trend::of(&TrendConfig::default(), &samples) {
            let Band { low, expected, high } = trend.slope;
            prop_assert!(low <= expected && expected <= high);
            let ahead = trend.forecast(trend.horizon()).unwrap();
            prop_assert!(ahead.low <= ahead.expected && ahead.expected <= ahead.high);
            if let Some(crossing) = trend.crossing(trend.level + 10.0) {
                prop_assert!(crossing.earliest <= crossing.expected);
                prop_assert!(crossing.latest.is_none_or(|latest| latest >= crossing.expected));
            }
        }
    }
}
