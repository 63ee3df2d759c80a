//! The analysis as a whole, as clients get it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::actions::AutomatedAction;
use super::book::ErrorBook;
use super::cause::{RootCause, root_causes};
use super::correlate::{WINDOWS, Window, correlations};
use super::escalate::{Escalation, Escalations};
use super::facts::Facts;
use super::occurrence::Occurrence;
use super::pattern::Patterns;
use crate::model::{EncoderId, Severity, StreamId, Timestamp};

/// A pattern with occurrences that last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchedPattern {
    /// Its id.
    pub pattern: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub category: String,
    /// How bad.
    pub severity: Severity,
    /// What it does to the viewer or the operator.
    pub impact: String,
    /// Occurrences that last.
    pub open: usize,
    /// Since when the oldest lasts.
    pub since: Timestamp,
    /// The encoders concerned.
    pub encoder_ids: BTreeSet<EncoderId>,
    /// The streams concerned.
    pub stream_ids: BTreeSet<StreamId>,
}

/// Whom the errors that last concern.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Impact {
    /// Encoders.
    pub encoder_ids: BTreeSet<EncoderId>,
    /// Active streams with an error, or published by an encoder with one.
    pub stream_ids: BTreeSet<StreamId>,
    /// Active streams that should have a ready backup, and have none.
    pub unprotected_stream_ids: BTreeSet<StreamId>,
    /// How many viewers: always `None`, because the manager is not in the way of the media.
    pub viewers: Option<u64>,
}

/// What a person can do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuggestedAction {
    /// The pattern it is for.
    pub pattern: String,
    /// What to do.
    pub action: String,
}

/// Everything that is known about the errors of now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorAnalysis {
    /// When it was put together.
    pub timestamp: Timestamp,
    /// Patterns with errors that last, worst first.
    pub patterns: Vec<MatchedPattern>,
    /// What errors have in common, for each of [`WINDOWS`].
    pub correlations: Vec<Window>,
    /// Whom it concerns.
    pub impact: Impact,
    /// What is probably behind it, best first.
    pub root_causes: Vec<RootCause>,
    /// What to do, for the worst pattern first.
    pub suggested_actions: Vec<SuggestedAction>,
    /// What was done within the longest window, newest first.
    pub automated_actions: Vec<AutomatedAction>,
    /// What repeats too often.
    pub escalations: Vec<Escalation>,
}

impl ErrorAnalysis {
    /// Puts it together, but for the automated actions.
    pub(super) fn of(
        book: &ErrorBook,
        escalations: &Escalations,
        facts: &Facts,
        now: Timestamp,
    ) -> Self {
        let recent = book.recent(now, WINDOWS[0]);
        let longest = book.recent(now, WINDOWS[2]);
        let open: Vec<_> = book.open_now().collect();
        let patterns = matched(&open, book.patterns());
        Self {
            timestamp: now,
            suggested_actions: suggested(&patterns, book.patterns()),
            patterns,
            correlations: WINDOWS
                .iter()
                .map(|window| correlations(&longest, facts, *window, now))
                .collect(),
            impact: impact(&open, facts, book.patterns()),
            root_causes: root_causes(&recent, facts, book.patterns()),
            automated_actions: Vec::new(),
            escalations: escalations.standing().cloned().collect(),
        }
    }
}

fn matched(open: &[&Occurrence], known: &Patterns) -> Vec<MatchedPattern> {
    let mut groups: BTreeMap<&str, Vec<&Occurrence>> = BTreeMap::new();
    for occurrence in open {
        let group = groups.entry(occurrence.pattern.as_str()).or_default();
        group.push(occurrence);
    }
    let mut all: Vec<_> = groups
        .into_iter()
        .filter_map(|(id, group)| {
            let pattern = known.get(id)?;
            let places = || group.iter().map(|occurrence| &occurrence.place);
            Some(MatchedPattern {
                pattern: pattern.id.clone(),
                title: pattern.title.clone(),
                category: pattern.category.clone(),
                severity: pattern.severity,
                impact: pattern.impact.clone(),
                open: group.len(),
                since: group.iter().map(|occurrence| occurrence.first_seen).min()?,
                encoder_ids: places().filter_map(|p| p.encoder_id.clone()).collect(),
                stream_ids: places().filter_map(|p| p.stream_id.clone()).collect(),
            })
        })
        .collect();
    all.sort_by_key(|pattern| std::cmp::Reverse((pattern.severity, pattern.open)));
    all
}

fn suggested(matched: &[MatchedPattern], known: &Patterns) -> Vec<SuggestedAction> {
    let patterns = matched.iter().filter_map(|found| known.get(&found.pattern));
    patterns
        .flat_map(|pattern| {
            pattern
                .suggested_actions
                .iter()
                .map(|action| SuggestedAction {
                    pattern: pattern.id.clone(),
                    action: action.clone(),
                })
        })
        .collect()
}

/// What only follows from other trouble concerns its stream, and not the encoder on air.
fn impact(open: &[&Occurrence], facts: &Facts, known: &Patterns) -> Impact {
    let places = || open.iter().map(|occurrence| &occurrence.place);
    let own = |occurrence: &&&Occurrence| {
        let pattern = known.get(&occurrence.pattern);
        pattern.is_some_and(|pattern| !pattern.causes.is_empty())
    };
    let troubled = open.iter().filter(own).map(|occurrence| &occurrence.place);
    let encoder_ids: BTreeSet<_> = troubled.filter_map(|p| p.encoder_id.clone()).collect();
    let named: BTreeSet<_> = places().filter_map(|p| p.stream_id.as_ref()).collect();
    let streams = || facts.streams.iter();
    let concerned = |(id, stream): &(&StreamId, &super::facts::StreamFacts)| {
        named.contains(id) || encoder_ids.contains(&stream.encoder_id)
    };
    Impact {
        stream_ids: streams()
            .filter(concerned)
            .map(|(id, _)| id.clone())
            .collect(),
        unprotected_stream_ids: streams()
            .filter(|(_, stream)| stream.is_unprotected)
            .map(|(id, _)| id.clone())
            .collect(),
        encoder_ids,
        viewers: None,
    }
}
