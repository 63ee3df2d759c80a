//! Placements are eligible and distinct, and rank as promised, for any fleet.

use encoder_core::balancer::{
    Balancer, Demand, LeastLoaded, PowerOfTwoChoices, Rendezvous, RoundRobin, Weighted,
};
use encoder_core::fleet::{Row, Scoreboard};
use encoder_core::model::{EncoderId, Health, Heat};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        option::of(prop::sample::select(vec!["north", "south"])),
        prop_oneof![
            Just(0.0),
            0.01..10.0,
            Just(f64::NAN),
            Just(-1.0),
            Just(f64::INFINITY)
        ],
        (0..4_u32, 0..4_u32),
        option::of(0.0..=100.0),
        option::of(0.0..=100.0),
        prop::bool::weighted(0.2),
    );
    vec(row, 0..16).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(
            |(number, (site, weight, (capacity, streams), health, heat, closed))| Row {
                site: site.map(str::to_owned),
                weight,
                capacity,
                streams,
                health: health.map(Health::new),
                heat: heat.map(Heat::new),
                reasons: closed
                    .then(|| "maintenance".to_owned())
                    .into_iter()
                    .collect(),
                ..Row::new(encoder(number))
            },
        )
        .collect()
    })
}

fn encoder(number: usize) -> EncoderId {
    EncoderId::try_new(format!("enc-{number}")).expect("letters, digits and a dash")
}

fn demand() -> impl Strategy<Value = Demand> {
    let fields = (
        "[a-z]{0,12}",
        option::weighted(0.2, 0..16_usize),
        any::<bool>(),
        vec(0..16_usize, 0..3),
        option::of(Just("north".to_owned())),
    );
    fields.prop_map(|(key, primary, backup, exclude, avoid_site)| Demand {
        key,
        primary: primary.map(encoder),
        backup,
        exclude: exclude.into_iter().map(encoder).collect(),
        avoid_site,
    })
}

fn balancers() -> [Box<dyn Balancer>; 5] {
    [
        Box::new(Weighted::default()),
        Box::new(LeastLoaded),
        Box::new(PowerOfTwoChoices),
        Box::new(RoundRobin::default()),
        Box::new(Rendezvous),
    ]
}

proptest! {
    #[test]
    fn placements_are_eligible_and_distinct(rows in rows(), demand in demand(), draw: u64) {
        let fleet = Scoreboard::from_rows(rows);
        for balancer in balancers() {
            let Some(placement) = balancer.select(&demand, &fleet, draw) else { continue };
            prop_assert_ne!(Some(placement.primary), placement.backup);
            for row in [Some(placement.primary), placement.backup].into_iter().flatten() {
                prop_assert!(fleet.is_eligible(row), "{}", balancer.name());
                prop_assert!(!demand.exclude.contains(fleet.id(row)), "{}", balancer.name());
            }
        }
    }

    #[test]
    fn avoided_sites_and_weightless_encoders_come_last(
        rows in rows(),
        demand in demand(),
        draw: u64,
    ) {
        let demand = Demand { primary: None, ..demand };
        let fleet = Scoreboard::from_rows(rows);
        let avoided = |row: usize| fleet.site(row).is_some_and(|site| demand.avoid_site.as_deref() == Some(site));
        let weightless = |row: usize| !(fleet.weight(row).is_finite() && fleet.weight(row) > 0.0);
        let rank = |row: usize| (avoided(row), weightless(row));
        let open = |row: &usize| fleet.is_eligible(*row) && !demand.exclude.contains(fleet.id(*row));
        let best = (0..fleet.len()).filter(open).map(rank).min();
        for balancer in balancers() {
            let chosen = balancer.select(&demand, &fleet, draw).map(|placement| rank(placement.primary));
            prop_assert_eq!(chosen, best, "{}", balancer.name());
        }
    }

    #[test]
    fn weighted_never_prefers_an_encoder_that_is_worse_in_every_respect(
        rows in rows(),
        draw: u64,
    ) {
        let fleet = Scoreboard::from_rows(rows);
        let Some(placement) = Weighted::default().select(&Demand::default(), &fleet, draw) else {
            return Ok(());
        };
        let chosen = placement.primary;
        let heat = |row: usize| fleet.heat(row).map_or(0.0, |heat| heat.value());
        for row in (0..fleet.len()).filter(|row| fleet.is_eligible(*row)) {
            let (Some(rival), Some(own)) = (fleet.health(row), fleet.health(chosen)) else {
                continue;
            };
            let clearly_better = rival.value() >= 10.0
                && rival.value() > 1.1 * own.value()
                && fleet.weight(row) >= fleet.weight(chosen)
                && fleet.weight(row).is_finite()
                && heat(row) <= heat(chosen)
                && fleet.load(row) <= fleet.load(chosen);
            prop_assert!(!clearly_better, "row {row} rather than {chosen}");
        }
    }

    #[test]
    fn rendezvous_moves_only_the_streams_of_the_lost_encoder(
        rows in rows(),
        keys in vec("[a-z0-9]{1,16}", 1..20),
        lost: prop::sample::Index,
    ) {
        prop_assume!(!rows.is_empty());
        let lost = lost.index(rows.len());
        let fleet = Scoreboard::from_rows(rows.clone());
        let rest = rows.into_iter().enumerate().filter(|(number, _)| *number != lost);
        let rest = Scoreboard::from_rows(rest.map(|(_, row)| row));
        for key in keys {
            let demand = Demand { key, ..Demand::default() };
            let primary = |fleet: &Scoreboard| {
                let placement = Rendezvous.select(&demand, fleet, 0);
                placement.map(|placement| fleet.id(placement.primary).clone())
            };
            let before = primary(&fleet);
            if before.as_ref() != Some(&encoder(lost)) {
                prop_assert_eq!(primary(&rest), before);
            }
        }
    }
}
