//! What is probably behind the errors of a window, with the evidence for and against. Pure; the
//! formula is in [`docs::errors`](crate::docs::errors).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::occurrence::Occurrence;
use super::pattern::{Pattern, Patterns};
use crate::model::{EncoderId, Severity, StreamId, Timestamp};

mod evidence;
mod population;

pub(super) use population::{Population, Unit, values as values_of};

/// Errors that begin this close together are one moment.
pub(super) const MOMENT: Duration = Duration::from_secs(60);

/// What a shared cause loses when there is nobody outside to compare with.
const NO_COMPARISON: f64 = 0.8;
/// What a shared cause loses when its errors do not begin in one moment.
const SPREAD_OUT: f64 = 0.8;
/// Candidates that are returned.
const KEPT: usize = 50;

/// What can be behind an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The encoder itself.
    Encoder,
    /// What feeds encoders that share a label.
    Source,
    /// The power or the network of a site.
    Site,
    /// The ingest, or the way to it.
    Destination,
    /// A version of the encoders' firmware.
    Firmware,
    /// The manager's own network.
    Manager,
}

impl CauseKind {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Source => "source",
            Self::Site => "site",
            Self::Destination => "destination",
            Self::Firmware => "firmware",
            Self::Manager => "manager",
        }
    }
}

impl fmt::Display for CauseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A candidate for what is behind the errors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RootCause {
    /// Kind and name, such as `site:north`; `manager` has no name.
    pub cause: String,
    /// What it is.
    pub kind: CauseKind,
    /// Which one; empty for the manager.
    pub value: String,
    /// 0 to 1; comparable among candidates, and no probability.
    pub score: f64,
    /// The score of each pattern that points at it.
    pub scores: BTreeMap<String, f64>,
    /// Whether any of its errors lasts.
    pub active: bool,
    /// How many of those that it could affect are affected.
    pub affected: usize,
    /// How many it could affect.
    pub exposed: usize,
    /// What speaks for it.
    pub evidence_for: Vec<String>,
    /// What speaks against it.
    pub evidence_against: Vec<String>,
    /// Encoders with these errors.
    pub encoder_ids: BTreeSet<EncoderId>,
    /// Streams with these errors.
    pub stream_ids: BTreeSet<StreamId>,
    /// Numbers of the occurrences that it would explain.
    pub occurrences: BTreeSet<u64>,
}

/// The candidates for a set of occurrences: first those whose errors last, then by score, and of
/// equals the narrower one. There is none without an occurrence that points at it, and none that is
/// shared with fewer than two affected.
pub fn root_causes(
    occurrences: &[&Occurrence],
    facts: &Facts,
    patterns: &Patterns,
) -> Vec<RootCause> {
    let population = Population::new(facts, occurrences);
    let mut by_pattern: BTreeMap<&str, Vec<&Occurrence>> = BTreeMap::new();
    for occurrence in occurrences {
        let same = by_pattern.entry(occurrence.pattern.as_str()).or_default();
        same.push(occurrence);
    }
    let known = patterns.by_id();
    let mut found: BTreeMap<String, RootCause> = BTreeMap::new();
    for (id, same) in by_pattern {
        let Some(pattern) = known.get(id) else {
            continue;
        };
        let case = Case {
            pattern,
            same: &same,
            population: &population,
        };
        for candidate in case.candidates() {
            merge(&mut found, candidate);
        }
    }
    let mut ranked: Vec<_> = found.into_values().collect();
    for cause in &mut ranked {
        cause.score = overall(&cause.scores, &known);
    }
    ranked.sort_by(|a, b| {
        let by_name = || (a.kind, &a.value).cmp(&(b.kind, &b.value));
        let by_score = || b.score.total_cmp(&a.score);
        b.active
            .cmp(&a.active)
            .then_with(by_score)
            .then_with(by_name)
    });
    ranked.truncate(KEPT);
    ranked
}

/// The mean of the patterns' scores, weighted by severity: what is behind a minor trouble need not
/// be behind a grave one.
fn overall(scores: &BTreeMap<String, f64>, known: &HashMap<&str, &Pattern>) -> f64 {
    let weighted = scores.iter().map(|(id, score)| {
        let severity = known.get(id.as_str()).map(|pattern| pattern.severity);
        let weight = match severity {
            Some(Severity::Critical) => 5.0,
            Some(Severity::Warning) => 2.0,
            _ => 1.0,
        };
        (score * weight, weight)
    });
    let (sum, weights) = weighted.fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    ((sum / weights) * 1000.0).round() / 1000.0
}

/// The same cause, seen through another pattern. The figures are those of the better score.
fn merge(found: &mut BTreeMap<String, RootCause>, new: RootCause) {
    let Some(known) = found.get_mut(&new.cause) else {
        found.insert(new.cause.clone(), new);
        return;
    };
    if new.score > known.score {
        (known.score, known.affected, known.exposed) = (new.score, new.affected, new.exposed);
    }
    known.active |= new.active;
    known.scores.extend(new.scores);
    known.evidence_for.extend(new.evidence_for);
    known.evidence_against.extend(new.evidence_against);
    known.encoder_ids.extend(new.encoder_ids);
    known.stream_ids.extend(new.stream_ids);
    known.occurrences.extend(new.occurrences);
}

/// All occurrences of one pattern, and who could have them.
struct Case<'a> {
    pattern: &'a Pattern,
    same: &'a [&'a Occurrence],
    population: &'a Population,
}

/// A cause with what it would explain.
pub(super) struct Suspect<'a> {
    kind: CauseKind,
    value: String,
    weight: f64,
    under: Vec<&'a Occurrence>,
}

impl<'a> Case<'a> {
    fn candidates(&self) -> Vec<RootCause> {
        let mut all = Vec::new();
        for (kind, weight) in &self.pattern.causes {
            let mut groups: BTreeMap<String, Vec<&'a Occurrence>> = BTreeMap::new();
            for occurrence in self.same {
                for value in population::values(*kind, &occurrence.place) {
                    groups.entry(value).or_default().push(occurrence);
                }
            }
            for (value, under) in groups {
                let suspect = Suspect {
                    kind: *kind,
                    value,
                    weight: *weight,
                    under,
                };
                all.extend(match kind {
                    CauseKind::Encoder => Some(self.alone(suspect)),
                    _ => self.shared(suspect),
                });
            }
        }
        all
    }

    /// An encoder is a good explanation unless others fell at the same moment.
    fn alone(&self, suspect: Suspect<'a>) -> RootCause {
        let began: Vec<_> = suspect.under.iter().map(|o| o.last_onset()).collect();
        let near = |other: &&&Occurrence| {
            let at = other.last_onset();
            let name = other.place.encoder_id.as_ref();
            name.is_some_and(|id| id.as_str() != suspect.value)
                && began.iter().any(|began| apart(at, *began) <= MOMENT)
        };
        let others = self.same.iter().filter(near);
        let others: BTreeSet<_> = others.map(|o| &o.place.encoder_id).collect();
        let repeats = suspect.under.iter().map(|o| o.count).max().unwrap_or(1);
        let confidence = 1.0 - 0.25 / f64::from(repeats.max(1));
        let score = suspect.weight * confidence / (others.len() + 1) as f64;
        let (pro, contra) = evidence::alone(&self.pattern.id, &suspect, others.len(), repeats);
        suspect.cause(&self.pattern.id, score, (1, 1), pro, contra)
    }

    /// A shared cause is a good explanation when it affects all whom it could affect, and nobody
    /// else is affected.
    fn shared(&self, suspect: Suspect<'a>) -> Option<RootCause> {
        let kind = suspect.kind;
        let exposed = self.population.exposed(kind, &suspect.value);
        let everybody = self.population.everybody(kind);
        let affected_by = |occurrences: &[&Occurrence]| -> BTreeSet<Unit> {
            let units = occurrences.iter().filter_map(|o| Unit::of(kind, &o.place));
            units.filter(|unit| everybody.contains(unit)).collect()
        };
        let inside = affected_by(&suspect.under).len();
        if inside < 2 || inside > exposed.len() {
            return None;
        }
        let affected = affected_by(self.same).len();
        let scale = evidence::Scale {
            inside,
            exposed: exposed.len(),
            outside: affected - inside,
            elsewhere: everybody.len() - exposed.len(),
            spread: spread(&suspect.under),
        };
        let coverage = inside as f64 / exposed.len() as f64;
        let specificity = inside as f64 / affected as f64;
        let confidence = 1.0 - 0.5_f64.powi(inside.min(60) as i32);
        let compared = scale.elsewhere > 0 || kind == CauseKind::Manager;
        let comparison = if compared { 1.0 } else { NO_COMPARISON };
        let moment = if scale.spread <= MOMENT {
            1.0
        } else {
            SPREAD_OUT
        };
        let score =
            suspect.weight * coverage * coverage * specificity * confidence * comparison * moment;
        let (pro, contra) = evidence::shared(&self.pattern.id, &suspect, &scale);
        let figures = (inside, exposed.len());
        Some(suspect.cause(&self.pattern.id, score, figures, pro, contra))
    }
}

impl Suspect<'_> {
    fn cause(
        self,
        pattern: &str,
        score: f64,
        (affected, exposed): (usize, usize),
        evidence_for: Vec<String>,
        evidence_against: Vec<String>,
    ) -> RootCause {
        let places = || self.under.iter().map(|o| &o.place);
        RootCause {
            cause: match self.value.as_str() {
                "" => self.kind.to_string(),
                value => format!("{}:{value}", self.kind),
            },
            kind: self.kind,
            score,
            scores: BTreeMap::from([(pattern.to_owned(), score)]),
            active: self.under.iter().any(|o| o.is_open()),
            affected,
            exposed,
            evidence_for,
            evidence_against,
            encoder_ids: places().filter_map(|p| p.encoder_id.clone()).collect(),
            stream_ids: places().filter_map(|p| p.stream_id.clone()).collect(),
            occurrences: self.under.iter().map(|o| o.number).collect(),
            value: self.value,
        }
    }
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

/// Time between the first and the last beginning.
pub(super) fn spread(occurrences: &[&Occurrence]) -> Duration {
    let onsets = || occurrences.iter().map(|o| o.last_onset());
    match (onsets().min(), onsets().max()) {
        (Some(first), Some(last)) => last.since(first),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
#[path = "cause/tests.rs"]
mod tests;
