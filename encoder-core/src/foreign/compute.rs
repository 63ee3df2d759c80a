//! The pure decisions as functions of plain data: validator, balancers, health, heat, repairs.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::balancer::PlacementDocument;
use super::document::{read, write};
use super::observations::Observations;
use crate::balancer::{self, Balancer, Demand, Weighted, WeightedConfig};
use crate::config::{BalancerChoice, ManagerConfig, StreamDefaults};
use crate::driver::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Row, Scoreboard};
use crate::health::{
    Composite, ConnectionPolicy, DirectPolicy, HealthPolicy, ThermalConfig, Warmth, heat,
};
use crate::model::{
    Bitrate, Celsius, Destination, FrameRate, Heat, InputSignal, Protection, Resolution,
    StreamConfig, Timestamp, Violation,
};
use crate::remediation::{Attempt, Incident, Ladder, LadderConfig, Remediator, Step};
use crate::validate::{
    self, Findings, recommended_bitrate, validate_change, validate_for_encoder, validate_stream,
};
use crate::wire::{config_patch, stream_request};

/// Declares the functions once: their names, and what runs.
macro_rules! computations {
    ($($name:literal => $function:path),+ $(,)?) => {
        /// Names of all functions that [`compute`] knows.
        pub const COMPUTATIONS: &[&str] = &[$($name),+];

        /// Computes what follows from plain data. `arguments` is a JSON object, as the function of
        /// that name takes it; what is left out has the manager's default. No clock, no randomness,
        /// no I/O.
        ///
        /// ```
        /// use encoder_core::foreign::compute;
        ///
        /// let best = compute("recommended_bitrate", r#"{"resolution": "1920x1080", "fps": 60}"#)?;
        /// assert_eq!(best, "12000000");
        /// # Ok::<_, encoder_core::Error>(())
        /// ```
        ///
        /// # Errors
        /// [`ErrorKind::ValidationFailed`] naming what is wrong with the arguments;
        /// [`ErrorKind::Unsupported`] for an unknown name.
        pub fn compute(name: &str, arguments: &str) -> Result<String> {
            match name {
                $($name => write(&$function(arguments_of($name, arguments)?)?),)+
                _ => {
                    let message = format!("there is no function `{name}`");
                    Err(Error::new(ErrorKind::Unsupported, message))
                }
            }
        }
    };
}

computations! {
    "validate_stream" => stream,
    "validate_config" => config,
    "validate_change" => change,
    "validate_for_encoder" => for_encoder,
    "recommended_bitrate" => bitrate,
    "select_encoders" => select,
    "assess_health" => assess,
    "heat" => heat_of,
    "next_step" => next_step,
    "default_config" => default_config,
    "check_config" => check_config,
}

/// Serde would take an array for the fields in their order.
fn arguments_of<T: DeserializeOwned>(name: &str, arguments: &str) -> Result<T> {
    let kind = ErrorKind::ValidationFailed;
    if arguments.trim_start().starts_with('[') {
        let message = format!("{name}: the arguments must be a JSON object");
        return Err(Error::new(kind, message));
    }
    read(name, arguments, kind)
}

#[derive(Deserialize)]
struct StreamArguments {
    request: Value,
    #[serde(default)]
    defaults: StreamDefaults,
}

/// A request that was filled in, with the recommendations that it does not follow.
#[derive(Serialize)]
struct StreamAnswer {
    config: StreamConfig,
    destination: Destination,
    protection: Protection,
    warnings: Vec<Violation>,
}

fn stream(arguments: StreamArguments) -> Result<StreamAnswer> {
    let request = stream_request(arguments.request, &arguments.defaults)?;
    let valid = validate_stream(&request, &arguments.defaults)?;
    Ok(StreamAnswer {
        config: valid.config,
        destination: valid.destination,
        protection: valid.protection,
        warnings: valid.warnings,
    })
}

#[derive(Deserialize)]
struct ConfigArguments {
    config: StreamConfig,
}

#[derive(Serialize)]
struct FindingsAnswer {
    errors: Vec<Violation>,
    warnings: Vec<Violation>,
}

fn config(arguments: ConfigArguments) -> Result<FindingsAnswer> {
    let Findings { errors, warnings } = validate::validate_config(&arguments.config);
    Ok(FindingsAnswer { errors, warnings })
}

#[derive(Deserialize)]
struct ChangeArguments {
    config: StreamConfig,
    changes: Value,
}

#[derive(Serialize)]
struct ChangeAnswer {
    config: StreamConfig,
    warnings: Vec<Violation>,
}

fn change(arguments: ChangeArguments) -> Result<ChangeAnswer> {
    let patch = config_patch(arguments.changes)?;
    let (config, warnings) = validate_change(&arguments.config, &patch)?;
    Ok(ChangeAnswer { config, warnings })
}

#[derive(Deserialize)]
struct ForEncoderArguments {
    config: StreamConfig,
    url: String,
    capability: Capability,
    #[serde(default)]
    input: Option<InputSignal>,
}

fn for_encoder(arguments: ForEncoderArguments) -> Result<Vec<Violation>> {
    let ForEncoderArguments {
        config,
        url,
        capability,
        input,
    } = arguments;
    Ok(validate_for_encoder(
        &config,
        &url,
        &capability,
        input.as_ref(),
    ))
}

#[derive(Deserialize)]
struct BitrateArguments {
    resolution: Resolution,
    fps: FrameRate,
}

fn bitrate(arguments: BitrateArguments) -> Result<Bitrate> {
    Ok(recommended_bitrate(arguments.resolution, arguments.fps))
}

#[derive(Deserialize)]
struct SelectArguments {
    #[serde(default)]
    policy: BalancerChoice,
    #[serde(default)]
    weighted: WeightedConfig,
    #[serde(default)]
    demand: Demand,
    fleet: Vec<Row>,
    #[serde(default)]
    draw: u64,
}

fn select(arguments: SelectArguments) -> Result<Option<PlacementDocument>> {
    let fleet = Scoreboard::from_rows(arguments.fleet);
    let balancer: Arc<dyn Balancer> = match arguments.policy {
        BalancerChoice::Weighted => Arc::new(Weighted::new(arguments.weighted)),
        other => balancer::built_in(other),
    };
    let chosen = balancer.select(&arguments.demand, &fleet, arguments.draw);
    Ok(chosen.map(|placement| PlacementDocument::new(placement, &fleet)))
}

/// Which built-in policy judges.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PolicyChoice {
    /// All of them together, as the manager asks them.
    #[default]
    All,
    /// The device alone.
    Direct,
    /// The connection alone.
    Connection,
}

#[derive(Deserialize)]
struct AssessArguments {
    observations: Observations,
    #[serde(default)]
    policy: PolicyChoice,
    #[serde(default)]
    config: ManagerConfig,
    /// The present; ages count from it.
    #[serde(default = "epoch")]
    now: Timestamp,
}

const fn epoch() -> Timestamp {
    Timestamp::from_millis(0)
}

fn assess(arguments: AssessArguments) -> Result<crate::model::Assessment> {
    let config = &arguments.config;
    let history = config.watch.history.clone();
    let (history, now) = arguments.observations.replay(history, arguments.now);
    Ok(match arguments.policy {
        PolicyChoice::All => Composite::built_in(config).assess(&history, now),
        PolicyChoice::Direct => DirectPolicy::new(config.direct.clone()).assess(&history, now),
        PolicyChoice::Connection => {
            ConnectionPolicy::new(config.connection.clone()).assess(&history, now)
        }
    })
}

#[derive(Deserialize)]
struct HeatArguments {
    #[serde(default)]
    temperature: Option<Celsius>,
    #[serde(default)]
    request_rate: Option<f64>,
    #[serde(default)]
    error_rate: Option<f64>,
    #[serde(default)]
    load_percent: Option<f64>,
    #[serde(default)]
    config: ThermalConfig,
    #[serde(default)]
    too_hot: Option<f64>,
}

fn heat_of(arguments: HeatArguments) -> Result<Option<Heat>> {
    let warmth = Warmth {
        temperature: arguments.temperature,
        request_rate: arguments.request_rate,
        error_rate: arguments.error_rate,
        load_percent: arguments.load_percent,
    };
    let too_hot = ManagerConfig::default().direct.temperature_celsius;
    let too_hot = arguments.too_hot.unwrap_or(too_hot);
    Ok(heat(&arguments.config, too_hot, &warmth))
}

#[derive(Deserialize)]
struct NextStepArguments {
    incident: Incident,
    #[serde(default)]
    tried: Vec<Attempt>,
    #[serde(default)]
    config: LadderConfig,
}

fn next_step(arguments: NextStepArguments) -> Result<Option<Step>> {
    let ladder = Ladder::new(arguments.config);
    Ok(ladder.next_step(&arguments.incident, &arguments.tried))
}

#[derive(Deserialize)]
struct NoArguments {}

fn default_config(_: NoArguments) -> Result<ManagerConfig> {
    Ok(ManagerConfig::default())
}

#[derive(Deserialize)]
struct CheckArguments {
    config: ManagerConfig,
}

/// The settings as the manager understands them.
fn check_config(arguments: CheckArguments) -> Result<ManagerConfig> {
    arguments.config.validate()?;
    Ok(arguments.config)
}

#[cfg(test)]
mod tests;
