//! What holds for any readings in any order.

use std::time::{Duration, Instant};

use proptest::option;
use proptest::prelude::*;

use super::causes::Signs;
use super::cooling::{Cause, Cooling};
use super::{ThermalConfig, Warmth, heat};
use crate::health::DirectConfig;
use crate::model::{Celsius, CoolingReason, CoolingTransition, Heat};

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -50.0..150.0f64,
        1 => any::<f64>(),
    ]
}

fn any_signs() -> impl Strategy<Value = Signs> {
    (
        option::of(any_number()),
        any::<bool>(),
        option::of(0.0..=100.0f64),
        option::of(any_number()),
        0.0..2.0f64,
    )
        .prop_map(
            |(temperature, near, heat, load_percent, budget_share)| Signs {
                temperature,
                near_shutdown: near,
                heat: heat.map(Heat::new),
                load_percent,
                budget_share,
            },
        )
}

fn any_config() -> impl Strategy<Value = ThermalConfig> {
    (1u32..12, 1u64..120, 0.0..20.0f64).prop_map(|(steps, period, relief)| ThermalConfig {
        steps,
        period: Duration::from_secs(period),
        relief,
        ..ThermalConfig::default()
    })
}

/// A wish of an operator, or a reading, so many milliseconds after the one before.
fn any_course() -> impl Strategy<Value = Vec<(u64, Option<Signs>)>> {
    prop::collection::vec((0u64..90_000, option::weighted(0.9, any_signs())), 0..60)
}

/// An encoder that cools, with everything that was told about it.
struct Course {
    config: ThermalConfig,
    cooling: Cooling,
    now: Instant,
    told: Vec<(CoolingTransition, u32)>,
}

impl Course {
    fn new(config: ThermalConfig) -> Self {
        Self {
            config,
            cooling: Cooling::default(),
            now: Instant::now(),
            told: Vec::new(),
        }
    }

    fn read(&mut self, after: Duration, signs: &Signs) {
        self.now += after;
        let direct = DirectConfig::default();
        let cause = signs.cause(&self.config, &direct, &self.cooling);
        let changes = self.cooling.advance(&self.config, cause.as_ref(), self.now);
        self.told.extend(
            changes
                .iter()
                .map(|change| (change.transition, change.step)),
        );
    }

    fn ask(&mut self, after: Duration) {
        self.now += after;
        let by = Cause::new(CoolingReason::Manual);
        let begun = self.cooling.begin_by_hand(&self.config, by, self.now);
        self.told
            .extend(begun.iter().map(|change| (change.transition, change.step)));
    }

    fn run(&mut self, course: &[(u64, Option<Signs>)]) {
        for (after, signs) in course {
            let after = Duration::from_millis(*after);
            match signs {
                Some(signs) => self.read(after, signs),
                None => self.ask(after),
            }
        }
    }
}

proptest! {
    #[test]
    fn heat_stays_in_range_and_never_below_the_temperature(
        temperature in option::of(any_number()),
        request_rate in option::of(any_number()),
        error_rate in option::of(any_number()),
        load_percent in option::of(any_number()),
    ) {
        let temperature = temperature.map(Celsius);
        let warmth = Warmth { temperature, request_rate, error_rate, load_percent };
        let config = ThermalConfig::default();
        let found = heat(&config, 80.0, &warmth);
        let alone = heat(&config, 80.0, &Warmth { temperature, ..Warmth::default() });
        if let Some(found) = found {
            prop_assert!((0.0..=100.0).contains(&found.value()));
        }
        prop_assert!(alone.is_none() || found >= alone);
        let none_finite = [temperature.map(|t| t.0), request_rate, error_rate, load_percent]
            .iter()
            .all(|value| value.is_none_or(|value| !value.is_finite()));
        prop_assert_eq!(found.is_none(), none_finite);
    }

    #[test]
    fn share_stays_in_range_and_moves_one_step_at_a_time(
        config in any_config(),
        course in any_course(),
    ) {
        let mut bench = Course::new(config);
        for reading in &course {
            bench.run(std::slice::from_ref(reading));
            prop_assert!((0.0..=1.0).contains(&bench.cooling.share(&bench.config)));
            prop_assert!(bench.cooling.step() <= bench.config.steps);
            let wakes = bench.cooling.wakes_at().filter(|_| reading.1.is_some());
            prop_assert!(wakes.is_none_or(|at| at > bench.now), "it would never sleep");
        }
        let mut last = 0;
        for (transition, step) in &bench.told {
            prop_assert!(step.abs_diff(last) <= 1, "{:?}", bench.told);
            prop_assert_eq!(*transition == CoolingTransition::Started, last == 0);
            prop_assert_eq!(*transition == CoolingTransition::Ended, *step == 0);
            last = *step;
        }
        prop_assert_eq!(last, bench.cooling.step());
    }

    #[test]
    fn cooling_always_ends_once_the_reason_is_gone(
        config in any_config(),
        course in any_course(),
    ) {
        let mut bench = Course::new(config);
        bench.run(&course);
        let gone = bench.now;
        while let Some(at) = bench.cooling.wakes_at() {
            bench.read(at - bench.now, &Signs::default());
        }
        bench.read(Duration::ZERO, &Signs::default());
        while let Some(at) = bench.cooling.wakes_at() {
            bench.read(at - bench.now, &Signs::default());
        }
        prop_assert_eq!(bench.cooling.step(), 0);
        // An operator's wish may have just begun; then as many steps back as there are.
        let limit = bench.config.period * 2 + bench.config.step();
        prop_assert!(bench.now - gone <= limit, "{:?}", bench.now - gone);
    }
}
