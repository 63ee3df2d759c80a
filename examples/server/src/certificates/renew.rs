//! Renews the certificate that this server serves, as planned.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{
    NextRenewal, RenewalAttempt, RenewalFacts, RenewalMethod, RenewalOutcome, plan,
};
use encoder_core::{Error, ErrorKind, Result};

use super::own::Own;
use super::watch::{Certificates, OWN};
use super::{acme, certbot};
use crate::state::AppState;

/// The longest time between looks at the plan; the files may be changed from outside.
const PLAN_EVERY: Duration = Duration::from_secs(600);

/// What is known of renewing the certificate of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Ways to renew it.
    pub(crate) methods: Vec<RenewalMethod>,
    /// What comes next.
    pub(crate) next: NextRenewal,
    /// Whether an attempt is under way.
    pub(crate) is_running: bool,
    /// Attempts so far, oldest first.
    pub(crate) attempts: Vec<RenewalAttempt>,
}

impl Certificates {
    /// Asks for a renewal now, whatever the date.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Unsupported`] when nothing can renew it;
    /// [`ErrorKind::Conflict`] when an attempt is under way.
    pub(crate) fn ask_for_renewal(&self, target: &str, now: Timestamp) -> Result<()> {
        let refuse = |kind, message: &'static str| {
            Err(Error::new(kind, message).with_context("target", target))
        };
        if !self.targets().contains(&target) {
            return refuse(ErrorKind::NotFound, "no such certificate is looked at");
        }
        let can_renew = !self.config().renewal.methods.is_empty();
        if target != OWN || !can_renew || self.own().is_none() {
            let message = "nothing is configured to renew this certificate";
            return refuse(ErrorKind::Unsupported, message);
        }
        if self.renewal().is_running {
            return refuse(
                ErrorKind::Conflict,
                "the certificate is being renewed already",
            );
        }
        *self.asked_at() = Some(now);
        self.wake().notify_one();
        Ok(())
    }
}

/// Renews as planned, for ever.
pub(crate) async fn renew(state: AppState, own: Arc<Own>) {
    let certificates = state.certificates().clone();
    let clock = state.manager().clock().clone();
    loop {
        let asked_at = *certificates.asked_at();
        let leaf = own.served().leaf.clone();
        let attempts = certificates.kept(OWN, &state).await.attempts;
        let now = clock.now();
        let next = plan(&RenewalFacts {
            config: &certificates.config().renewal,
            life: Some((leaf.not_before, leaf.not_after)),
            asked_at,
            past: &attempts,
            now,
        });
        let wait = match &next {
            NextRenewal::Try(_) => Duration::ZERO,
            NextRenewal::Wait(until) | NextRenewal::NotDue(Some(until)) => until.since(now),
            NextRenewal::NotDue(None) | NextRenewal::Never => PLAN_EVERY,
        };
        certificates.plan_is(next.clone(), attempts);
        if let NextRenewal::Try(method) = next {
            attempt(&certificates, &own, method, &state).await;
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(wait.min(PLAN_EVERY)) => {}
            () = certificates.wake().notified() => {}
        }
    }
}

/// Tries once, and records how it ended.
async fn attempt(certificates: &Certificates, own: &Own, method: RenewalMethod, state: &AppState) {
    let at = state.manager().clock().now();
    certificates.is_renewing(true);
    tracing::info!(method = method.as_str(), "renewing the certificate");
    let outcome = match obtain(certificates, own, method, state).await {
        Err(reason) => RenewalOutcome::Failed(reason),
        Ok(pair) => {
            let now = state.manager().clock().now();
            own.replace(pair, now, || certificates.look_at_own(now))
                .await
        }
    };
    match &outcome {
        RenewalOutcome::Renewed => {
            let until = own.served().leaf.not_after;
            tracing::info!(method = method.as_str(), %until, "the certificate is renewed");
        }
        RenewalOutcome::Failed(reason) | RenewalOutcome::RolledBack(reason) => {
            let (method, result) = (method.as_str(), outcome.as_str());
            tracing::warn!(method, result, reason, "the certificate is not renewed");
        }
    }
    state.manager().count_renewal(OWN, &outcome);
    let ended = RenewalAttempt {
        at,
        method,
        outcome,
    };
    certificates.record(ended, state).await;
    certificates.is_renewing(false);
    certificates.look_at_all(state).await;
}

async fn obtain(
    certificates: &Certificates,
    own: &Own,
    method: RenewalMethod,
    state: &AppState,
) -> std::result::Result<super::pair::Pair, String> {
    let config = certificates.config();
    let missing = || format!("certificates.{} is not configured", method.as_str());
    match method {
        RenewalMethod::Acme => {
            let acme = config.acme.as_ref().ok_or_else(missing)?;
            let (names, data) = (&own.tls().names, &state.config().data);
            acme::order(acme, names, data, certificates.challenges()).await
        }
        RenewalMethod::Certbot => {
            let certbot = config.certbot.as_ref().ok_or_else(missing)?;
            certbot::renew(certbot).await
        }
    }
}
