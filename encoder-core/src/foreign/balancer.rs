//! An object of another language as a balancer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ForeignConfig;
use super::decide::Decider;
use super::document::{read_object, write};
use super::object::ForeignObject;
use crate::balancer::{Balancer, Demand, Placement, Weighted};
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Row, Scoreboard};
use crate::model::EncoderId;

/// Bits of the random number that any language holds exactly.
const DRAW_BITS: u32 = 53;

/// A [`Placement`] by the names of encoders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementDocument {
    /// The primary.
    pub primary: EncoderId,
    /// The backup; `None` when none was wanted or none is eligible.
    #[serde(default)]
    pub backup: Option<EncoderId>,
}

impl PlacementDocument {
    /// The placement by names.
    pub fn new(placement: Placement, fleet: &Scoreboard) -> Self {
        Self {
            primary: fleet.id(placement.primary).clone(),
            backup: placement.backup.map(|row| fleet.id(row).clone()),
        }
    }
}

/// Chooses encoders through `select` of an object.
///
/// `select` takes a [`Demand`], the fleet as an array of [`Row`]s, and a random whole number from 0
/// to 2⁵³-1. It answers a [`PlacementDocument`], or `null` when no encoder may take the stream.
///
/// [`Weighted`] chooses instead when the answer is late, fails, or names an encoder that is not
/// there, may not be chosen, or is the same twice; when it passes over the wanted primary; when it
/// has a backup that was not asked for; and when it is `null` although somebody may be chosen.
#[derive(Debug)]
pub struct ForeignBalancer {
    decider: Decider,
    built_in: Arc<dyn Balancer>,
}

impl ForeignBalancer {
    /// A balancer that asks the object.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the object has no `select`.
    pub fn new(object: Arc<dyn ForeignObject>, config: &ForeignConfig) -> Result<Self> {
        Ok(Self {
            decider: Decider::new(object, "select", config)?,
            built_in: Arc::new(Weighted::default()),
        })
    }

    /// Lets another balancer choose where the object does not.
    #[must_use]
    pub fn with_built_in(mut self, built_in: Arc<dyn Balancer>) -> Self {
        self.built_in = built_in;
        self
    }

    /// How often the built-in balancer chose instead.
    pub fn fallbacks(&self) -> u64 {
        self.decider.refusals()
    }

    /// Why the built-in balancer chose instead, the first time that it did.
    pub fn first_refusal(&self) -> Option<&str> {
        self.decider.first_refusal()
    }
}

impl Balancer for ForeignBalancer {
    fn name(&self) -> &str {
        self.decider.object().name()
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        let rows: Vec<Row> = fleet.rows().collect();
        let arguments = write(&(demand, rows, draw >> (u64::BITS - DRAW_BITS)));
        let decided = self.decider.ask("select", arguments, |answer| {
            let chosen = read_object("select()", answer, ErrorKind::ValidationFailed)?;
            check(chosen, demand, fleet)
        });
        decided.unwrap_or_else(|| self.built_in.select(demand, fleet, draw))
    }
}

/// The rows that were named.
fn check(
    chosen: Option<PlacementDocument>,
    demand: &Demand,
    fleet: &Scoreboard,
) -> Result<Option<Placement>> {
    let may = |row: usize| fleet.is_eligible(row) && !demand.exclude.contains(fleet.id(row));
    let wanted = |row: usize| demand.primary.as_ref().is_none_or(|id| id == fleet.id(row));
    let Some(chosen) = chosen else {
        return match (0..fleet.len()).find(|row| may(*row) && wanted(*row)) {
            None => Ok(None),
            Some(row) => Err(nonsense("null, although there is", fleet.id(row))),
        };
    };
    let row = |id: &EncoderId| {
        let row = fleet.row_of(id).ok_or_else(|| nonsense("unknown", id))?;
        match may(row) {
            true => Ok(row),
            false => Err(nonsense("not eligible or excluded:", id)),
        }
    };
    let primary = row(&chosen.primary)?;
    let backup = chosen.backup.as_ref().map(row).transpose()?;
    if !wanted(primary) {
        return Err(nonsense(
            "not the primary that was asked for:",
            &chosen.primary,
        ));
    }
    if let (Some(row), Some(id)) = (backup, &chosen.backup) {
        if row == primary {
            return Err(nonsense("primary and backup are both", id));
        }
        if !demand.backup {
            return Err(nonsense("no backup was asked for, but chosen is", id));
        }
    }
    Ok(Some(Placement { primary, backup }))
}

fn nonsense(what: &str, id: &EncoderId) -> Error {
    Error::new(
        ErrorKind::ValidationFailed,
        format!("select(): {what} {id}"),
    )
}
