//! Being written.
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Being written.
#[derive(Debug, Default)]
pub struct Rendezvous;

impl Balancer for Rendezvous {
    fn name(&self) -> &'static str {
        "rendezvous"
    }
    fn select(&self, _: &Demand, fleet: &Scoreboard, _: u64) -> Option<Placement> {
        let mut rows = (0..fleet.len()).filter(|row| fleet.is_eligible(*row));
        Some(Placement {
            primary: rows.next()?,
            backup: rows.next(),
        })
    }
}
