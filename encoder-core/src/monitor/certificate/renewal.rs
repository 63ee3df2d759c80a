//! When a certificate is renewed, and by what. Pure.

use serde::{Deserialize, Serialize};

use super::config::{RenewalConfig, RenewalMethod, days};
use crate::model::{Issue, Severity, Timestamp, issue_code};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum RenewalOutcome {
    /// The new certificate is served.
    Renewed,
    /// No new certificate, or none that will do; the old one is served.
    Failed(String),
    /// The new certificate was served, did not work, and the old one is served again.
    RolledBack(String),
}

impl RenewalOutcome {
    /// The wire name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Failed(_) => "failed",
            Self::RolledBack(_) => "rolled_back",
        }
    }
}

/// An attempt that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalAttempt {
    /// When it began.
    pub at: Timestamp,
    /// By what.
    pub method: RenewalMethod,
    /// How it ended.
    pub outcome: RenewalOutcome,
}

/// Everything the plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct RenewalFacts<'a> {
    /// Settings.
    pub config: &'a RenewalConfig,
    /// The life of what is served; `None` when it is not known.
    pub life: Option<(Timestamp, Timestamp)>,
    /// When somebody asked for it last.
    pub asked_at: Option<Timestamp>,
    /// Attempts so far, oldest first.
    pub past: &'a [RenewalAttempt],
    /// The present moment.
    pub now: Timestamp,
}

/// What to do about renewing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextRenewal {
    /// Nothing is set up to renew it.
    Never,
    /// Nothing before this moment; `None` when the end of the certificate is not known.
    NotDue(Option<Timestamp>),
    /// It is due, and tried again then.
    Wait(Timestamp),
    /// Try this now.
    Try(RenewalMethod),
}

/// Plans. Due by date, or because somebody asked; then each method is tried once, in order, and
/// after a wait that doubles all of them again. A request of a person is tried at once, and once
/// by each method. In no window are there more attempts than the settings allow.
pub fn plan(facts: &RenewalFacts<'_>) -> NextRenewal {
    let RenewalConfig { methods, .. } = facts.config;
    if methods.is_empty() {
        return NextRenewal::Never;
    }
    let due = facts
        .life
        .map(|(from, until)| due(facts.config, from, until));
    let renewed = |attempt: &RenewalAttempt| attempt.outcome == RenewalOutcome::Renewed;
    let last = facts.past.iter().rposition(renewed);
    let failed = &facts.past[last.map_or(0, |index| index + 1)..];
    let asked_at = facts.asked_at.filter(|asked| {
        let done = last.map(|index| facts.past[index].at);
        done.is_none_or(|done| done < *asked)
    });
    let since = |start: Timestamp| failed.iter().filter(|a| a.at >= start).count();
    let asked_for = asked_at.map(since).filter(|tried| *tried < methods.len());
    let is_due = due.is_some_and(|due| due <= facts.now);
    let tried = match asked_for {
        Some(tried) => tried,
        None if is_due => failed.len(),
        None => return NextRenewal::NotDue(due),
    };
    let mut from = allowed(facts);
    // Within a round, and for a person, there is nothing to wait for.
    if asked_for.is_none() && tried > 0 && tried.is_multiple_of(methods.len()) {
        let round = u32::try_from(tried / methods.len()).unwrap_or(u32::MAX);
        from = from.max(failed[tried - 1].at.plus(wait(facts.config, round)));
    }
    if from > facts.now {
        return NextRenewal::Wait(from);
    }
    NextRenewal::Try(methods[tried % methods.len()])
}

/// When a certificate of this life is renewed.
fn due(config: &RenewalConfig, from: Timestamp, until: Timestamp) -> Timestamp {
    let third = until.since(from) / 3;
    until.minus(days(config.before_days).min(third))
}

/// The wait after so many rounds.
fn wait(config: &RenewalConfig, round: u32) -> std::time::Duration {
    let factor = 2_u32.saturating_pow(round.saturating_sub(1));
    config
        .back_off
        .saturating_mul(factor)
        .min(config.max_back_off)
}

/// From when on the window has room for one more attempt.
fn allowed(facts: &RenewalFacts<'_>) -> Timestamp {
    let count = usize::try_from(facts.config.max_attempts.max(1)).unwrap_or(usize::MAX);
    match facts.past.len().checked_sub(count) {
        Some(index) => facts.past[index].at.plus(facts.config.window),
        None => Timestamp::default(),
    }
}

/// What is wrong with renewing: the last attempt failed, and how often it did in a row.
pub fn trouble(past: &[RenewalAttempt]) -> Option<Issue> {
    let failed = |attempt: &&RenewalAttempt| attempt.outcome != RenewalOutcome::Renewed;
    let row: Vec<_> = past.iter().rev().take_while(failed).collect();
    let (last, first) = (row.first()?, row.last()?);
    let reason = match &last.outcome {
        RenewalOutcome::Failed(reason) | RenewalOutcome::RolledBack(reason) => reason,
        RenewalOutcome::Renewed => return None,
    };
    let (count, method) = (row.len(), last.method.as_str());
    let message = format!("not renewed in {count} attempts, the last by {method}: {reason}");
    let code = issue_code::CERTIFICATE_RENEWAL_FAILED;
    Some(Issue::new(code, Severity::Warning, message, first.at))
}
