//! What is wrong with a certificate. Pure.

use super::config::{ExpiryConfig, days};
use super::facts::{CertificateFacts, ChainFault, Fault, PresentedChain};
use crate::alerts::{CERTIFICATE, Standing};
use crate::model::{Issue, IssueCode, Severity, Timestamp, issue_code};

/// What a look at a target brought: a chain, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// What it presented.
    Presented(Box<PresentedChain>),
    /// It could not be asked; one line.
    Failed(String),
}

/// A target, and what is wrong with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateReport {
    /// Name of the target.
    pub target: String,
    /// What the last look brought; `None` before the first.
    pub seen: Option<Observation>,
    /// When that was.
    pub checked_at: Option<Timestamp>,
    /// What is wrong, worst first.
    pub issues: Vec<Issue>,
}

impl CertificateReport {
    /// The chain, if there is one.
    pub fn chain(&self) -> Option<&PresentedChain> {
        match &self.seen {
            Some(Observation::Presented(chain)) => Some(chain),
            _ => None,
        }
    }
}

/// Says what is wrong, worst first. `previous` is the fingerprint that was presented at the look
/// before, if there was one.
pub fn assess(
    seen: &Observation,
    previous: Option<&str>,
    config: &ExpiryConfig,
    now: Timestamp,
) -> Vec<Issue> {
    let chain = match seen {
        Observation::Presented(chain) => chain,
        Observation::Failed(reason) => {
            let message = format!("the certificate cannot be looked at: {reason}");
            let code = issue_code::CERTIFICATE_UNREACHABLE;
            return vec![Issue::new(code, Severity::Warning, message, now)];
        }
    };
    let mut issues: Vec<_> = chain
        .faults
        .iter()
        .map(|f| of_fault(f, chain, now))
        .collect();
    let leaf = &chain.leaf;
    // Dates speak for themselves, whatever stopped the validation first.
    let is_told = |code: &'static str| issues.iter().any(|issue| issue.code == code.into());
    if leaf.not_after <= now && !is_told(issue_code::CERTIFICATE_EXPIRED) {
        issues.push(over(leaf));
    }
    if leaf.not_after > now {
        issues.extend(expiring(chain, config, now));
    }
    issues.extend(weak(chain, now));
    issues.extend(changed(leaf, previous, now));
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    issues.dedup_by(|a, b| a.code == b.code);
    issues
}

/// When clients begin to turn away: the end of the leaf. What vouches for it may end earlier and
/// be replaced by another that was sent along, so that is told as an issue only.
pub const fn expiry_of(chain: &PresentedChain) -> Timestamp {
    chain.leaf.not_after
}

/// Issues with the moments since when they hold, as far as they held at the look before.
#[must_use]
pub fn since_before(mut issues: Vec<Issue>, before: &[Issue]) -> Vec<Issue> {
    for issue in &mut issues {
        if let Some(known) = before.iter().find(|known| known.code == issue.code) {
            issue.since = issue.since.min(known.since);
        }
    }
    issues
}

fn of_fault(fault: &ChainFault, chain: &PresentedChain, now: Timestamp) -> Issue {
    let code = match fault.fault {
        Fault::Expired => issue_code::CERTIFICATE_EXPIRED,
        Fault::NotYetValid => issue_code::CERTIFICATE_NOT_YET_VALID,
        Fault::WrongHost => issue_code::CERTIFICATE_WRONG_HOST,
        Fault::SelfSigned => issue_code::CERTIFICATE_SELF_SIGNED,
        Fault::Incomplete => issue_code::CERTIFICATE_INCOMPLETE,
        Fault::Untrusted => issue_code::CERTIFICATE_UNTRUSTED,
        Fault::Revoked => issue_code::CERTIFICATE_REVOKED,
        Fault::Unusable => issue_code::CERTIFICATE_UNUSABLE,
    };
    let message = format!("clients turn away: {}", fault.reason);
    Issue::new(code, Severity::Critical, message, now)
        .with_evidence([format!("fingerprint={}", chain.leaf.fingerprint)])
}

fn over(leaf: &CertificateFacts) -> Issue {
    let message = format!("clients turn away: it ended at {}", leaf.not_after);
    let code = issue_code::CERTIFICATE_EXPIRED;
    Issue::new(code, Severity::Critical, message, leaf.not_after)
}

/// The first threshold that is passed, of the leaf or of what vouches for it.
fn expiring(chain: &PresentedChain, config: &ExpiryConfig, now: Timestamp) -> Option<Issue> {
    let vouching = chain.others.iter().filter(|other| !other.is_self_signed);
    let ending = vouching.filter(|other| other.not_after > now);
    let first = ending.min_by_key(|other| other.not_after);
    let leaf = threshold(config, chain.leaf.not_after, now);
    let other = first.filter(|other| other.not_after < chain.leaf.not_after);
    let other = other.and_then(|other| Some((other, threshold(config, other.not_after, now)?)));
    let (whose, (severity, since), until) = match (leaf, other) {
        (Some(leaf), Some((other, found))) if found.0 > leaf.0 => {
            (format!("that of `{}`", other.subject), found, other)
        }
        (Some(leaf), _) => ("it".to_owned(), leaf, &chain.leaf),
        (None, Some((other, found))) => (format!("that of `{}`", other.subject), found, other),
        (None, None) => return None,
    };
    // Another one that was sent along may do as well.
    let severity = if std::ptr::eq(until, &raw const chain.leaf) {
        severity
    } else {
        severity.min(Severity::Warning)
    };
    let left = until.not_after.since(now).as_secs() / 86_400;
    let message = format!("{whose} ends in {left} days, at {}", until.not_after);
    let issue = Issue::new(issue_code::CERTIFICATE_EXPIRING, severity, message, since);
    Some(issue.with_evidence([format!("days_left={left}")]))
}

/// How bad, and since when.
fn threshold(
    config: &ExpiryConfig,
    until: Timestamp,
    now: Timestamp,
) -> Option<(Severity, Timestamp)> {
    let passed = |count: u32| until <= now.plus(days(count));
    let severity = if passed(config.critical_days) {
        Severity::Critical
    } else if passed(config.warning_days) {
        Severity::Warning
    } else if passed(config.info_days) {
        Severity::Info
    } else {
        return None;
    };
    let since = until.minus(days(config.info_days));
    Some((severity, since.min(now)))
}

fn weak(chain: &PresentedChain, now: Timestamp) -> Option<Issue> {
    let all = std::iter::once(&chain.leaf).chain(&chain.others);
    let mut found = all.filter_map(|facts| Some((facts, facts.weakness()?)));
    let (facts, weakness) = found.next()?;
    let message = format!("`{}`: {weakness}", facts.subject);
    let code = issue_code::CERTIFICATE_WEAK;
    Some(Issue::new(code, Severity::Warning, message, now))
}

fn changed(leaf: &CertificateFacts, previous: Option<&str>, now: Timestamp) -> Option<Issue> {
    let previous = previous.filter(|known| *known != leaf.fingerprint)?;
    let message = format!("another certificate is presented, by `{}`", leaf.issuer);
    let issue = Issue::new(
        issue_code::CERTIFICATE_CHANGED,
        Severity::Info,
        message,
        now,
    );
    Some(issue.with_evidence([
        format!("before={previous}"),
        format!("fingerprint={}", leaf.fingerprint),
    ]))
}

/// The alerts that should stand about these targets.
pub(crate) fn standing(reports: &[CertificateReport]) -> Vec<Standing> {
    let of = |report: &CertificateReport| {
        let about = format!("{CERTIFICATE}{}", report.target);
        let issues = report.issues.clone().into_iter();
        let alert = move |issue: Issue| Standing {
            about: about.clone(),
            category: "certificate",
            suggested_actions: advice(&issue.code),
            concerns: Vec::new(),
            issue,
        };
        issues.map(alert).collect::<Vec<_>>()
    };
    reports.iter().flat_map(of).collect()
}

fn advice(code: &IssueCode) -> Vec<String> {
    let lines: &[&str] = match code.as_str() {
        issue_code::CERTIFICATE_EXPIRING | issue_code::CERTIFICATE_EXPIRED => &[
            "Renew it: POST /api/monitoring/certificates/{target}/renew where the server does so.",
            "Look at the attempts of renewal for what failed.",
        ],
        issue_code::CERTIFICATE_RENEWAL_FAILED => &[
            "Look at the attempts of renewal for what the authority said.",
            "Check that port 80 of the server's name reaches the challenge listener.",
        ],
        issue_code::CERTIFICATE_INCOMPLETE => {
            &["Serve the full chain: the leaf first, then its intermediates."]
        }
        issue_code::CERTIFICATE_WRONG_HOST => {
            &["Get a certificate for the name that clients use, or correct `server_name`."]
        }
        issue_code::CERTIFICATE_SELF_SIGNED | issue_code::CERTIFICATE_UNTRUSTED => {
            &["Name the trusted root in `trust`, or get a certificate of an authority."]
        }
        issue_code::CERTIFICATE_NOT_YET_VALID => &["Check the clocks of both machines."],
        issue_code::CERTIFICATE_UNREACHABLE => &["Check that the address is right and speaks TLS."],
        _ => &[],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}
