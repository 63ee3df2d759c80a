//! How the findings of [`DirectPolicy`](super::DirectPolicy) add up.

use std::time::{Duration, Instant};

use super::History;
use crate::model::{Assessment, Health, Issue, IssueCode, Severity, Verdict};

/// What an issue about stream, input or an alarm costs.
const CRITICAL_PENALTY: f64 = 30.0;
const WARNING_PENALTY: f64 = 10.0;
/// The best score of an encoder that does not do its job, however cool and idle it is.
const FAILING_CAP: f64 = 20.0;

/// An assessment in the making.
pub(super) struct Report<'a> {
    pub(super) history: &'a History,
    now: Instant,
    pub(super) intended_since: Option<Instant>,
    pub(super) assessment: Assessment,
    penalty: f64,
}

impl<'a> Report<'a> {
    pub(super) fn new(history: &'a History, now: Instant) -> Self {
        Self {
            history,
            now,
            intended_since: history.publishing_intended_since(),
            assessment: Assessment::default(),
            penalty: 0.0,
        }
    }

    /// Makes the verdict at least this bad.
    pub(super) fn verdict(&mut self, verdict: Verdict) {
        self.assessment.verdict = self.assessment.verdict.max(verdict);
    }

    /// Notes an issue; without a known beginning it begins now.
    pub(super) fn raise(
        &mut self,
        code: impl Into<IssueCode>,
        severity: Severity,
        since: Option<Instant>,
        message: impl Into<String>,
    ) {
        let since = self.history.wall(since.unwrap_or(self.now));
        let issue = Issue::new(code, severity, message, since);
        self.assessment.issues.push(issue);
    }

    pub(super) fn raise_with_penalty(
        &mut self,
        code: impl Into<IssueCode>,
        severity: Severity,
        since: Option<Instant>,
        message: impl Into<String>,
    ) {
        self.penalty += match severity {
            Severity::Info => 0.0,
            Severity::Warning => WARNING_PENALTY,
            Severity::Critical => CRITICAL_PENALTY,
        };
        self.raise(code, severity, since, message);
    }

    pub(super) fn fail(
        &mut self,
        code: impl Into<IssueCode>,
        since: Option<Instant>,
        message: impl Into<String>,
    ) {
        self.raise_with_penalty(code, Severity::Critical, since, message);
        self.verdict(Verdict::Failing);
    }

    pub(super) fn wear(
        &mut self,
        code: impl Into<IssueCode>,
        since: Option<Instant>,
        message: impl Into<String>,
    ) {
        self.raise_with_penalty(code, Severity::Warning, since, message);
        self.verdict(Verdict::Worn);
    }

    pub(super) fn lasts(&self, since: Option<Instant>, span: Duration) -> bool {
        since.is_some_and(|since| self.now.saturating_duration_since(since) >= span)
    }

    /// Whether something has lasted for `span` while the encoder was meant to be on air.
    pub(super) fn is_lasting_on_air(&self, since: Instant, span: Duration) -> bool {
        self.intended_since
            .is_some_and(|intended| self.lasts(Some(since.max(intended)), span))
    }

    pub(super) fn conclude(mut self, mean: Option<f64>) -> Assessment {
        let cap = match self.assessment.verdict {
            Verdict::Failing => FAILING_CAP,
            _ => Health::MAX.value(),
        };
        self.assessment.health = mean.map(|mean| Health::new((mean - self.penalty).min(cap)));
        self.assessment
            .issues
            .sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        self.assessment
    }
}
