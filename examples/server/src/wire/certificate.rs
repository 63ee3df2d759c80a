//! Certificates on the wire.

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{
    CertificateFacts, CertificateReport, ChainFault, NextRenewal, Observation, RenewalAttempt,
    RenewalOutcome, expiry_of,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{IssueDto, Time, name};
use crate::certificates::{OWN, Renewal};

/// Certificates that are looked at.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Certificates)]
pub struct CertificatesDto {
    /// When this was put together.
    pub timestamp: Time,
    /// One for each target, this server first.
    pub items: Vec<CertificateDto>,
}

impl CertificatesDto {
    /// The document of these reports.
    pub(crate) fn new(
        timestamp: Timestamp,
        reports: Vec<CertificateReport>,
        own: &Renewal,
    ) -> Self {
        let item = |report| CertificateDto::new(timestamp, report, own);
        Self {
            timestamp: timestamp.into(),
            items: reports.into_iter().map(item).collect(),
        }
    }
}

/// What a target presents.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateDto {
    /// `server` for this one, else host and port.
    pub target: String,
    /// When it was last looked at; `null` before the first time.
    pub checked_at: Option<Time>,
    /// Why it could not be looked at.
    pub error: Option<String>,
    /// Whether clients take it; `null` when it could not be looked at.
    pub valid: Option<bool>,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// Whole days until then, negative afterwards.
    pub days_left: Option<i64>,
    /// Whether a word of its issuer on revocation came along.
    pub ocsp_stapled: Option<bool>,
    /// The chain as it was presented, the server's own certificate first.
    pub chain: Vec<CertificateFactsDto>,
    /// Every reason why clients turn away.
    pub faults: Vec<CertificateFaultDto>,
    /// What is wrong, worst first.
    pub issues: Vec<IssueDto>,
    /// How it is renewed; `null` for other servers.
    pub renewal: Option<CertificateRenewalDto>,
}

impl CertificateDto {
    fn new(now: Timestamp, report: CertificateReport, own: &Renewal) -> Self {
        let chain = report.chain();
        let expires_at = chain.map(expiry_of);
        let days = |until: Timestamp| (until.as_millis() - now.as_millis()).div_euclid(86_400_000);
        let all = chain.map(|chain| std::iter::once(&chain.leaf).chain(&chain.others));
        let faults = chain.map_or(&[][..], |chain| &chain.faults);
        Self {
            checked_at: report.checked_at.map(Time),
            error: match &report.seen {
                Some(Observation::Failed(reason)) => Some(reason.clone()),
                _ => None,
            },
            valid: chain.map(|chain| chain.is_valid()),
            expires_at: expires_at.map(Time),
            days_left: expires_at.map(days),
            ocsp_stapled: chain.map(|chain| chain.is_ocsp_stapled),
            chain: all.into_iter().flatten().map(Into::into).collect(),
            faults: faults.iter().map(Into::into).collect(),
            issues: report.issues.iter().map(Into::into).collect(),
            renewal: (report.target == OWN).then(|| own.into()),
            target: report.target,
        }
    }
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CertificateFacts)]
pub struct CertificateFactsDto {
    /// Whom it names.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Host names and addresses it is for.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Time,
    /// Valid until.
    pub not_after: Time,
    /// Kind of its public key: `rsa`, `ec`, `ed25519`, or an object identifier.
    pub key: String,
    /// Size of that key; `null` where the kind has one size only.
    pub key_bits: Option<u32>,
    /// How it was signed.
    pub signature: String,
    /// Whether it vouches for itself.
    pub self_signed: bool,
    /// SHA-256 of its encoding, in hexadecimal.
    pub fingerprint: String,
}

impl From<&CertificateFacts> for CertificateFactsDto {
    fn from(facts: &CertificateFacts) -> Self {
        Self {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            names: facts.names.clone(),
            not_before: facts.not_before.into(),
            not_after: facts.not_after.into(),
            key: facts.key.name().to_owned(),
            key_bits: facts.key.bits(),
            signature: facts.signature.clone(),
            self_signed: facts.is_self_signed,
            fingerprint: facts.fingerprint.clone(),
        }
    }
}

/// Why clients turn away.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CertificateFault)]
pub struct CertificateFaultDto {
    /// `expired`, `not_yet_valid`, `wrong_host`, `self_signed`, `incomplete`, `untrusted`, `revoked`
    /// or `unusable`.
    pub fault: String,
    /// One line.
    pub reason: String,
}

impl From<&ChainFault> for CertificateFaultDto {
    fn from(fault: &ChainFault) -> Self {
        Self {
            fault: name(&fault.fault),
            reason: fault.reason.clone(),
        }
    }
}

/// How a certificate is renewed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CertificateRenewal)]
pub struct CertificateRenewalDto {
    /// Ways to renew it, the first tried first: `acme`, `certbot`.
    pub methods: Vec<String>,
    /// `never` without a way, `not_due`, `waiting` after a failure, `due` or `running`.
    pub state: String,
    /// When it is due or tried again; `null` when that is not known, or now.
    pub next_at: Option<Time>,
    /// The latest attempts, newest last.
    pub attempts: Vec<CertificateRenewalAttemptDto>,
}

impl From<&Renewal> for CertificateRenewalDto {
    fn from(renewal: &Renewal) -> Self {
        let (state, next_at) = match renewal.next {
            _ if renewal.is_running => ("running", None),
            NextRenewal::Never => ("never", None),
            NextRenewal::NotDue(at) => ("not_due", at),
            NextRenewal::Wait(until) => ("waiting", Some(until)),
            NextRenewal::Try(_) => ("due", None),
        };
        Self {
            methods: renewal.methods.iter().map(name).collect(),
            state: state.to_owned(),
            next_at: next_at.map(Time),
            attempts: renewal.attempts.iter().map(Into::into).collect(),
        }
    }
}

/// An attempt to renew a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CertificateRenewalAttempt)]
pub struct CertificateRenewalAttemptDto {
    /// When it began.
    pub at: Time,
    /// By what.
    pub method: String,
    /// `renewed`, `failed` or `rolled_back`.
    pub result: String,
    /// Why not; `null` when it succeeded.
    pub reason: Option<String>,
}

impl From<&RenewalAttempt> for CertificateRenewalAttemptDto {
    fn from(attempt: &RenewalAttempt) -> Self {
        let reason = match &attempt.outcome {
            RenewalOutcome::Renewed => None,
            RenewalOutcome::Failed(reason) | RenewalOutcome::RolledBack(reason) => Some(reason),
        };
        Self {
            at: attempt.at.into(),
            method: attempt.method.as_str().to_owned(),
            result: attempt.outcome.as_str().to_owned(),
            reason: reason.cloned(),
        }
    }
}
