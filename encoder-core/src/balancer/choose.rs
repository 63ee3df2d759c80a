//! What every balancer shares: who may be chosen at all, and how a pair is found in one pass.

use super::{Demand, Placement};
use crate::fleet::Scoreboard;

/// Rows of a higher tier are preferred whatever their scores are: those outside the site to
/// avoid first, and among them those that the operator did not weigh down to 0.
pub(super) type Tier = u8;

/// Whether a row may be chosen.
pub(super) fn is_open(demand: &Demand, fleet: &Scoreboard, row: usize) -> bool {
    fleet.is_eligible(row) && !demand.exclude.contains(fleet.id(row))
}

/// How much a row is preferred before any score.
pub(super) fn tier(demand: &Demand, fleet: &Scoreboard, row: usize) -> Tier {
    let avoided = demand.avoid_site.is_some() && demand.avoid_site.as_deref() == fleet.site(row);
    2 * Tier::from(!avoided) + Tier::from(preference(fleet, row) > 0.0)
}

/// The operator's weight, where nonsense counts as 0.
pub(super) fn preference(fleet: &Scoreboard, row: usize) -> f64 {
    let weight = fleet.weight(row);
    if weight.is_finite() {
        weight.max(0.0)
    } else {
        0.0
    }
}

/// The row the demand insists on: `Err` when it may not be chosen, `Ok(None)` without any.
pub(super) fn wanted_primary(demand: &Demand, fleet: &Scoreboard) -> Result<Option<usize>, ()> {
    let Some(id) = &demand.primary else {
        return Ok(None);
    };
    match fleet.row_of(id) {
        Some(row) if is_open(demand, fleet, row) => Ok(Some(row)),
        _ => Err(()),
    }
}

/// Chooses the row with the highest score, and as backup the one with the highest score in
/// another failure domain, or else the second highest. Of equal scores the first row wins.
pub(super) fn best_pair<S: PartialOrd + Copy>(
    demand: &Demand,
    fleet: &Scoreboard,
    score: impl Fn(usize) -> S,
) -> Option<Placement> {
    let wanted = wanted_primary(demand, fleet).ok()?;
    let mut best = Best::default();
    if let Some(primary) = wanted {
        best.primary = Some(Candidate::new(demand, fleet, primary, score(primary)));
        if !demand.backup {
            return best.placement(demand);
        }
    }
    for row in (0..fleet.len()).filter(|row| is_open(demand, fleet, *row)) {
        if wanted == Some(row) {
            continue;
        }
        let candidate = Candidate::new(demand, fleet, row, score(row));
        match best.primary {
            Some(primary) if wanted.is_some() || !candidate.beats(primary) => {
                best.runner_up(candidate, primary.domain);
            }
            _ => best.replace_primary(candidate),
        }
    }
    best.placement(demand)
}

#[derive(Clone, Copy)]
struct Candidate<S> {
    row: usize,
    domain: u32,
    tier: Tier,
    score: S,
}

impl<S: PartialOrd + Copy> Candidate<S> {
    fn new(demand: &Demand, fleet: &Scoreboard, row: usize, score: S) -> Self {
        Self {
            row,
            domain: fleet.domain(row),
            tier: tier(demand, fleet, row),
            score,
        }
    }

    fn beats(self, other: Self) -> bool {
        self.tier > other.tier || (self.tier == other.tier && self.score > other.score)
    }
}

/// The best rows so far: enough to know the best pair without a second pass.
struct Best<S> {
    primary: Option<Candidate<S>>,
    /// The best besides the primary.
    second: Option<Candidate<S>>,
    /// The best outside the primary's failure domain.
    elsewhere: Option<Candidate<S>>,
}

impl<S> Default for Best<S> {
    fn default() -> Self {
        Self {
            primary: None,
            second: None,
            elsewhere: None,
        }
    }
}

impl<S: PartialOrd + Copy> Best<S> {
    fn replace_primary(&mut self, candidate: Candidate<S>) {
        let former = self.primary.replace(candidate);
        // The former primary beat every row before, also those outside the new one's domain.
        if former.is_some_and(|former| former.domain != candidate.domain) {
            self.elsewhere = former;
        }
        self.second = former;
    }

    fn runner_up(&mut self, candidate: Candidate<S>, primary_domain: u32) {
        let better = |held: Option<Candidate<S>>| held.is_none_or(|held| candidate.beats(held));
        if better(self.second) {
            self.second = Some(candidate);
        }
        if candidate.domain != primary_domain && better(self.elsewhere) {
            self.elsewhere = Some(candidate);
        }
    }

    fn placement(self, demand: &Demand) -> Option<Placement> {
        let backup = self.elsewhere.or(self.second).filter(|_| demand.backup);
        Some(Placement {
            primary: self.primary?.row,
            backup: backup.map(|candidate| candidate.row),
        })
    }
}

/// Scrambles a number; every bit of the input moves about half of the output's (splitmix64).
pub(super) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A fraction in the open interval from 0 to 1.
pub(super) fn fraction(number: u64) -> f64 {
    ((number >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// A random number of a row, from one draw for all rows.
pub(super) const fn roll(draw: u64, row: usize) -> u64 {
    mix(draw ^ mix(row as u64))
}
