//! Heat on the wire.

use crate::model::{BurstState, CoolingEntry, CoolingState, ThermalView};
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// Where a cooling encoder stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Cooling)]
pub struct CoolingDto {
    /// The present step, from 1 to `steps`, where nothing of its share of load is left.
    pub step: u32,
    /// How many steps there are.
    pub steps: u32,
    /// `cooling` while load is taken from it, `warming_up` while it comes back.
    pub phase: String,
    /// `temperature`, `score`, `load`, `burst` or `manual`.
    pub reason: String,
    /// The figures that led to it.
    pub evidence: Vec<String>,
    /// What is left of its share of new work and of routine polls, 0 to 100.
    pub load_percentage: f64,
    /// When cooling began.
    pub since: Time,
    /// When the present step is over; `null` at the last step while the reason holds.
    pub ends_at: Option<Time>,
}

impl From<CoolingState> for CoolingDto {
    fn from(state: CoolingState) -> Self {
        Self {
            step: state.step,
            steps: state.steps,
            phase: state.phase.as_str().to_owned(),
            reason: state.reason.as_str().to_owned(),
            evidence: state.evidence,
            load_percentage: state.load_percentage,
            since: state.since.into(),
            ends_at: state.ends_at.map(Time),
        }
    }
}

/// How much of the budget for requests to a device is in use.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Burst)]
pub struct BurstDto {
    /// Requests that still count. More than `limit` only through requests that never wait.
    pub used: u32,
    /// How many may count before ordinary requests wait.
    pub limit: u32,
    /// When none counts any more if nothing else is asked; `null` when none does now.
    pub resets_at: Option<Time>,
}

impl From<BurstState> for BurstDto {
    fn from(burst: BurstState) -> Self {
        Self {
            used: burst.used,
            limit: burst.limit,
            resets_at: burst.resets_at.map(Time),
        }
    }
}

/// One transition of an encoder's cooling.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CoolingEntry)]
pub struct CoolingEntryDto {
    /// When.
    pub timestamp: Time,
    /// `started`, `deepened`, `warming_up`, `eased`, `resumed` or `ended`.
    pub transition: String,
    /// The step that it led to; 0 when cooling is over.
    pub step: u32,
    /// Why the encoder cools.
    pub reason: String,
    /// The figures at that moment.
    pub evidence: Vec<String>,
}

impl From<CoolingEntry> for CoolingEntryDto {
    fn from(entry: CoolingEntry) -> Self {
        Self {
            timestamp: entry.at.into(),
            transition: entry.transition.as_str().to_owned(),
            step: entry.step,
            reason: entry.reason.as_str().to_owned(),
            evidence: entry.evidence,
        }
    }
}

/// An encoder's heat.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Thermal)]
pub struct ThermalDto {
    /// The encoder.
    pub encoder_id: String,
    /// °C, where the device reads it.
    pub temperature: Option<f64>,
    /// 0 to 100, higher is hotter; `null` while nothing is known of it.
    pub temperature_score: Option<f64>,
    /// Whether the encoder is relieved of load.
    pub cooling_active: bool,
    /// Where its cooling stands; `null` while it has its whole share of load.
    pub cooling: Option<CoolingDto>,
    /// The budget for requests to it.
    pub burst: BurstDto,
    /// The latest transitions of its cooling, oldest first.
    pub history: Vec<CoolingEntryDto>,
}

impl From<ThermalView> for ThermalDto {
    fn from(view: ThermalView) -> Self {
        Self {
            encoder_id: view.encoder_id.to_string(),
            temperature: view.temperature.map(|celsius| celsius.0),
            temperature_score: view.temperature_score.map(|heat| heat.value()),
            cooling_active: view.cooling.is_some(),
            cooling: view.cooling.map(CoolingDto::from),
            burst: view.burst.into(),
            history: view
                .history
                .into_iter()
                .map(CoolingEntryDto::from)
                .collect(),
        }
    }
}

/// The answer of `GET /api/monitoring/thermal/status`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ThermalAnswer {
    /// When.
    pub timestamp: Time,
    /// How many encoders are relieved of load.
    pub cooling: usize,
    /// The highest heat in the fleet; `null` while nothing is known.
    pub hottest: Option<f64>,
    /// Every encoder, by name.
    pub encoders: Vec<ThermalDto>,
}

impl ThermalAnswer {
    /// The fleet's heat at that moment.
    pub fn of(views: Vec<ThermalView>, timestamp: Time) -> Self {
        let encoders: Vec<_> = views.into_iter().map(ThermalDto::from).collect();
        let scores = encoders.iter().filter_map(|row| row.temperature_score);
        Self {
            timestamp,
            cooling: encoders.iter().filter(|row| row.cooling_active).count(),
            hottest: scores.max_by(f64::total_cmp),
            encoders,
        }
    }
}
