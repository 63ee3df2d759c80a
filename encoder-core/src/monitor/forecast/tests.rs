//! Rolls through made series, forecasts at each place, and looks what came.

use super::*;

/// A series from `src/monitor/fixtures`: a formula with noise from a fixed seed, from no device.
fn made(text: &str) -> Vec<Sample> {
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| {
        let (at, value) = row.split_once(',').unwrap();
        (at.parse().unwrap(), value.parse().unwrap())
    })
    .collect()
}

macro_rules! series {
    ($name:literal) => {
        made(include_str!(concat!("../fixtures/", $name, ".csv")))
    };
}

/// What became of the forecasts made while rolling through a series.
#[derive(Debug, Default)]
struct Backtest {
    places: usize,
    claims: usize,
    judged: usize,
    came_true: usize,
}

impl Backtest {
    /// Forecasts `steps` readings ahead at every third place.
    fn of(config: &ForecastConfig, series: &[Sample], steps: usize) -> Self {
        let mut test = Self::default();
        let step = series[1].0 - series[0].0;
        let config = ForecastConfig {
            ahead: Duration::from_secs_f64(step * steps as f64),
            ..config.clone()
        };
        for place in (30..series.len()).step_by(3) {
            test.places += 1;
            let Ok(heading) = heading(&config, &series[..place]) else {
                continue;
            };
            test.claims += 1;
            let asked = heading.forecast.ahead == config.ahead;
            if let Some((_, value)) = series.get(place - 1 + steps).filter(|_| asked) {
                let band = heading.forecast.value;
                test.judged += 1;
                test.came_true += usize::from(band.low <= *value && *value <= band.high);
            }
        }
        test
    }

    fn coverage(&self) -> f64 {
        self.came_true as f64 / self.judged as f64
    }

    fn claimed(&self) -> f64 {
        self.claims as f64 / self.places as f64
    }
}

#[test]
fn readings_lie_in_the_interval_about_as_often_as_claimed() {
    let config = ForecastConfig::default();
    let smooth = [
        ("warming", series!("warming")),
        ("filling", series!("filling")),
        ("latency", series!("latency")),
    ];
    for (name, series) in smooth {
        for steps in [10, 30, 60] {
            let test = Backtest::of(&config, &series, steps);
            println!("{name} {steps}: {test:?} {:.2}", test.coverage());
            assert!(test.judged >= 40, "{name} {steps}: {test:?}");
            let claimed = config.trend.confidence;
            assert!(test.coverage() >= claimed - 0.1, "{name} {steps}: {test:?}");
        }
    }
}

#[test]
fn intervals_are_narrow_enough_to_be_of_use() {
    let config = ForecastConfig::default();
    let heading = heading(&config, &series!("warming")[..240]).unwrap();
    let band = heading.forecast.value;
    assert!(band.high - band.low < 6.0, "{band:?} °C in half an hour");
}

#[test]
fn predicted_crossings_come_true_within_their_interval() {
    let config = ForecastConfig::default();
    let cases = [
        ("warming", series!("warming"), 70.0),
        ("filling", series!("filling"), 35.0),
    ];
    for (name, series, threshold) in cases {
        let crossed = series.windows(5).find(|five| {
            let above = five.iter().filter(|(_, value)| *value >= threshold);
            above.count() >= 3
        });
        let crossed = crossed.unwrap()[2].0;
        let (mut predicted, mut came_true) = (0_u32, 0_u32);
        for place in 30..series.len() {
            let last = series[place - 1].0;
            let Some(crossing) = heading(&config, &series[..place])
                .ok()
                .and_then(|heading| heading.crossing(threshold))
                .filter(|_| last < crossed)
            else {
                continue;
            };
            predicted += 1;
            let ahead = Duration::from_secs_f64(crossed - last);
            let in_time = crossing.latest.is_none_or(|latest| ahead <= latest);
            came_true += u32::from(in_time && crossing.earliest <= ahead);
        }
        println!("{name}: {came_true} of {predicted}");
        assert!(predicted >= 20, "{name}: {predicted} predictions");
        let share = f64::from(came_true) / f64::from(predicted);
        assert!(share >= config.trend.confidence - 0.1, "{name}: {share}");
    }
}

#[test]
fn noise_is_met_with_silence() {
    let config = ForecastConfig::default();
    let test = Backtest::of(&config, &series!("noise"), 30);
    println!("{test:?}");
    assert!(
        test.claimed() <= 1.0 - config.trend.confidence + 0.05,
        "{test:?}"
    );
}

#[test]
fn a_rhythm_that_was_seen_once_is_no_trend() {
    let config = ForecastConfig {
        // A day and a bit, at one reading each five minutes.
        window: 320,
        ..ForecastConfig::default()
    };
    let series = series!("daily");
    let places = (320..series.len()).step_by(7);
    let claims = places
        .clone()
        .filter(|place| heading(&config, &series[..*place]).is_ok());
    let (claims, places) = (claims.count(), places.count());
    assert!(claims * 20 <= places, "{claims} of {places}");
}

#[test]
fn a_step_promises_nothing() {
    let config = ForecastConfig::default();
    let series = series!("step");
    let claims = (30..series.len()).filter(|place| heading(&config, &series[..*place]).is_ok());
    let share = claims.count() as f64 / (series.len() - 30) as f64;
    assert!(share <= 0.15, "{share}");
}

#[test]
fn too_little_says_so() {
    let config = ForecastConfig::default();
    let line = |count: u32, step: f64| -> Vec<Sample> {
        let at = |n| f64::from(n) * step;
        (0..count).map(|n| (at(n), at(n))).collect()
    };
    assert_eq!(heading(&config, &[]), Err(Silence::TooLittleData));
    assert_eq!(
        heading(&config, &line(11, 60.0)),
        Err(Silence::TooLittleData)
    );
    assert_eq!(
        heading(&config, &line(60, 1.0)),
        Err(Silence::TooLittleData)
    );
    assert!(heading(&config, &line(60, 10.0)).is_ok());
    let broken = [(0.0, f64::NAN), (f64::INFINITY, 1.0)];
    assert_eq!(heading(&config, &broken), Err(Silence::TooLittleData));
}

#[test]
fn a_forecast_reaches_no_further_ahead_than_the_readings_reach_back() {
    let config = ForecastConfig::default();
    let line: Vec<Sample> = (0..60)
        .map(|n| (f64::from(n) * 10.0, f64::from(n)))
        .collect();
    let heading = heading(&config, &line).unwrap();
    assert_eq!(heading.forecast.ahead, Duration::from_secs(590));
    assert!((heading.forecast.value.expected - 118.0).abs() < 1e-6);
}

#[test]
fn a_line_that_did_not_foretell_the_newest_readings_is_not_believed() {
    let config = ForecastConfig::default();
    let until = |end: f64| -> Vec<Sample> {
        let at = |n| f64::from(n) * 10.0;
        (0..120).map(|n| (at(n), at(n).min(end))).collect()
    };
    assert!(foretold_itself(&config, &until(1200.0)));
    assert!(!foretold_itself(&config, &until(800.0)));
}
