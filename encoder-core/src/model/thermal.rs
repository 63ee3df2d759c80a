//! Heat and what is done against it, as clients see it.

use serde::{Deserialize, Serialize};

use super::{Celsius, EncoderId, Heat, Timestamp};

/// Why an encoder is relieved of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CoolingReason {
    /// The device is too hot, or says that it is about to shut down from heat.
    Temperature,
    /// Its [`Heat`] is too high.
    Score,
    /// Its processor is too busy.
    Load,
    /// The manager asked more of it than the burst limit allows.
    Burst,
    /// An operator asked for it.
    Manual,
}

impl CoolingReason {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Score => "score",
            Self::Load => "load",
            Self::Burst => "burst",
            Self::Manual => "manual",
        }
    }
}

/// What a cooling encoder is going through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoolingPhase {
    /// Load is taken from it, step by step, or kept away.
    Cooling,
    /// The reason is gone and load comes back, step by step.
    WarmingUp,
}

impl CoolingPhase {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cooling => "cooling",
            Self::WarmingUp => "warming_up",
        }
    }
}

/// Where a cooling encoder stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoolingState {
    /// The present step, from 1, where load is least reduced, to `steps`, where none is left.
    pub step: u32,
    /// How many steps there are.
    pub steps: u32,
    /// Which way it goes.
    pub phase: CoolingPhase,
    /// Why it cools.
    pub reason: CoolingReason,
    /// The figures that led to it, such as `temperature=84.0`.
    pub evidence: Vec<String>,
    /// What is left of its share of new work and of routine polls, 0 to 100.
    pub load_percentage: f64,
    /// When cooling began.
    pub since: Timestamp,
    /// When the present step is over; `None` at the last step while the reason holds.
    pub ends_at: Option<Timestamp>,
}

/// How much of the budget for requests to a device is in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BurstState {
    /// Requests that still count. More than `limit` only through requests that never wait.
    pub used: u32,
    /// How many may count before ordinary requests wait.
    pub limit: u32,
    /// When none counts any more if nothing else is asked; `None` when none does now.
    pub resets_at: Option<Timestamp>,
}

/// One transition of an encoder's cooling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoolingEntry {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub transition: CoolingTransition,
    /// The step that it led to; 0 when cooling is over.
    pub step: u32,
    /// Why the encoder cools.
    pub reason: CoolingReason,
    /// The figures at that moment.
    pub evidence: Vec<String>,
}

/// How the cooling of an encoder goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoolingTransition {
    /// It begins, with the first step.
    Started,
    /// One step further down.
    Deepened,
    /// The reason is gone; the way back begins at the present step.
    WarmingUp,
    /// One step back.
    Eased,
    /// The reason is back before the way back was over.
    Resumed,
    /// The encoder has its whole share again.
    Ended,
}

impl CoolingTransition {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Deepened => "deepened",
            Self::WarmingUp => "warming_up",
            Self::Eased => "eased",
            Self::Resumed => "resumed",
            Self::Ended => "ended",
        }
    }
}

/// An encoder's heat with everything known about it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThermalView {
    /// The encoder.
    pub encoder_id: EncoderId,
    /// As the device reads it.
    pub temperature: Option<Celsius>,
    /// Heat.
    pub temperature_score: Option<Heat>,
    /// Its cooling; `None` while it has its whole share of load.
    pub cooling: Option<CoolingState>,
    /// The budget for requests to it.
    pub burst: BurstState,
    /// The latest transitions of its cooling, oldest first.
    pub history: Vec<CoolingEntry>,
}
