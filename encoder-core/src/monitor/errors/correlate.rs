//! What errors of a window have in common, compared with chance. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::cause::{CauseKind, Population, Unit, spread, values_of};
use super::facts::Facts;
use super::occurrence::Occurrence;
use crate::model::Timestamp;

/// The windows that are looked at: 5 min, 30 min and 2 h.
pub const WINDOWS: [Duration; 3] = [
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
];

/// What can be shared.
const SHARED: [CauseKind; 4] = [
    CauseKind::Site,
    CauseKind::Destination,
    CauseKind::Source,
    CauseKind::Firmware,
];

/// What was found in one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// How far back it reaches.
    pub seconds: u64,
    /// Occurrences in it.
    pub occurrences: usize,
    /// Groups of them, most telling first.
    pub correlations: Vec<Correlation>,
}

/// Occurrences of one pattern that share something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Correlation {
    /// The pattern.
    pub pattern: String,
    /// What they share.
    pub factor: CauseKind,
    /// Its value, for example the site's name.
    pub value: String,
    /// Encoders (for destinations: attempts to publish) that are affected and share it.
    pub affected: usize,
    /// All that share it.
    pub exposed: usize,
    /// `affected / exposed`, 0 to 1.
    pub support: f64,
    /// Support divided by the share of all that are affected. 1 is chance, more is telling.
    pub lift: f64,
    /// Time between the first and the last beginning.
    pub spread_seconds: f64,
    /// The encoders.
    pub encoder_ids: Vec<String>,
}

/// Groups of at least two in the window before `now`, by lift, support and size.
pub fn correlations(
    occurrences: &[&Occurrence],
    facts: &Facts,
    window: Duration,
    now: Timestamp,
) -> Window {
    let all = occurrences.iter().copied();
    let recent: Vec<_> = all.filter(|o| o.is_recent(now, window)).collect();
    let population = Population::new(facts, &recent);
    let mut by_pattern: BTreeMap<&str, Vec<&Occurrence>> = BTreeMap::new();
    for occurrence in &recent {
        let same = by_pattern.entry(occurrence.pattern.as_str()).or_default();
        same.push(occurrence);
    }
    let mut found = Vec::new();
    for (pattern, same) in by_pattern {
        for factor in SHARED {
            found.extend(of_factor(pattern, factor, &same, &population));
        }
    }
    found.sort_by(|a: &Correlation, b| {
        b.lift
            .total_cmp(&a.lift)
            .then(b.support.total_cmp(&a.support))
            .then(b.affected.cmp(&a.affected))
            .then_with(|| (&a.pattern, a.factor, &a.value).cmp(&(&b.pattern, b.factor, &b.value)))
    });
    Window {
        seconds: window.as_secs(),
        occurrences: recent.len(),
        correlations: found,
    }
}

fn of_factor(
    pattern: &str,
    factor: CauseKind,
    same: &[&Occurrence],
    population: &Population,
) -> Vec<Correlation> {
    let everybody = population.everybody(factor);
    let units = |occurrences: &[&Occurrence]| -> BTreeSet<Unit> {
        let units = occurrences
            .iter()
            .filter_map(|o| Unit::of(factor, &o.place));
        units.filter(|unit| everybody.contains(unit)).collect()
    };
    let mut groups: BTreeMap<String, Vec<&Occurrence>> = BTreeMap::new();
    for occurrence in same {
        for value in values_of(factor, &occurrence.place) {
            groups.entry(value).or_default().push(occurrence);
        }
    }
    let total = units(same).len();
    let mut found = Vec::new();
    for (value, under) in groups {
        let affected = units(&under).len();
        let exposed = population.exposed(factor, &value).len();
        if affected < 2 || affected > exposed {
            continue;
        }
        let support = affected as f64 / exposed as f64;
        let names = under.iter().filter_map(|o| o.place.encoder_id.as_ref());
        let names: BTreeSet<_> = names.map(ToString::to_string).collect();
        found.push(Correlation {
            pattern: pattern.to_owned(),
            factor,
            value,
            affected,
            exposed,
            support,
            lift: support / (total as f64 / everybody.len() as f64),
            spread_seconds: spread(&under).as_secs_f64(),
            encoder_ids: names.into_iter().collect(),
        });
    }
    found
}
