//! How the findings of [`DirectPolicy`](super::DirectPolicy) add up.

use std::time::{Duration, Instant};

use super::History;
use super::score::weighted_mean;
use crate::model::{
    AlarmCategory, Assessment, Evidence, Health, Issue, IssueCode, Severity, SubScores, Verdict,
};

/// What an issue about stream, input or an alarm costs.
const CRITICAL_PENALTY: f64 = 30.0;
const WARNING_PENALTY: f64 = 10.0;
/// The best score of an encoder that does not do its job, however cool and idle it is.
const FAILING_CAP: f64 = 20.0;

/// Which sub-score an issue is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    System,
    Stream,
    Storage,
}

impl From<AlarmCategory> for Part {
    fn from(category: AlarmCategory) -> Self {
        match category {
            AlarmCategory::Storage => Self::Storage,
            AlarmCategory::System | AlarmCategory::Thermal => Self::System,
            _ => Self::Stream,
        }
    }
}

/// Scores before deductions, as far as there is anything to judge.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scores {
    pub(super) stream: Option<f64>,
    pub(super) system: Option<f64>,
    pub(super) storage: Option<f64>,
}

/// A percentage or temperature for a message, rounded.
pub(super) fn whole(value: f64) -> String {
    let rounded = value.round();
    if !(0.0..1e15).contains(&rounded) {
        return format!("{value:.0}");
    }
    itoa::Buffer::new().format(rounded as u64).to_owned()
}

/// An assessment in the making.
pub(super) struct Report<'a> {
    pub(super) history: &'a History,
    now: Instant,
    pub(super) intended_since: Option<Instant>,
    pub(super) assessment: Assessment,
    deductions: [f64; 3],
}

impl<'a> Report<'a> {
    pub(super) fn new(history: &'a History, now: Instant) -> Self {
        Self {
            history,
            now,
            intended_since: history.publishing_intended_since(),
            assessment: Assessment::default(),
            deductions: [0.0; 3],
        }
    }

    /// Makes the verdict at least this bad.
    pub(super) fn verdict(&mut self, verdict: Verdict) {
        self.assessment.verdict = self.assessment.verdict.max(verdict);
    }

    /// Notes an issue, and gives it out for its evidence; without a known beginning it begins now.
    pub(super) fn raise(
        &mut self,
        code: impl Into<IssueCode>,
        severity: Severity,
        since: Option<Instant>,
        message: impl Into<String>,
    ) -> &mut Vec<Evidence> {
        let since = self.history.wall(since.unwrap_or(self.now));
        let issue = Issue::new(code, severity, message, since);
        let issues = &mut self.assessment.issues;
        if issues.capacity() == 0 {
            // Troubles come in company.
            issues.reserve(12);
        }
        issues.push(issue);
        &mut issues.last_mut().expect("just pushed").evidence
    }

    pub(super) fn raise_with_penalty(
        &mut self,
        part: Part,
        code: impl Into<IssueCode>,
        severity: Severity,
        since: Option<Instant>,
        message: impl Into<String>,
    ) -> &mut Vec<Evidence> {
        self.deductions[part as usize] += match severity {
            Severity::Info => 0.0,
            Severity::Warning => WARNING_PENALTY,
            Severity::Critical => CRITICAL_PENALTY,
        };
        self.raise(code, severity, since, message)
    }

    /// Notes a failure of the stream.
    pub(super) fn fail(
        &mut self,
        code: impl Into<IssueCode>,
        since: Option<Instant>,
        message: impl Into<String>,
    ) -> &mut Vec<Evidence> {
        self.verdict(Verdict::Failing);
        self.raise_with_penalty(Part::Stream, code, Severity::Critical, since, message)
    }

    /// Notes a weakness of the stream.
    pub(super) fn wear(
        &mut self,
        code: impl Into<IssueCode>,
        since: Option<Instant>,
        message: impl Into<String>,
    ) -> &mut Vec<Evidence> {
        self.verdict(Verdict::Worn);
        self.raise_with_penalty(Part::Stream, code, Severity::Warning, since, message)
    }

    /// How long something has lasted, as evidence.
    pub(super) fn lasted(&self, since: Option<Instant>) -> Option<Evidence> {
        let span = self.now.saturating_duration_since(since?);
        Some(Evidence::Figure("lasted_seconds", span.as_secs_f64()))
    }

    pub(super) fn lasts(&self, since: Option<Instant>, span: Duration) -> bool {
        since.is_some_and(|since| self.now.saturating_duration_since(since) >= span)
    }

    /// Whether something has lasted for `span` while the encoder was meant to be on air.
    pub(super) fn is_lasting_on_air(&self, since: Instant, span: Duration) -> bool {
        self.intended_since
            .is_some_and(|intended| self.lasts(Some(since.max(intended)), span))
    }

    pub(super) fn conclude(mut self, scores: Scores) -> Assessment {
        let cap = match self.assessment.verdict {
            Verdict::Failing => FAILING_CAP,
            _ => Health::MAX.value(),
        };
        let mean = weighted_mean([
            (0.5, scores.stream),
            (0.3, scores.system),
            (0.2, scores.storage),
        ]);
        let deductions: f64 = self.deductions.iter().sum();
        self.assessment.health = mean.map(|mean| Health::new((mean - deductions).min(cap)));
        let part = |part: Part, score: Option<f64>| {
            score.map(|score| Health::new(score - self.deductions[part as usize]))
        };
        self.assessment.parts = SubScores {
            system: part(Part::System, scores.system),
            stream: part(Part::Stream, scores.stream),
            storage: part(Part::Storage, scores.storage),
            connection: None,
        };
        self.assessment
            .issues
            .sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        self.assessment
    }
}
