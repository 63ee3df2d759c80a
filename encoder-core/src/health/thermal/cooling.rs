//! How an encoder is relieved of load and gets it back: a state machine over causes and time.
//!
//! Every step takes a fifth of the encoder's share and lasts a fifth of the period, down as long
//! as a cause holds, and up again once it is gone. At the last step nothing is left to take: the
//! encoder stays there until it is cool. Cutting it off at once would be quicker, and would make
//! half a fleet in a hot room leave the balancer's choice at the same moment.

use std::time::Instant;

use super::ThermalConfig;
use crate::model::{CoolingPhase, CoolingReason, CoolingTransition};

/// Why an encoder is to be cooled now, with the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What it is.
    pub reason: CoolingReason,
    /// The figures, such as `temperature=84.0` and `threshold=80.0`.
    pub evidence: Vec<String>,
}

impl Cause {
    /// A cause without figures.
    pub const fn new(reason: CoolingReason) -> Self {
        Self {
            reason,
            evidence: Vec::new(),
        }
    }
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoolingChange {
    /// What happened.
    pub transition: CoolingTransition,
    /// The step that it led to; 0 when cooling is over.
    pub step: u32,
    /// Why the encoder cools.
    pub cause: Cause,
}

/// Where an encoder's cooling stands. There is one at most: a second cause joins it.
///
/// | It is | and | becomes |
/// |---|---|---|
/// | idle | a cause appears | cooling, step 1 |
/// | cooling, step n | the step is over and a cause holds | cooling, step n + 1, at most the last |
/// | cooling, step n | no cause holds | warming up, step n |
/// | warming up, step n | the step is over | warming up, step n − 1; idle after step 1 |
/// | warming up, step n | a cause appears | cooling, step n |
///
/// Whether a cause holds is the caller's knowledge; once cooling, a lower threshold applies to it
/// ([`ThermalConfig::relief`]).
#[derive(Clone, Debug, Default)]
pub struct Cooling(Option<Run>);

#[derive(Clone, Debug)]
struct Run {
    phase: CoolingPhase,
    step: u32,
    cause: Cause,
    since: Instant,
    step_ends: Option<Instant>,
    /// Until when an operator wants it cooled, whatever the readings say.
    asked_until: Option<Instant>,
}

impl Cooling {
    /// Carries the state on to `now`, given the cause that holds now.
    pub fn advance(
        &mut self,
        config: &ThermalConfig,
        cause: Option<&Cause>,
        now: Instant,
    ) -> Vec<CoolingChange> {
        let Some(run) = &mut self.0 else {
            let start = cause.map(|cause| self.start(config, cause.clone(), None, now));
            return start.into_iter().collect();
        };
        run.asked_until = run.asked_until.filter(|until| now < *until);
        let asked = run.asked_until.is_some();
        if let Some(cause) = cause {
            run.cause = cause.clone();
        }
        match run.phase {
            CoolingPhase::Cooling if cause.is_none() && !asked => {
                vec![run.turn(CoolingTransition::WarmingUp, config, now)]
            }
            CoolingPhase::WarmingUp if cause.is_some() => {
                vec![run.turn(CoolingTransition::Resumed, config, now)]
            }
            CoolingPhase::Cooling => run.deepen(config, now),
            CoolingPhase::WarmingUp => {
                let changes = run.ease(config, now);
                if run.step == 0 {
                    self.0 = None;
                }
                changes
            }
        }
    }

    /// Begins cooling by an operator's wish, for one period. `None` when it cools, or warms up,
    /// already: one cooling at a time.
    pub fn begin_by_hand(
        &mut self,
        config: &ThermalConfig,
        by: Cause,
        now: Instant,
    ) -> Option<CoolingChange> {
        let until = now + config.period;
        self.0
            .is_none()
            .then(|| self.start(config, by, Some(until), now))
    }

    fn start(
        &mut self,
        config: &ThermalConfig,
        cause: Cause,
        asked_until: Option<Instant>,
        now: Instant,
    ) -> CoolingChange {
        let run = Run {
            phase: CoolingPhase::Cooling,
            step: 1,
            cause,
            since: now,
            step_ends: (config.steps > 1).then(|| now + config.step()),
            asked_until,
        };
        let change = run.change(CoolingTransition::Started);
        self.0 = Some(run);
        change
    }

    /// When time alone changes it, at the latest.
    pub fn wakes_at(&self) -> Option<Instant> {
        let run = self.0.as_ref()?;
        let asked = run
            .asked_until
            .filter(|_| run.phase == CoolingPhase::Cooling);
        run.step_ends.into_iter().chain(asked).min()
    }

    /// What is left of the encoder's share of load, from 0 to 1.
    pub fn share(&self, config: &ThermalConfig) -> f64 {
        let taken = f64::from(self.step()) / f64::from(config.steps.max(1));
        (1.0 - taken).clamp(0.0, 1.0)
    }

    /// The present step; 0 while idle.
    pub fn step(&self) -> u32 {
        self.0.as_ref().map_or(0, |run| run.step)
    }

    /// Which way it goes; `None` while idle.
    pub fn phase(&self) -> Option<CoolingPhase> {
        self.0.as_ref().map(|run| run.phase)
    }

    /// Why it cools; `None` while idle.
    pub fn cause(&self) -> Option<&Cause> {
        self.0.as_ref().map(|run| &run.cause)
    }

    /// Since when; `None` while idle.
    pub fn since(&self) -> Option<Instant> {
        self.0.as_ref().map(|run| run.since)
    }

    /// When the present step is over; `None` while idle, and at the last step.
    pub fn step_ends(&self) -> Option<Instant> {
        self.0.as_ref().and_then(|run| run.step_ends)
    }
}

impl Run {
    fn change(&self, transition: CoolingTransition) -> CoolingChange {
        CoolingChange {
            transition,
            step: self.step,
            cause: self.cause.clone(),
        }
    }

    /// Goes the other way from here; the present step begins anew.
    fn turn(
        &mut self,
        transition: CoolingTransition,
        config: &ThermalConfig,
        now: Instant,
    ) -> CoolingChange {
        let cools = transition == CoolingTransition::Resumed;
        self.phase = if cools {
            CoolingPhase::Cooling
        } else {
            CoolingPhase::WarmingUp
        };
        let is_last = self.step >= config.steps;
        self.step_ends = (!(cools && is_last)).then(|| now + config.step());
        self.change(transition)
    }

    fn deepen(&mut self, config: &ThermalConfig, now: Instant) -> Vec<CoolingChange> {
        let mut changes = Vec::new();
        while let Some(end) = self.step_ends.filter(|end| *end <= now) {
            self.step += 1;
            self.step_ends = (self.step < config.steps).then(|| end + config.step());
            changes.push(self.change(CoolingTransition::Deepened));
        }
        changes
    }

    fn ease(&mut self, config: &ThermalConfig, now: Instant) -> Vec<CoolingChange> {
        let mut changes = Vec::new();
        while let Some(end) = self.step_ends.filter(|end| *end <= now) {
            self.step = self.step.saturating_sub(1);
            if self.step == 0 {
                self.step_ends = None;
                changes.push(self.change(CoolingTransition::Ended));
            } else {
                self.step_ends = Some(end + config.step());
                changes.push(self.change(CoolingTransition::Eased));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use CoolingTransition as T;

    const HOT: Cause = Cause::new(CoolingReason::Temperature);

    struct Bench {
        cooling: Cooling,
        config: ThermalConfig,
        start: Instant,
        told: Vec<(u64, T, u32)>,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                cooling: Cooling::default(),
                config: ThermalConfig::default(),
                start: Instant::now(),
                told: Vec::new(),
            }
        }

        fn at(&mut self, second: u64, cause: Option<&Cause>) {
            let now = self.start + Duration::from_secs(second);
            let changes = self.cooling.advance(&self.config, cause, now);
            self.told
                .extend(changes.into_iter().map(|c| (second, c.transition, c.step)));
        }
    }

    #[test]
    fn hot_encoder_loses_its_share_in_steps_and_regains_it_in_steps() {
        let mut bench = Bench::new();
        for second in 0..=100 {
            bench.at(second, Some(&HOT));
        }
        assert_eq!(bench.cooling.share(&bench.config), 0.0);
        assert_eq!(bench.cooling.wakes_at(), None, "nothing left to take");
        for second in 101..=200 {
            bench.at(second, None);
        }
        let told = [
            (0, T::Started, 1),
            (12, T::Deepened, 2),
            (24, T::Deepened, 3),
            (36, T::Deepened, 4),
            (48, T::Deepened, 5),
            (101, T::WarmingUp, 5),
            (113, T::Eased, 4),
            (125, T::Eased, 3),
            (137, T::Eased, 2),
            (149, T::Eased, 1),
            (161, T::Ended, 0),
        ];
        assert_eq!(bench.told, told);
        assert_eq!(bench.cooling.share(&bench.config), 1.0);
    }

    #[test]
    fn cause_that_returns_resumes_at_the_present_step() {
        let mut bench = Bench::new();
        bench.at(0, Some(&HOT));
        bench.at(12, Some(&HOT));
        bench.at(15, None);
        bench.at(20, Some(&Cause::new(CoolingReason::Score)));
        bench.at(32, Some(&HOT));
        let told = [
            (0, T::Started, 1),
            (12, T::Deepened, 2),
            (15, T::WarmingUp, 2),
            (20, T::Resumed, 2),
            (32, T::Deepened, 3),
        ];
        assert_eq!(bench.told, told);
    }

    #[test]
    fn cooling_by_hand_lasts_a_period_and_is_not_begun_twice() {
        let mut bench = Bench::new();
        let by = Cause::new(CoolingReason::Manual);
        let begin = |bench: &mut Bench, second| {
            let now = bench.start + Duration::from_secs(second);
            bench
                .cooling
                .begin_by_hand(&bench.config, by.clone(), now)
                .is_some()
        };
        assert!(begin(&mut bench, 0));
        assert!(!begin(&mut bench, 1));
        for second in 1..=60 {
            bench.at(second, None);
        }
        assert_eq!(bench.told.last(), Some(&(60, T::WarmingUp, 5)));
        assert!(!begin(&mut bench, 61), "it is still warming up");
        bench.at(120, None);
        assert_eq!(bench.told.last(), Some(&(120, T::Ended, 0)));
        assert!(begin(&mut bench, 121));
    }
}
