//! Raising what repeats, once for each cause. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::cause::{CauseKind, RootCause};
use super::config::ErrorsConfig;
use super::occurrence::Occurrence;
use super::pattern::Patterns;
use crate::model::{EncoderId, Severity, StreamId, Timestamp};

/// A candidate explains errors from this score on.
const CREDIBLE: f64 = 0.3;
/// A site is suspected publicly from this score on.
const SITE_SUSPECT: f64 = 0.5;
/// After so many times `settle` an escalation does not wait for quiet any more.
const SETTLE_LIMIT: u32 = 5;
/// Failed recoveries that are remembered.
const KEPT_RECOVERIES: usize = 1000;

/// A failover or a repair in place that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRecovery {
    /// When.
    pub at: Timestamp,
    /// The stream that was to be recovered.
    pub stream_id: StreamId,
    /// The encoders that took part.
    pub encoder_ids: Vec<EncoderId>,
}

/// Errors that are too many to be left to themselves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Escalation {
    /// The cause as in [`RootCause`]; `pattern:…` or `stream:…` when errors have no common one.
    pub cause: String,
    /// How bad.
    pub severity: Severity,
    /// Similar errors in the window, of the pattern that has most.
    pub similar_errors: u32,
    /// Recoveries that failed.
    pub failed_recoveries: u32,
    /// The patterns concerned.
    pub patterns: BTreeSet<String>,
    /// Since when it is escalated.
    pub since: Timestamp,
    /// One line for people.
    pub message: String,
    /// Numbers of the occurrences.
    pub occurrences: BTreeSet<u64>,
}

/// A site that is the most credible cause of errors that last.
#[derive(Clone, Debug, PartialEq)]
pub struct SuspectedSite {
    /// The site as a cause.
    pub cause: RootCause,
    /// Since when it is suspected.
    pub since: Timestamp,
}

/// Errors that belong together, and may be too many.
#[derive(Debug, Default)]
struct Heap<'a> {
    occurrences: Vec<&'a Occurrence>,
    failed: u32,
    last_failed: Option<Timestamp>,
}

impl Heap<'_> {
    fn take(&mut self, failed: &FailedRecovery) -> bool {
        self.failed += 1;
        self.last_failed = self.last_failed.max(Some(failed.at));
        true
    }
}

/// What is escalated now.
#[derive(Debug)]
pub struct Escalations {
    config: ErrorsConfig,
    standing: BTreeMap<String, Escalation>,
    suspected: BTreeMap<String, SuspectedSite>,
    failed: VecDeque<FailedRecovery>,
}

impl Escalations {
    /// None yet.
    pub fn new(config: ErrorsConfig) -> Self {
        Self {
            config,
            standing: BTreeMap::new(),
            suspected: BTreeMap::new(),
            failed: VecDeque::new(),
        }
    }

    /// Takes a failed recovery.
    pub fn note_failed(&mut self, recovery: FailedRecovery) {
        if self.failed.len() >= KEPT_RECOVERIES {
            self.failed.pop_front();
        }
        self.failed.push_back(recovery);
    }

    /// What is escalated, by cause.
    pub fn standing(&self) -> impl Iterator<Item = &Escalation> {
        self.standing.values()
    }

    /// Sites that are the most credible cause of errors that last.
    pub fn suspected_sites(&self) -> impl Iterator<Item = &SuspectedSite> {
        self.suspected.values()
    }

    /// Whether there is nothing to look after.
    pub fn is_idle(&self) -> bool {
        self.standing.is_empty() && self.suspected.is_empty() && self.failed.is_empty()
    }

    /// Looks at the occurrences of the window and their candidate causes, best first.
    pub fn evaluate(
        &mut self,
        causes: &[RootCause],
        recent: &[&Occurrence],
        patterns: &Patterns,
        now: Timestamp,
    ) {
        let earliest = now.minus(self.config.recovery_window);
        self.failed.retain(|failed| failed.at >= earliest);
        self.end_calm(recent, now);
        let (heaps, sites) = self.heaps(causes, recent, patterns);
        for (cause, heap) in &heaps {
            self.weigh(cause, heap, patterns, now);
        }
        self.suspect(&sites, recent, now);
    }

    /// Sorts every error to its most credible cause.
    fn heaps<'a, 'c>(
        &self,
        causes: &'c [RootCause],
        recent: &[&'a Occurrence],
        patterns: &Patterns,
    ) -> (Vec<(String, Heap<'a>)>, Vec<&'c RootCause>) {
        let mut left: BTreeMap<u64, &Occurrence> = recent.iter().map(|o| (o.number, *o)).collect();
        let mut own: BTreeMap<usize, Vec<&Occurrence>> = BTreeMap::new();
        for occurrence in recent {
            if let Some(place) = most_credible(causes, occurrence) {
                left.remove(&occurrence.number);
                own.entry(place).or_default().push(occurrence);
            }
        }
        let mut failed: Vec<_> = self.failed.iter().collect();
        let (mut heaps, mut sites) = (Vec::new(), Vec::new());
        for (place, occurrences) in own {
            let cause = &causes[place];
            let mut heap = Heap {
                occurrences,
                ..Heap::default()
            };
            failed.retain(|failed| !(concerns(cause, failed) && heap.take(failed)));
            if cause.kind == CauseKind::Site && cause.score >= SITE_SUSPECT {
                sites.push(cause);
            }
            heaps.push((cause.cause.clone(), heap));
        }
        heaps.extend(self.without_cause(&left, &failed, &heaps, patterns));
        (heaps, sites)
    }

    /// What repeats without a common cause: by pattern, and by stream.
    fn without_cause<'a>(
        &self,
        left: &BTreeMap<u64, &'a Occurrence>,
        failed: &[&FailedRecovery],
        explained: &[(String, Heap<'a>)],
        patterns: &Patterns,
    ) -> Vec<(String, Heap<'a>)> {
        let mut heaps: BTreeMap<String, Heap<'a>> = BTreeMap::new();
        let known = patterns.by_id();
        // An encoder alone is no reason to think that three of them have nothing in common.
        let alone = explained
            .iter()
            .filter(|(cause, _)| cause.starts_with("encoder:"));
        let alone = alone.flat_map(|(_, heap)| heap.occurrences.iter().copied());
        for occurrence in left.values().copied().chain(alone) {
            let id = occurrence.pattern.as_str();
            if known.get(id).is_some_and(|p| !p.causes.is_empty()) {
                let heap = heaps.entry(format!("pattern:{id}")).or_default();
                heap.occurrences.push(occurrence);
            }
        }
        for failed in failed {
            let heap = heaps
                .entry(format!("stream:{}", failed.stream_id))
                .or_default();
            heap.take(failed);
        }
        heaps.into_iter().collect()
    }

    fn weigh(&mut self, cause: &str, heap: &Heap<'_>, patterns: &Patterns, now: Timestamp) {
        let Some((severity, similar)) = self.verdict(heap, patterns, now) else {
            return;
        };
        let numbers: BTreeSet<_> = heap.occurrences.iter().map(|o| o.number).collect();
        let (message, since) = (describe(cause, similar, heap), now);
        if let Some(known) = self.standing.get_mut(cause) {
            known.severity = known.severity.max(severity);
            (known.similar_errors, known.failed_recoveries) = (similar, heap.failed);
            known.message = message;
            known.patterns.extend(names(heap));
            known.occurrences.extend(numbers);
            return;
        }
        let covered = |known: &Escalation| numbers.is_subset(&known.occurrences);
        if !numbers.is_empty() && self.standing.values().any(covered) {
            return;
        }
        // A wider cause takes over what a narrower one was blamed for.
        self.standing.retain(|_, known| {
            let shared = known.occurrences.intersection(&numbers).count();
            known.occurrences.is_empty() || shared * 2 < known.occurrences.len()
        });
        let escalation = Escalation {
            cause: cause.to_owned(),
            severity,
            similar_errors: similar,
            failed_recoveries: heap.failed,
            patterns: names(heap).collect(),
            since,
            message,
            occurrences: numbers,
        };
        self.standing.insert(cause.to_owned(), escalation);
    }

    /// Whether it is too much, how bad then, and how many similar errors there are.
    fn verdict(
        &self,
        heap: &Heap<'_>,
        patterns: &Patterns,
        now: Timestamp,
    ) -> Option<(Severity, u32)> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for occurrence in &heap.occurrences {
            let onsets = occurrence.onsets_within(now, self.config.similar_window);
            *counts.entry(&occurrence.pattern).or_default() += onsets;
        }
        let similar = counts.values().copied().max().unwrap_or(0);
        let failing = heap
            .last_failed
            .is_some_and(|at| now.since(at) < self.config.calm);
        if failing && heap.failed >= self.config.failed_recoveries.max(1) {
            return Some((Severity::Critical, similar));
        }
        let lasting = self.is_fresh(&heap.occurrences, now);
        if !lasting || !self.is_settled(&heap.occurrences, now) {
            return None;
        }
        let known = patterns.by_id();
        let too_many = counts.iter().filter_map(|(id, count)| {
            let pattern = known.get(id)?;
            let limit = pattern.escalate.similar_errors;
            let limit = limit.unwrap_or(self.config.similar_errors);
            let severity = pattern.escalate.severity;
            let severity = severity.unwrap_or_else(|| raised(pattern.severity));
            (limit > 0 && *count >= limit).then_some(severity)
        });
        too_many.max().map(|severity| (severity, similar))
    }

    /// Whether no more of it seems to be coming.
    fn is_settled(&self, occurrences: &[&Occurrence], now: Timestamp) -> bool {
        let onsets = || occurrences.iter().map(|o| o.last_onset());
        let quiet = onsets().max().map(|last| now.since(last));
        let begun = onsets().min().map(|first| now.since(first));
        quiet.is_some_and(|quiet| quiet >= self.config.settle)
            || begun.is_some_and(|begun| begun >= self.config.settle * SETTLE_LIMIT)
    }

    fn is_fresh(&self, occurrences: &[&Occurrence], now: Timestamp) -> bool {
        let mut all = occurrences.iter();
        all.any(|occurrence| occurrence.is_recent(now, self.config.calm))
    }

    fn end_calm(&mut self, recent: &[&Occurrence], now: Timestamp) {
        let calm = self.config.calm;
        let known: BTreeMap<_, _> = recent.iter().map(|o| (o.number, *o)).collect();
        let last_failed = self.failed.back().map(|failed| failed.at);
        self.standing.retain(|_, escalation| {
            let own = escalation.occurrences.iter();
            let mut own = own.filter_map(|number| known.get(number));
            let failing = escalation.failed_recoveries >= self.config.failed_recoveries
                && last_failed.is_some_and(|at| now.since(at) < calm);
            failing || own.any(|occurrence| occurrence.is_recent(now, calm))
        });
    }

    fn suspect(&mut self, sites: &[&RootCause], recent: &[&Occurrence], now: Timestamp) {
        let known: BTreeMap<_, _> = recent.iter().map(|o| (o.number, *o)).collect();
        let holds = |site: &&&RootCause| {
            let own = site
                .occurrences
                .iter()
                .filter_map(|n| known.get(n).copied());
            let own: Vec<_> = own.collect();
            let was = self.suspected.contains_key(&site.cause);
            site.active && (was || self.is_settled(&own, now))
        };
        let found = sites.iter().filter(holds).map(|site| {
            let before = self.suspected.get(&site.cause);
            let suspected = SuspectedSite {
                cause: (*site).clone(),
                since: before.map_or(now, |before| before.since),
            };
            (site.cause.clone(), suspected)
        });
        self.suspected = found.collect();
    }
}

/// Where the cause is that explains the occurrence best, if any does.
fn most_credible(causes: &[RootCause], occurrence: &Occurrence) -> Option<usize> {
    let score = |cause: &RootCause| cause.scores.get(&occurrence.pattern).copied();
    let mut best: Option<(usize, f64)> = None;
    for (place, cause) in causes.iter().enumerate() {
        let explains = cause.occurrences.contains(&occurrence.number);
        let score = score(cause).filter(|score| explains && *score >= CREDIBLE);
        if let Some(score) = score.filter(|score| best.is_none_or(|(_, best)| *score > best)) {
            best = Some((place, score));
        }
    }
    best.map(|(place, _)| place)
}

fn concerns(cause: &RootCause, failed: &FailedRecovery) -> bool {
    let mut encoders = failed.encoder_ids.iter();
    cause.stream_ids.contains(&failed.stream_id)
        || encoders.any(|encoder| cause.encoder_ids.contains(encoder))
}

fn names(heap: &Heap<'_>) -> impl Iterator<Item = String> {
    heap.occurrences.iter().map(|o| o.pattern.clone())
}

fn describe(cause: &str, similar: u32, heap: &Heap<'_>) -> String {
    let patterns: BTreeSet<_> = heap
        .occurrences
        .iter()
        .map(|o| o.pattern.as_str())
        .collect();
    let patterns: Vec<_> = patterns.into_iter().collect();
    let what = match (similar, heap.failed) {
        (_, 0) => format!("{similar} similar errors"),
        (0, failed) => format!("{failed} failed recoveries"),
        (_, failed) => format!("{similar} similar errors and {failed} failed recoveries"),
    };
    match cause.split_once(':') {
        Some(("pattern", pattern)) => format!("{what} ({pattern}) without a common cause"),
        Some(("stream", stream)) => format!("{what} of stream {stream}"),
        _ => format!(
            "{what} ({}); most likely behind them: {cause}",
            patterns.join(", ")
        ),
    }
}

const fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::Info => Severity::Warning,
        Severity::Warning | Severity::Critical => Severity::Critical,
    }
}

#[cfg(test)]
#[path = "escalate_tests.rs"]
mod tests;
