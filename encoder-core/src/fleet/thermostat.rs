//! The heat of one encoder over time: its cooling, and what was recorded of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::pacing::Usage;
use crate::config::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::health::{
    Cause, Cooling, CoolingChange, History, Overheating, Signs, ThermalConfig, Warmth, heat,
};
use crate::metrics::Tally;
use crate::model::{
    BurstState, ConnectionHealth, CoolingEntry, CoolingReason, CoolingState, EncoderStatus, Heat,
    Timestamp, alarm_code,
};
use crate::tasks::Clock;
use crate::trend::{Trend, TrendConfig};

/// Transitions that are kept; a whole cooling has a dozen.
const KEPT: usize = 64;

/// Temperatures that a trend is concluded from, at least.
const MIN_TEMPERATURES: usize = 6;

/// Cooling, its record, and whether the temperature still rises.
#[derive(Debug, Default)]
pub(super) struct Thermostat {
    cooling: Cooling,
    record: VecDeque<CoolingEntry>,
    rising: bool,
    /// When the trend is drawn again; it costs more than everything else here.
    next_trend: Option<Instant>,
    tally: Arc<Tally>,
}

/// What the thermostat concludes at one moment.
#[derive(Clone, Debug)]
pub(super) struct Conclusion {
    pub(super) heat: Option<Heat>,
    pub(super) cooling: Option<CoolingState>,
    /// What is left of the encoder's share of load, 0 to 1.
    pub(super) share: f64,
    pub(super) overheating: Option<Overheating>,
}

/// What a conclusion is drawn from.
pub(super) struct Observed<'a> {
    pub(super) history: &'a History,
    pub(super) connection: &'a ConnectionHealth,
    pub(super) usage: Usage,
    /// Whether the device answers. Requests that nobody answers do not heat it.
    pub(super) answers: bool,
    pub(super) publishes: bool,
}

impl Thermostat {
    /// Cool, and counting what it does there.
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            tally,
            ..Self::default()
        }
    }

    /// Carries the cooling on to the present.
    pub(super) fn conclude(
        &mut self,
        config: &ManagerConfig,
        clock: &Clock,
        observed: &Observed<'_>,
    ) -> Conclusion {
        let now = clock.instant();
        let (thermal, direct) = (&config.thermal, &config.direct);
        let signs = signs(config, observed);
        let cause = signs.cause(thermal, direct, &self.cooling);
        for change in self.cooling.advance(thermal, cause.as_ref(), now) {
            self.note(change, clock.now());
        }
        let rising = observed.publishes && self.is_rising(config, observed.history, now);
        let overheating = signs
            .overheating(thermal, direct, &self.cooling, rising)
            .filter(|_| observed.publishes && thermal.automatic);
        Conclusion {
            heat: signs.heat,
            cooling: self.state(thermal, clock),
            share: self.cooling.share(thermal),
            overheating,
        }
    }

    /// Whether the temperature has risen since cooling began, beyond doubt.
    fn is_rising(&mut self, config: &ManagerConfig, history: &History, now: Instant) -> bool {
        let Some(since) = self.cooling.since() else {
            self.next_trend = None;
            self.rising = false;
            return false;
        };
        if self.next_trend.is_some_and(|at| now < at) {
            return self.rising;
        }
        self.next_trend = Some(now + config.thermal.step() / 4);
        let seconds = |at: Instant| at.saturating_duration_since(since).as_secs_f64();
        let samples: Vec<_> = history
            .temperatures()
            .filter(|(at, _)| *at >= since)
            .map(|(at, celsius)| (seconds(at), celsius))
            .collect();
        let asked = TrendConfig {
            min_samples: MIN_TEMPERATURES,
            ..TrendConfig::default()
        };
        let rises = |trend: Trend| trend.is_significant() && trend.slope.expected > 0.0;
        self.rising = Trend::of(&asked, &samples).is_some_and(rises);
        self.rising
    }

    /// Begins cooling by an operator's wish.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it cools already.
    pub(super) fn begin_by_hand(&mut self, config: &ThermalConfig, clock: &Clock) -> Result<()> {
        let by = Cause {
            reason: CoolingReason::Manual,
            evidence: vec!["asked for by an operator".to_owned()],
        };
        let begun = self.cooling.begin_by_hand(config, by, clock.instant());
        match begun {
            Some(change) => {
                self.note(change, clock.now());
                Ok(())
            }
            None => {
                let message = "the encoder cools already; there is one cooling at a time";
                Err(Error::new(ErrorKind::Conflict, message))
            }
        }
    }

    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.cooling.wakes_at()
    }

    pub(super) fn record(&self) -> Vec<CoolingEntry> {
        self.record.iter().cloned().collect()
    }

    fn note(&mut self, change: CoolingChange, at: Timestamp) {
        self.tally.cooled(change.transition, change.cause.reason);
        if self.record.len() >= KEPT {
            self.record.pop_front();
        }
        self.record.push_back(CoolingEntry {
            at,
            transition: change.transition,
            step: change.step,
            reason: change.cause.reason,
            evidence: change.cause.evidence,
        });
    }

    pub(super) fn state(&self, config: &ThermalConfig, clock: &Clock) -> Option<CoolingState> {
        let cooling = &self.cooling;
        let cause = cooling.cause()?.clone();
        Some(CoolingState {
            step: cooling.step(),
            steps: config.steps,
            phase: cooling.phase()?,
            reason: cause.reason,
            evidence: cause.evidence,
            load_percentage: (1000.0 * cooling.share(config)).round() / 10.0,
            since: clock.wall(cooling.since()?),
            ends_at: cooling.step_ends().map(|at| clock.wall(at)),
        })
    }
}

fn signs(config: &ManagerConfig, observed: &Observed<'_>) -> Signs {
    let status = observed.history.status();
    let near = |status: &EncoderStatus| {
        let mut alarms = status.alarms.iter();
        alarms.any(|alarm| alarm.code == alarm_code::NEAR_OVER_TEMPERATURE)
    };
    let temperature = status.and_then(|status| status.system.temperature);
    let load_percent = status.and_then(|status| status.system.cpu_percent);
    let warmth = Warmth {
        temperature,
        request_rate: observed.answers.then(|| observed.usage.rate()),
        error_rate: observed.connection.error_rate.filter(|_| observed.answers),
        load_percent,
    };
    Signs {
        temperature: temperature.map(|celsius| celsius.0),
        near_shutdown: status.is_some_and(near),
        heat: heat(&config.thermal, config.direct.temperature_celsius, &warmth),
        load_percent,
        budget_share: observed.usage.share(),
    }
}

impl Usage {
    pub(super) fn state(&self, now: Timestamp) -> BurstState {
        let busy = !self.empty_in.is_zero();
        BurstState {
            used: self.used(),
            limit: self.limit(),
            resets_at: busy.then(|| now.plus(self.empty_in)),
        }
    }
}
