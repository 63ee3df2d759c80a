//! The emptiest encoder.

use super::choose::{best_pair, roll};
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Chooses the row with the smallest share of its capacity in use; of equally loaded ones the
/// healthier, and of equally healthy ones by the draw.
///
/// With a capacity of one stream each, as usual for encoders, all eligible rows are equally
/// empty, and health decides. Heat is not looked at.
#[derive(Debug, Default)]
pub struct LeastLoaded;

impl Balancer for LeastLoaded {
    fn name(&self) -> &'static str {
        "least_loaded"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        best_pair(demand, fleet, |row| {
            let health = fleet.health(row).map(|health| health.value());
            (-fleet.load(row), health, roll(draw, row))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Row;
    use crate::model::{EncoderId, Health};

    fn row(streams: u32, health: Option<f64>) -> Row {
        Row {
            capacity: 4,
            streams,
            health: health.map(Health::new),
            ..Row::new(EncoderId::generate())
        }
    }

    fn primary(rows: Vec<Row>, draw: u64) -> usize {
        let fleet = Scoreboard::from_rows(rows);
        let placement = LeastLoaded.select(&Demand::default(), &fleet, draw);
        placement.unwrap().primary
    }

    #[test]
    fn the_emptiest_is_chosen_then_the_healthiest() {
        let full_but_well = row(2, Some(100.0));
        let poor = row(1, Some(40.0));
        let better = row(1, Some(60.0));
        let unknown = row(1, None);
        assert_eq!(primary(vec![full_but_well.clone(), poor.clone()], 0), 1);
        assert_eq!(primary(vec![poor, better, unknown.clone()], 0), 1);
        assert_eq!(primary(vec![full_but_well, unknown], 0), 1);
    }

    #[test]
    fn equals_share_the_streams() {
        let rows = || vec![row(1, Some(90.0)), row(1, Some(90.0))];
        let first = (0..100).filter(|draw| primary(rows(), *draw) == 0).count();
        assert!((20..80).contains(&first), "{first} of 100");
    }
}
