//! The better of two drawn at random.

use super::choose::{Tier, is_open, roll, tier, wanted_primary};
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Draws two different rows and chooses the less loaded, or of equally loaded ones the healthier.
///
/// Several managers with a slightly stale view of one fleet do not all run to the same encoder,
/// as they would with [`LeastLoaded`](super::LeastLoaded), and the load stays nearly as even.
/// The backup is the better of two drawn from the other failure domains.
#[derive(Debug, Default)]
pub struct PowerOfTwoChoices;

impl Balancer for PowerOfTwoChoices {
    fn name(&self) -> &'static str {
        "power_of_two"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        let open = |row: usize| is_open(demand, fleet, row);
        let primary = match wanted_primary(demand, fleet).ok()? {
            Some(wanted) => wanted,
            None => better_of_two(demand, fleet, draw, open)?,
        };
        let backup = || {
            let home = fleet.domain(primary);
            let elsewhere = |row: usize| open(row) && fleet.domain(row) != home;
            let other = |row: usize| open(row) && row != primary;
            better_of_two(demand, fleet, !draw, elsewhere)
                .or_else(|| better_of_two(demand, fleet, !draw, other))
        };
        Some(Placement {
            primary,
            backup: demand.backup.then(backup).flatten(),
        })
    }
}

/// Draws two rows in one pass: every row rolls a number, and the two highest are taken.
fn better_of_two(
    demand: &Demand,
    fleet: &Scoreboard,
    draw: u64,
    open: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut drawn: [Option<(Tier, u64, usize)>; 2] = [None; 2];
    for row in (0..fleet.len()).filter(|row| open(*row)) {
        let ticket = Some((tier(demand, fleet, row), roll(draw, row), row));
        if ticket > drawn[0] {
            drawn = [ticket, drawn[0]];
        } else if ticket > drawn[1] {
            drawn[1] = ticket;
        }
    }
    let (first_tier, _, first) = drawn[0]?;
    let merit = |row: usize| (-fleet.load(row), fleet.health(row));
    match drawn[1] {
        Some((tier, _, second)) if tier == first_tier && merit(second) > merit(first) => {
            Some(second)
        }
        _ => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Row;
    use crate::model::EncoderId;

    fn fleet(loads: &[u32]) -> Scoreboard {
        Scoreboard::from_rows(loads.iter().map(|streams| Row {
            capacity: 10,
            streams: *streams,
            ..Row::new(EncoderId::generate())
        }))
    }

    #[test]
    fn the_most_loaded_of_all_is_never_chosen() {
        let fleet = fleet(&[3, 1, 2, 9]);
        let mut chosen = [0; 4];
        for draw in 0..400 {
            let placement = PowerOfTwoChoices.select(&Demand::default(), &fleet, draw);
            chosen[placement.unwrap().primary] += 1;
        }
        assert_eq!(chosen[3], 0, "it loses against whatever it is drawn with");
        // Drawn in half of all pairs, and always the better one.
        assert!((140..260).contains(&chosen[1]), "{chosen:?}");
        assert!(chosen[0] > 0 && chosen[2] > chosen[0], "{chosen:?}");
    }

    #[test]
    fn loads_stay_even() {
        let mut loads = vec![0; 20];
        for draw in 0..100 {
            let placement = PowerOfTwoChoices.select(&Demand::default(), &fleet(&loads), draw);
            loads[placement.unwrap().primary] += 1;
        }
        assert!(loads.iter().all(|load| (3..=7).contains(load)), "{loads:?}");
    }
}
