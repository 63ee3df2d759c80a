//! The contract of [`Balancer`] as tests.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::balancer::{Balancer, Demand, Placement};
use crate::fleet::{Row, Scoreboard};
use crate::model::{EncoderId, Health, Heat};

/// Expands to one test per item of the contract of [`Balancer`], in a module of the given name.
/// The second argument makes a fresh balancer.
///
/// ```
/// use encoder_core::balancer::Weighted;
///
/// encoder_core::balancer_conformance!(weighted, || Weighted::default());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! balancer_conformance {
    ($name:ident, $make:expr) => {
        $crate::__balancer_items!(balancer_conformance @items $name, $make,);
    };
    (@items $name:ident, $make:expr, $($item:ident)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from outside")]
            use super::*;
            $(
                #[test]
                fn $item() {
                    $crate::testkit::balancer::$item($make);
                }
            )*
        }
    };
}

/// The items of the contract, once for all who go through them: hands them, after its own
/// arguments, to the macro that it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __balancer_items {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! { $($arguments)*
            chosen_rows_are_eligible
            primary_and_backup_differ
            backup_is_in_another_failure_domain
            wanted_primary_is_honoured
            none_only_without_eligible_rows
            same_input_same_answer
        }
    };
}

/// A fleet and a question about it.
#[derive(Debug)]
struct Scenario {
    fleet: Scoreboard,
    demand: Demand,
    draw: u64,
}

impl Scenario {
    fn seeded(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let size = random.random_range(0..10);
        let fleet = Scoreboard::from_rows((0..size).map(|number| row(&mut random, number)));
        let demand = Demand {
            key: format!("str_{seed}"),
            primary: random
                .random_bool(0.3)
                .then(|| encoder(random.random_range(0..=size))),
            backup: random.random_bool(0.7),
            exclude: (0..size)
                .filter(|_| random.random_bool(0.15))
                .map(encoder)
                .collect(),
            avoid_site: random.random_bool(0.3).then(|| "north".to_owned()),
        };
        Self {
            fleet,
            demand,
            draw: random.random(),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..1000).map(Self::seeded)
    }

    fn may_be_chosen(&self, row: usize) -> bool {
        self.fleet.is_eligible(row) && !self.demand.exclude.contains(self.fleet.id(row))
    }

    /// Rows that could be the backup of a primary.
    fn backups_of(&self, primary: usize) -> impl Iterator<Item = usize> {
        (0..self.fleet.len()).filter(move |row| *row != primary && self.may_be_chosen(*row))
    }

    /// Whether the demand can be met at all.
    fn has_a_primary(&self) -> bool {
        let wanted = |row: usize| match &self.demand.primary {
            Some(id) => self.fleet.id(row) == id,
            None => true,
        };
        (0..self.fleet.len()).any(|row| wanted(row) && self.may_be_chosen(row))
    }

    fn select(&self, balancer: &impl Balancer) -> Option<Placement> {
        balancer.select(&self.demand, &self.fleet, self.draw)
    }
}

fn encoder(number: usize) -> EncoderId {
    EncoderId::try_new(format!("enc-{number}")).expect("letters, digits and a dash")
}

fn row(random: &mut StdRng, number: usize) -> Row {
    let sites = [None, Some("north"), Some("south"), Some("west")];
    let score = |random: &mut StdRng| random.random_range(0.0..=100.0);
    Row {
        site: sites[random.random_range(0..sites.len())].map(str::to_owned),
        weight: [0.0, 0.5, 1.0, 3.0][random.random_range(0..4)],
        capacity: random.random_range(0..4),
        streams: random.random_range(0..3),
        health: random.random_bool(0.8).then(|| Health::new(score(random))),
        heat: random.random_bool(0.5).then(|| Heat::new(score(random))),
        reasons: if random.random_bool(0.2) {
            vec!["maintenance".to_owned()]
        } else {
            Vec::new()
        },
        ..Row::new(encoder(number))
    }
}

/// Only rows that are eligible and not excluded are chosen.
///
/// # Panics
/// When the balancer breaks this item of the contract; likewise the others.
pub fn chosen_rows_are_eligible<B: Balancer>(make: impl Fn() -> B) {
    let balancer = make();
    for scenario in Scenario::all() {
        let Some(placement) = scenario.select(&balancer) else {
            continue;
        };
        for row in [Some(placement.primary), placement.backup] {
            assert!(
                row.is_none_or(|row| row < scenario.fleet.len() && scenario.may_be_chosen(row)),
                "{placement:?} in {scenario:?}"
            );
        }
    }
}

/// Never the same row twice.
pub fn primary_and_backup_differ<B: Balancer>(make: impl Fn() -> B) {
    let balancer = make();
    for scenario in Scenario::all() {
        if let Some(placement) = scenario.select(&balancer) {
            assert_ne!(placement.backup, Some(placement.primary), "{scenario:?}");
        }
    }
}

/// The backup shares the primary's failure domain only when every candidate does.
pub fn backup_is_in_another_failure_domain<B: Balancer>(make: impl Fn() -> B) {
    let balancer = make();
    for scenario in Scenario::all() {
        let Some(Placement {
            primary,
            backup: Some(backup),
        }) = scenario.select(&balancer)
        else {
            continue;
        };
        let home = scenario.fleet.domain(primary);
        let elsewhere = |row: usize| scenario.fleet.domain(row) != home;
        assert!(
            elsewhere(backup) || !scenario.backups_of(primary).any(elsewhere),
            "{primary} and {backup} in {scenario:?}"
        );
    }
}

/// The wanted primary is chosen or nothing is.
pub fn wanted_primary_is_honoured<B: Balancer>(make: impl Fn() -> B) {
    let balancer = make();
    for scenario in Scenario::all() {
        if let (Some(wanted), Some(placement)) =
            (&scenario.demand.primary, scenario.select(&balancer))
        {
            let chosen = scenario.fleet.id(placement.primary);
            assert_eq!(chosen, wanted, "{scenario:?}");
        }
    }
}

/// There is an answer whenever there is a primary, and a backup whenever one is wanted and there
/// is one.
pub fn none_only_without_eligible_rows<B: Balancer>(make: impl Fn() -> B) {
    let balancer = make();
    for scenario in Scenario::all() {
        let placement = scenario.select(&balancer);
        assert_eq!(
            placement.is_some(),
            scenario.has_a_primary(),
            "{scenario:?}"
        );
        if let Some(placement) = placement {
            let available = scenario.backups_of(placement.primary).next().is_some();
            let expected = scenario.demand.backup && available;
            assert_eq!(placement.backup.is_some(), expected, "{scenario:?}");
        }
    }
}

/// Two fresh balancers that are asked the same answer the same, one with a memory included.
pub fn same_input_same_answer<B: Balancer>(make: impl Fn() -> B) {
    let (one, other) = (make(), make());
    for scenario in Scenario::all() {
        assert_eq!(
            scenario.select(&one),
            scenario.select(&other),
            "{scenario:?}"
        );
    }
}
