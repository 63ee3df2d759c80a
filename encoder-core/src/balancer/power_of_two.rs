//! Being written.
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Being written.
#[derive(Debug, Default)]
pub struct PowerOfTwoChoices;

impl Balancer for PowerOfTwoChoices {
    fn name(&self) -> &'static str {
        "power_of_two"
    }
    fn select(&self, _: &Demand, fleet: &Scoreboard, _: u64) -> Option<Placement> {
        let mut rows = (0..fleet.len()).filter(|row| fleet.is_eligible(*row));
        Some(Placement {
            primary: rows.next()?,
            backup: rows.next(),
        })
    }
}
