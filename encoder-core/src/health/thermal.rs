//! How hot an encoder is, and what is done about it. Pure.
//!
//! [`heat`] is one figure for placement and for people; [`Cooling`] decides when an encoder gets
//! less to do, and when it gets its share back. The page [`docs::thermal`](crate::docs::thermal)
//! explains both with a worked example.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::score::weighted_mean;
use crate::model::{Celsius, Heat, seconds};

mod causes;
mod cooling;
#[cfg(test)]
mod property_tests;

pub(crate) use causes::{Overheating, Signs};
pub use cooling::{Cause, Cooling, CoolingChange};

/// Weights of temperature, request rate, error rate and load in [`heat`].
const WEIGHTS: [f64; 4] = [0.5, 0.2, 0.2, 0.1];

/// When an encoder counts as hot, and how it is cooled.
///
/// The temperature from which on a device is too hot is `direct.temperature_celsius`: it has one
/// threshold, not one for health and another for heat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ThermalConfig {
    /// Whether encoders are cooled by themselves. An operator may cool one either way.
    pub automatic: bool,
    /// Heat from which on an encoder is cooled. Default 80.
    pub score: f64,
    /// Processor load in percent from which on an encoder is cooled. Default 75.
    pub load_percent: f64,
    /// How far a figure must fall below its threshold before it counts as gone: degrees, points or
    /// percent. Default 5.
    pub relief: f64,
    /// Requests to a device that may come at once; used up, they grow back evenly over the period.
    /// Ordinary requests wait for them. Default 100.
    pub burst_requests: u32,
    /// In which an encoder goes through all steps, and the burst limit grows back. Default 60 s.
    #[serde(rename = "period_seconds", with = "seconds")]
    pub period: Duration,
    /// Steps in which an encoder loses its share of load, and gets it back. Default 5.
    pub steps: u32,
}

impl Default for ThermalConfig {
    fn default() -> Self {
        Self {
            automatic: true,
            score: 80.0,
            load_percent: 75.0,
            relief: 5.0,
            burst_requests: 100,
            period: Duration::from_secs(60),
            steps: 5,
        }
    }
}

impl ThermalConfig {
    /// How long a step lasts.
    pub fn step(&self) -> Duration {
        self.period / self.steps.max(1)
    }
}

/// What heat is made of. What is not known is `None` and left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Warmth {
    /// As the device reads it.
    pub temperature: Option<Celsius>,
    /// Requests in a period, as a share of the burst limit.
    pub request_rate: Option<f64>,
    /// Share of requests that failed, 0 to 1.
    pub error_rate: Option<f64>,
    /// Processor load in percent, as the device reads it.
    pub load_percent: Option<f64>,
}

/// Heat by what is known: `max(T, mean)`, where `mean` weighs temperature 0.5, request rate 0.2,
/// error rate 0.2 and load 0.1, as far as they exist, each from 0 to 100. `None` without any.
///
/// `T` is the temperature on a scale on which `too_hot` is [`ThermalConfig::score`]: with the
/// defaults, one degree is one point. A mean alone would call a device at 84 °C that is otherwise
/// left in peace 45 warm; heat that can destroy a device is never averaged away.
///
/// ```
/// use encoder_core::health::{ThermalConfig, Warmth, heat};
/// use encoder_core::model::{Celsius, Heat};
///
/// let config = ThermalConfig::default();
/// let mut warmth = Warmth { temperature: Some(Celsius(62.0)), ..Warmth::default() };
/// assert_eq!(heat(&config, 80.0, &warmth), Some(Heat::new(62.0)));
/// assert_eq!(heat(&config, 80.0, &Warmth::default()), None);
/// ```
pub fn heat(config: &ThermalConfig, too_hot: f64, warmth: &Warmth) -> Option<Heat> {
    // Finite before it is scaled: a reading too large to scale is as hot as can be, not absent.
    let score = |value: Option<f64>, scale: f64| {
        let finite = value.filter(|value| value.is_finite());
        finite.map(|value| (value * scale).clamp(0.0, 100.0))
    };
    let celsius = warmth.temperature.map(|celsius| celsius.0);
    let temperature = score(celsius, config.score / too_hot.max(1.0));
    let parts = [
        temperature,
        score(warmth.request_rate, 100.0),
        score(warmth.error_rate, 100.0),
        score(warmth.load_percent, 1.0),
    ];
    let [a, b, c, d] = WEIGHTS;
    let [t, r, e, l] = parts;
    let mean = weighted_mean([(a, t), (b, r), (c, e), (d, l)])?;
    Some(Heat::new(temperature.map_or(mean, |t| t.max(mean))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(celsius: f64) -> Warmth {
        Warmth {
            temperature: Some(Celsius(celsius)),
            ..Warmth::default()
        }
    }

    fn value(too_hot: f64, warmth: Warmth) -> Option<f64> {
        heat(&ThermalConfig::default(), too_hot, &warmth).map(Heat::value)
    }

    #[test]
    fn one_degree_is_one_point_where_only_the_temperature_speaks() {
        assert_eq!(value(80.0, at(62.0)), Some(62.0));
        assert_eq!(value(80.0, at(80.0)), Some(80.0));
        assert_eq!(value(80.0, at(130.0)), Some(100.0));
        assert_eq!(value(70.0, at(70.0)), Some(80.0), "a lower threshold");
    }

    #[test]
    fn hot_device_is_never_averaged_cool() {
        let busy = Warmth {
            request_rate: Some(0.1),
            error_rate: Some(0.0),
            load_percent: Some(5.0),
            ..at(84.0)
        };
        assert_eq!(value(80.0, busy), Some(84.0));
    }

    #[test]
    fn trouble_heats_a_cool_device() {
        let troubled = Warmth {
            request_rate: Some(2.0),
            error_rate: Some(1.0),
            ..at(40.0)
        };
        let heat = value(80.0, troubled).unwrap();
        assert!((heat - 66.666).abs() < 0.01, "{heat}");
    }

    #[test]
    fn absent_and_impossible_readings_are_left_out() {
        assert_eq!(value(80.0, Warmth::default()), None);
        assert_eq!(value(80.0, at(f64::NAN)), None);
        let without_temperature = Warmth {
            request_rate: Some(0.6),
            error_rate: Some(0.0),
            load_percent: Some(f64::INFINITY),
            ..Warmth::default()
        };
        assert_eq!(value(80.0, without_temperature), Some(30.0));
    }
}
