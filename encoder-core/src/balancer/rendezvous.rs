//! The same stream to the same encoder.

use super::choose::{best_pair, fraction, mix, preference};
use super::{Balancer, Demand, Placement};
use crate::fleet::Scoreboard;

/// Chooses the row with the highest random weight of [`Demand::key`] and encoder id, so that a
/// key comes to the same encoder for as long as that may be chosen, in every manager and after
/// every restart.
///
/// When an encoder comes or goes only its own streams move; a hash taken modulo the size of the
/// fleet would move nearly all. Over many keys each encoder's share is in proportion to the
/// operator's weight. Health, heat and load are not looked at.
#[derive(Debug, Default)]
pub struct Rendezvous;

impl Balancer for Rendezvous {
    fn name(&self) -> &'static str {
        "rendezvous"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, _draw: u64) -> Option<Placement> {
        let key = stable_hash(demand.key.as_bytes());
        best_pair(demand, fleet, |row| {
            let roll = mix(key ^ mix(stable_hash(fleet.id(row).as_str().as_bytes())));
            let weight = match preference(fleet, row) {
                0.0 => 1.0,
                weight => weight,
            };
            // Weighted rendezvous hashing: the largest of these is drawn in proportion to the
            // weights.
            -weight / fraction(roll).ln()
        })
    }
}

/// FNV-1a: the standard library's hashes may change with its version, and with them the choice.
fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Row;
    use crate::model::EncoderId;

    fn row(name: &str) -> Row {
        Row::new(EncoderId::try_new(name).unwrap())
    }

    fn choose(fleet: &Scoreboard, key: usize) -> Placement {
        let demand = Demand {
            key: format!("str_{key}"),
            backup: true,
            ..Demand::default()
        };
        Rendezvous.select(&demand, fleet, 0).unwrap()
    }

    fn fleet(names: &[&str]) -> Scoreboard {
        Scoreboard::from_rows(names.iter().map(|name| row(name)))
    }

    #[test]
    fn only_the_streams_of_a_lost_encoder_move() {
        let before = fleet(&["a", "b", "c", "d"]);
        let after = fleet(&["a", "b", "d"]);
        for key in 0..200 {
            let (old, new) = (choose(&before, key), choose(&after, key));
            if before.id(old.primary).as_str() == "c" {
                let heir = old.backup.unwrap();
                assert_eq!(
                    before.id(heir),
                    after.id(new.primary),
                    "its backup takes over"
                );
            } else {
                assert_eq!(before.id(old.primary), after.id(new.primary));
            }
        }
    }

    #[test]
    fn shares_follow_the_weights() {
        let mut heavy = row("b");
        heavy.weight = 3.0;
        let fleet = Scoreboard::from_rows([row("a"), heavy]);
        let heavy = (0..2000).filter(|key| choose(&fleet, *key).primary == 1);
        let count = heavy.count();
        assert!(
            (1400..1600).contains(&count),
            "{count} of 2000, expected 1500"
        );
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(stable_hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stable_hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
