//! Who gets a stream: a pure choice over the [`Scoreboard`].
//!
//! A [`Balancer`] sees the fleet as flat columns and yields a primary and, when asked, a backup.
//! It does no I/O, reads no clock and rolls no dice of its own: `draw` is the caller's random
//! number, so every choice can be replayed. Eligibility is not the balancer's business either:
//! the rows say whether an encoder may take the stream, and why not.

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::BalancerChoice;
use crate::fleet::Scoreboard;
use crate::model::EncoderId;

mod choose;
mod least_loaded;
mod power_of_two;
mod rendezvous;
mod round_robin;
mod weighted;

pub use least_loaded::LeastLoaded;
pub use power_of_two::PowerOfTwoChoices;
pub use rendezvous::Rendezvous;
pub use round_robin::RoundRobin;
pub use weighted::{Weighted, WeightedConfig};

/// The built-in balancer of that name, with its default settings.
pub fn built_in(choice: BalancerChoice) -> Arc<dyn Balancer> {
    match choice {
        BalancerChoice::Weighted => Arc::new(Weighted::default()),
        BalancerChoice::LeastLoaded => Arc::new(LeastLoaded),
        BalancerChoice::PowerOfTwo => Arc::new(PowerOfTwoChoices),
        BalancerChoice::RoundRobin => Arc::new(RoundRobin::default()),
        BalancerChoice::Rendezvous => Arc::new(Rendezvous),
    }
}

/// What a stream needs of an encoder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demand {
    /// Spreads the same key to the same encoder, for [`Rendezvous`]: the stream id.
    pub key: String,
    /// Insist on this encoder as primary.
    pub primary: Option<EncoderId>,
    /// Also choose a backup, in another failure domain than the primary if there is any.
    pub backup: bool,
    /// Never choose these.
    pub exclude: Vec<EncoderId>,
    /// Choose away from this failure domain if possible: set when only a backup is wanted.
    pub avoid_site: Option<String>,
}

/// Rows of the scoreboard that were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Row of the primary.
    pub primary: usize,
    /// Row of the backup; `None` when none was wanted or none is eligible.
    pub backup: Option<usize>,
}

/// Chooses encoders.
///
/// # Contract
///
/// 1. `chosen_rows_are_eligible`: only rows with [`Scoreboard::is_eligible`] that the demand
///    does not exclude are chosen.
/// 2. `primary_and_backup_differ`: never the same row twice.
/// 3. `backup_is_in_another_failure_domain`: whenever an eligible row of another site exists.
/// 4. `wanted_primary_is_honoured`: [`Demand::primary`] is chosen or the answer is `None`.
/// 5. `none_only_without_eligible_rows`: `Some` whenever an eligible primary exists, even when
///    no backup does.
/// 6. `same_input_same_answer`: for a balancer without state of its own; [`RoundRobin`] moves on.
///
/// It is asked without any lock held, so it may call the manager. What it chose is checked
/// afterwards: when another stream was quicker, it is asked again.
pub trait Balancer: Debug + Send + Sync + 'static {
    /// Name for reports and configuration, snake_case.
    fn name(&self) -> &str;

    /// Chooses, or answers `None` when no row may take the stream. `draw` is uniformly random.
    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement>;
}

impl<B: Balancer + ?Sized> Balancer for Arc<B> {
    fn name(&self) -> &str {
        B::name(self)
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        B::select(self, demand, fleet, draw)
    }
}
