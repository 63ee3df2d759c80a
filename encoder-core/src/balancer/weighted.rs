//! The default: the best encoder, by everything that is known of it.

use serde::{Deserialize, Serialize};

use super::choose::{best_pair, fraction, preference, roll};
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Smallest factor, so that a poor row still ranks above one that may not be chosen.
const LEAST: f64 = 0.01;

/// How much each fact counts. Each factor lies between 0 and 1 and is raised to its exponent: 0
/// ignores the fact, 1 takes it as it is, 2 makes small differences matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WeightedConfig {
    /// Exponent of the health score over 100. Default 2: a score of 70 halves the chance.
    pub health_exponent: f64,
    /// Exponent of what is left of 100 after the heat. Default 1.
    pub heat_exponent: f64,
    /// Exponent of the share of the capacity that is free. Default 1.
    pub free_exponent: f64,
    /// Factor of an encoder whose health is not known, in place of its health. Default 0.1: it is
    /// taken before leaving a stream without encoder, and hardly ever otherwise.
    pub unknown_health: f64,
    /// Encoders whose scores differ by less than this share are equally good, and the draw
    /// decides between them. Default 0.05, so that streams spread over equal encoders.
    pub tie: f64,
}

impl Default for WeightedConfig {
    fn default() -> Self {
        Self {
            health_exponent: 2.0,
            heat_exponent: 1.0,
            free_exponent: 1.0,
            unknown_health: 0.1,
            tie: 0.05,
        }
    }
}

/// Chooses the row with the highest product of operator's weight, health, coolness and free
/// share of its capacity.
///
/// The best row is really chosen. Drawing in proportion to the scores, as load balancers for
/// many small requests do, would send one stream in twenty to an encoder known to be worse, for
/// hours. The draw only decides between rows within [`WeightedConfig::tie`] of each other: each
/// score is first lowered by a random part of that share.
///
/// Heat that is not known counts as none at all, health that is not known as
/// [`WeightedConfig::unknown_health`]. A weight of 0 is used when nothing else is left.
#[derive(Clone, Debug, Default)]
pub struct Weighted {
    config: WeightedConfig,
}

impl Weighted {
    /// A balancer with these settings.
    pub fn new(config: WeightedConfig) -> Self {
        Self { config }
    }

    fn score(&self, fleet: &Scoreboard, row: usize) -> f64 {
        let config = &self.config;
        let factor = |share: f64, exponent: f64| share.clamp(LEAST, 1.0).powf(exponent.max(0.0));
        let health = fleet.health(row).map_or_else(
            || config.unknown_health.clamp(LEAST * LEAST, 1.0),
            |health| factor(health.value() / 100.0, config.health_exponent),
        );
        let coolness = fleet.heat(row).map_or(1.0, |heat| {
            factor(1.0 - heat.value() / 100.0, config.heat_exponent)
        });
        let free = factor(1.0 - fleet.load(row), config.free_exponent);
        // Rows without weight compete among themselves, by everything else.
        let weight = match preference(fleet, row) {
            0.0 => 1.0,
            weight => weight,
        };
        weight * health * coolness * free
    }
}

impl Balancer for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        let tie = self.config.tie.clamp(0.0, 1.0);
        best_pair(demand, fleet, |row| {
            self.score(fleet, row) * (1.0 - tie * fraction(roll(draw, row)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Row;
    use crate::model::{EncoderId, Health, Heat};

    fn row(name: &str, change: impl FnOnce(&mut Row)) -> Row {
        let mut row = Row::new(EncoderId::try_new(name).unwrap());
        row.capacity = 4;
        change(&mut row);
        row
    }

    fn primaries(rows: Vec<Row>) -> Vec<usize> {
        let fleet = Scoreboard::from_rows(rows);
        let balancer = Weighted::default();
        let mut chosen: Vec<_> = (0..200)
            .map(|draw| {
                let placement = balancer.select(&Demand::default(), &fleet, draw);
                placement.unwrap().primary
            })
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    #[test]
    fn the_clearly_best_encoder_is_chosen_whatever_is_drawn() {
        let worse: [fn(&mut Row); 4] = [
            |row| row.health = Some(Health::new(80.0)),
            |row| row.heat = Some(Heat::new(60.0)),
            |row| row.streams = 2,
            |row| row.weight = 0.5,
        ];
        for change in worse {
            assert_eq!(primaries(vec![row("a", change), row("b", |_| {})]), [1]);
        }
    }

    #[test]
    fn equal_encoders_share_the_streams() {
        let rows = vec![
            row("a", |_| {}),
            row("b", |_| {}),
            row("c", |row| row.health = Some(Health::new(99.0))),
        ];
        assert_eq!(primaries(rows), [0, 1, 2]);
    }

    #[test]
    fn unknown_heat_is_neutral_and_unknown_health_is_not() {
        let cold = row("a", |row| row.heat = Some(Heat::MIN));
        assert_eq!(primaries(vec![cold, row("b", |_| {})]), [0, 1]);
        let unknown = row("a", |row| row.health = None);
        let poor = row("b", |row| row.health = Some(Health::new(50.0)));
        assert_eq!(primaries(vec![unknown.clone(), poor]), [1]);
        assert_eq!(primaries(vec![unknown]), [0], "and better than nothing");
    }

    #[test]
    fn weightless_encoders_are_the_last_resort() {
        let unwanted = row("a", |row| row.weight = 0.0);
        let dying = row("b", |row| {
            row.health = Some(Health::MIN);
            row.heat = Some(Heat::MAX);
            row.weight = 0.001;
        });
        assert_eq!(primaries(vec![unwanted.clone(), dying]), [1]);
        assert_eq!(primaries(vec![unwanted]), [0]);
    }
}
