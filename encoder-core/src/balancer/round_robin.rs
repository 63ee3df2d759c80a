//! One encoder after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::choose::best_pair;
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Goes through the rows in their order and takes the first that may be chosen after the last
/// one taken; the backup is the next after that in another failure domain.
///
/// The only balancer with a memory: the row after the last primary. Rows that come or go shift
/// the order once. A demand that insists on a primary does not move it on.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl Balancer for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, _draw: u64) -> Option<Placement> {
        let rows = fleet.len().max(1);
        let mut next = self.next.load(Ordering::Relaxed);
        loop {
            let waited = |row: usize| (row + rows - next % rows) % rows;
            let placement = best_pair(demand, fleet, |row| rows - waited(row))?;
            if demand.primary.is_some() {
                return Some(placement);
            }
            // Two streams at once must not both get the same turn.
            match self.next.compare_exchange(
                next,
                placement.primary + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(placement),
                Err(moved) => next = moved,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Row;
    use crate::model::EncoderId;

    fn row(name: &str) -> Row {
        Row::new(EncoderId::try_new(name).unwrap())
    }

    fn turns(balancer: &RoundRobin, fleet: &Scoreboard, count: usize) -> Vec<usize> {
        let select = || balancer.select(&Demand::default(), fleet, 0).unwrap();
        (0..count).map(|_| select().primary).collect()
    }

    #[test]
    fn every_encoder_gets_its_turn_and_closed_ones_are_skipped() {
        let mut closed = row("b");
        closed.reasons = vec!["maintenance".into()];
        let fleet = Scoreboard::from_rows([row("a"), closed, row("c"), row("d")]);
        let balancer = RoundRobin::default();
        assert_eq!(turns(&balancer, &fleet, 6), [0, 2, 3, 0, 2, 3]);
    }

    #[test]
    fn a_shrunken_fleet_goes_on() {
        let balancer = RoundRobin::default();
        let fleet = Scoreboard::from_rows([row("a"), row("b"), row("c")]);
        assert_eq!(turns(&balancer, &fleet, 3), [0, 1, 2]);
        let fleet = Scoreboard::from_rows([row("a"), row("b")]);
        assert_eq!(turns(&balancer, &fleet, 3), [1, 0, 1]);
    }

    #[test]
    fn insisting_on_an_encoder_takes_nobodys_turn() {
        let balancer = RoundRobin::default();
        let fleet = Scoreboard::from_rows([row("a"), row("b"), row("c")]);
        let demand = Demand {
            primary: Some(EncoderId::try_new("c").unwrap()),
            ..Demand::default()
        };
        assert_eq!(balancer.select(&demand, &fleet, 0).unwrap().primary, 2);
        assert_eq!(turns(&balancer, &fleet, 2), [0, 1]);
    }
}
