//! What speaks for cooling an encoder, and for taking its stream away before it shuts down.

use super::ThermalConfig;
use super::cooling::{Cause, Cooling};
use crate::health::DirectConfig;
use crate::model::{CoolingPhase, CoolingReason, Heat};

/// What is known of an encoder's heat now. What is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Signs {
    /// In °C.
    pub(crate) temperature: Option<f64>,
    /// Whether the device says that it is about to shut down from heat.
    pub(crate) near_shutdown: bool,
    /// Heat.
    pub(crate) heat: Option<Heat>,
    /// Processor load in percent.
    pub(crate) load_percent: Option<f64>,
    /// Requests that count against the burst limit, as a share of it.
    pub(crate) budget_share: f64,
}

/// Why a stream should leave an encoder before it is too late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overheating {
    /// One line for people.
    pub(crate) message: String,
    /// Whether the device may shut down any moment.
    pub(crate) imminent: bool,
    pub(crate) evidence: Vec<String>,
}

impl Signs {
    /// The most serious cause that holds. A cooling encoder is held to thresholds that are lower
    /// by `relief`, so that a reading at the threshold does not turn it back and forth.
    pub(crate) fn cause(
        &self,
        config: &ThermalConfig,
        direct: &DirectConfig,
        cooling: &Cooling,
    ) -> Option<Cause> {
        if !config.automatic {
            return None;
        }
        let relief = match cooling.phase() {
            Some(CoolingPhase::Cooling) => config.relief,
            _ => 0.0,
        };
        let reaches = |value: Option<f64>, threshold: f64| {
            value.filter(|value| value.is_finite() && *value >= threshold - relief)
        };
        let cause = |reason, evidence: Vec<String>| Some(Cause { reason, evidence });
        let percent = 100.0 * self.budget_share;
        if let Some(celsius) = reaches(self.temperature, direct.temperature_celsius) {
            let threshold = direct.temperature_celsius;
            return cause(
                CoolingReason::Temperature,
                figures("temperature", celsius, threshold),
            );
        }
        if self.near_shutdown {
            return cause(
                CoolingReason::Temperature,
                vec!["alarm=near_over_temperature".to_owned()],
            );
        }
        if let Some(heat) = reaches(self.heat.map(Heat::value), config.score) {
            return cause(CoolingReason::Score, figures("score", heat, config.score));
        }
        if reaches(Some(percent), 100.0).is_some() {
            return cause(
                CoolingReason::Burst,
                figures("budget_percent", percent, 100.0),
            );
        }
        if let Some(load) = reaches(self.load_percent, config.load_percent) {
            return cause(
                CoolingReason::Load,
                figures("cpu", load, config.load_percent),
            );
        }
        reaches(Some(percent), config.load_percent)?;
        cause(
            CoolingReason::Load,
            figures("budget_percent", percent, config.load_percent),
        )
    }

    /// Whether the encoder is so hot that a stream on it should be handed over: at once when the
    /// device is close to shutting down; otherwise when cooling has not stopped it from `rising`
    /// after a step, or has nothing left to take and it is still too hot.
    pub(crate) fn overheating(
        &self,
        config: &ThermalConfig,
        direct: &DirectConfig,
        cooling: &Cooling,
        rising: bool,
    ) -> Option<Overheating> {
        let celsius = self.temperature.filter(|celsius| celsius.is_finite());
        let critical = direct.temperature_critical_celsius;
        let shown = celsius.map_or_else(
            || "it is close to shutting down".to_owned(),
            |celsius| format!("it is at {celsius:.0} °C"),
        );
        let mut evidence: Vec<_> = celsius
            .iter()
            .map(|celsius| format!("temperature={celsius:.1}"))
            .collect();
        let told = |message: String, imminent, evidence| {
            Some(Overheating {
                message,
                imminent,
                evidence,
            })
        };
        if self.near_shutdown {
            evidence.push("alarm=near_over_temperature".to_owned());
            return told(
                format!("{shown} and says that it may shut down"),
                true,
                evidence,
            );
        }
        let celsius = celsius?;
        if celsius >= critical {
            evidence.push(format!("critical={critical:.1}"));
            return told(
                format!("{shown}, {critical:.0} °C is critical"),
                true,
                evidence,
            );
        }
        let cools = cooling.phase() == Some(CoolingPhase::Cooling);
        if !cools || celsius < direct.temperature_celsius {
            return None;
        }
        evidence.push(format!("cooling_step={}", cooling.step()));
        if rising && cooling.step() >= 2.min(config.steps) {
            evidence.push("trend=rising".to_owned());
            return told(
                format!("{shown} and rising although it is cooled"),
                false,
                evidence,
            );
        }
        (cooling.step() >= config.steps).then(|| Overheating {
            message: format!("{shown} after the last step of cooling"),
            imminent: false,
            evidence,
        })
    }
}

fn figures(name: &str, value: f64, threshold: f64) -> Vec<String> {
    vec![
        format!("{name}={value:.1}"),
        format!("threshold={threshold:.1}"),
    ]
}

#[cfg(test)]
#[path = "causes_tests.rs"]
mod tests;
