use std::time::{Duration, Instant};

use super::*;

fn reason(signs: Signs, cooling: &Cooling) -> Option<CoolingReason> {
    let cause = signs.cause(&ThermalConfig::default(), &DirectConfig::default(), cooling);
    cause.map(|cause| cause.reason)
}

fn hot(celsius: f64) -> Signs {
    Signs {
        temperature: Some(celsius),
        ..Signs::default()
    }
}

/// Cooling for a heat of 80 degrees, at that step.
fn cooled(step: u32) -> Cooling {
    let (config, start) = (ThermalConfig::default(), Instant::now());
    let mut cooling = Cooling::default();
    for number in 0..step {
        let now = start + config.step() * number + Duration::from_millis(1) * number.min(1);
        cooling.advance(&config, Some(&Cause::new(CoolingReason::Temperature)), now);
    }
    assert_eq!(cooling.step(), step);
    cooling
}

#[test]
fn each_figure_can_be_the_cause() {
    let idle = Cooling::default();
    let table = [
        (hot(79.9), None),
        (hot(80.0), Some(CoolingReason::Temperature)),
        (hot(f64::NAN), None),
        (
            Signs {
                near_shutdown: true,
                ..hot(76.0)
            },
            Some(CoolingReason::Temperature),
        ),
        (
            Signs {
                heat: Some(Heat::new(80.0)),
                ..hot(50.0)
            },
            Some(CoolingReason::Score),
        ),
        (
            Signs {
                load_percent: Some(75.0),
                ..hot(50.0)
            },
            Some(CoolingReason::Load),
        ),
        (
            Signs {
                budget_share: 0.75,
                ..hot(50.0)
            },
            Some(CoolingReason::Load),
        ),
        (
            Signs {
                budget_share: 1.0,
                ..hot(50.0)
            },
            Some(CoolingReason::Burst),
        ),
        (Signs::default(), None),
    ];
    for (signs, expected) in table {
        assert_eq!(reason(signs, &idle), expected, "{signs:?}");
    }
}

#[test]
fn cooling_encoder_must_fall_below_the_threshold_by_the_relief() {
    assert_eq!(
        reason(hot(75.0), &cooled(1)),
        Some(CoolingReason::Temperature)
    );
    assert_eq!(reason(hot(74.9), &cooled(1)), None);
    let mut warming = cooled(2);
    let later = Instant::now() + Duration::from_secs(300);
    warming.advance(&ThermalConfig::default(), None, later);
    assert_eq!(
        reason(hot(79.0), &warming),
        None,
        "full threshold on the way back"
    );
}

#[test]
fn switched_off_nothing_is_a_cause() {
    let config = ThermalConfig {
        automatic: false,
        ..ThermalConfig::default()
    };
    let cause = hot(95.0).cause(&config, &DirectConfig::default(), &Cooling::default());
    assert_eq!(cause, None);
}

#[test]
fn stream_leaves_a_device_that_cooling_does_not_help() {
    let (config, direct) = (ThermalConfig::default(), DirectConfig::default());
    let near = Signs {
        near_shutdown: true,
        ..hot(76.0)
    };
    // Signs, step, rising, and whether it is due and imminent.
    let table = [
        (hot(85.0), 1, true, None),
        (hot(85.0), 2, false, None),
        (hot(85.0), 2, true, Some(false)),
        (hot(85.0), 5, false, Some(false)),
        (hot(79.0), 5, true, None),
        (hot(90.0), 0, false, Some(true)),
        (near, 0, false, Some(true)),
        (Signs::default(), 5, true, None),
    ];
    for (signs, step, rising, expected) in table {
        let found = signs.overheating(&config, &direct, &cooled(step), rising);
        let found = found.map(|found| found.imminent);
        assert_eq!(found, expected, "{signs:?} at step {step}, rising {rising}");
    }
}
