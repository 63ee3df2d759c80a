//! Looks at every target again and again, and keeps what it saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{
    CertificateReport, NextRenewal, Observation, RenewalAttempt, assess, since_before, trouble,
};
use tokio::sync::Notify;

use super::acme::Challenges;
use super::kept::Kept;
use super::own::Own;
use super::probe::{Address, Question, look};
use super::renew::Renewal;
use crate::config::CertificatesConfig;
use crate::state::AppState;

/// Name of the target that is this server itself.
pub(crate) const OWN: &str = "server";

/// What is known of certificates. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: CertificatesConfig,
    /// What this server serves with TLS and where, once it does.
    own: OnceLock<(Arc<Own>, SocketAddr)>,
    reports: Mutex<BTreeMap<String, CertificateReport>>,
    renewal: Mutex<Renewal>,
    asked_at: Mutex<Option<Timestamp>>,
    wake: Notify,
    challenges: Challenges,
    /// Held while what is remembered is read, changed and written.
    keeping: tokio::sync::Mutex<()>,
}

impl Certificates {
    /// Nothing seen yet.
    pub(crate) fn new(config: CertificatesConfig) -> Self {
        let renewal = Renewal {
            methods: config.renewal.methods.clone(),
            next: NextRenewal::NotDue(None),
            is_running: false,
            attempts: Vec::new(),
        };
        Self(Arc::new(Inner {
            config,
            own: OnceLock::new(),
            reports: Mutex::default(),
            renewal: Mutex::new(renewal),
            asked_at: Mutex::default(),
            wake: Notify::new(),
            challenges: Challenges::default(),
            keeping: tokio::sync::Mutex::default(),
        }))
    }

    /// Says what this server serves with TLS, and where.
    pub(crate) fn serves(&self, own: Arc<Own>, mut address: SocketAddr) {
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        // A second listener of one server is none of its own.
        let _ = self.0.own.set((own, address));
    }

    /// Names of all targets, this server's first.
    pub(crate) fn targets(&self) -> Vec<&str> {
        let own = self.own().map(|_| OWN);
        let others = self.0.config.targets.iter().map(|t| t.address.as_str());
        own.into_iter().chain(others).collect()
    }

    /// What the last looks brought, this server first.
    pub(crate) fn reports(&self) -> Vec<CertificateReport> {
        let known = locked(&self.0.reports);
        let report = |target: &str| match known.get(target) {
            Some(report) => report.clone(),
            None => CertificateReport {
                target: target.to_owned(),
                seen: None,
                checked_at: None,
                issues: Vec::new(),
            },
        };
        self.targets().into_iter().map(report).collect()
    }

    /// What is known of renewing the certificate of this server.
    pub(crate) fn renewal(&self) -> Renewal {
        locked(&self.0.renewal).clone()
    }

    /// Answers to the challenges of an authority.
    pub(crate) fn challenges(&self) -> &Challenges {
        &self.0.challenges
    }

    pub(super) fn config(&self) -> &CertificatesConfig {
        &self.0.config
    }

    pub(super) fn own(&self) -> Option<&Arc<Own>> {
        self.0.own.get().map(|(own, _)| own)
    }

    pub(super) fn asked_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        locked(&self.0.asked_at)
    }

    pub(super) fn wake(&self) -> &Notify {
        &self.0.wake
    }

    pub(super) fn is_renewing(&self, is_running: bool) {
        locked(&self.0.renewal).is_running = is_running;
    }

    pub(super) fn plan_is(&self, next: NextRenewal, attempts: Vec<RenewalAttempt>) {
        let mut renewal = locked(&self.0.renewal);
        (renewal.next, renewal.attempts) = (next, attempts);
    }

    /// What is remembered of a target.
    pub(super) async fn kept(&self, target: &str, state: &AppState) -> Kept {
        Kept::read(state.manager().store().as_ref(), &record_of(target, state)).await
    }

    /// Remembers an attempt that ended.
    pub(super) async fn record(&self, attempt: RenewalAttempt, state: &AppState) {
        let _keeping = self.0.keeping.lock().await;
        let mut kept = self.kept(OWN, state).await;
        kept.attempts.push(attempt);
        let store = state.manager().store();
        kept.write(store.as_ref(), &record_of(OWN, state)).await;
        locked(&self.0.renewal).attempts = kept.attempts;
    }

    /// Looks at what this server presents.
    pub(super) async fn look_at_own(&self, now: Timestamp) -> Observation {
        match self.question(OWN) {
            Some(question) => look(&question, now).await,
            None => Observation::Failed("the server does not listen yet".to_owned()),
        }
    }

    /// Looks at every target, all at once, and tells alerts and metrics.
    pub(crate) async fn look_at_all(&self, state: &AppState) {
        let looks = self.targets().into_iter().map(|t| self.look_at(t, state));
        futures::future::join_all(looks).await;
        state.manager().observe_certificates(&self.reports());
    }

    async fn look_at(&self, target: &str, state: &AppState) {
        let Some(question) = self.question(target) else {
            return;
        };
        let now = state.manager().clock().now();
        let seen = look(&question, now).await;
        let _keeping = self.0.keeping.lock().await;
        let mut kept = self.kept(target, state).await;
        let expiry = &self.0.config.expiry;
        let mut issues = assess(&seen, kept.fingerprint.as_deref(), expiry, now);
        issues.extend(trouble(&kept.attempts));
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        if let Observation::Presented(chain) = &seen
            && kept.fingerprint.as_ref() != Some(&chain.leaf.fingerprint)
        {
            kept.fingerprint = Some(chain.leaf.fingerprint.clone());
            let store = state.manager().store();
            kept.write(store.as_ref(), &record_of(target, state)).await;
        }
        let mut known = locked(&self.0.reports);
        let before = known.remove(target).map(|report| report.issues);
        let report = CertificateReport {
            target: target.to_owned(),
            seen: Some(seen),
            checked_at: Some(now),
            issues: since_before(issues, &before.unwrap_or_default()),
        };
        known.insert(report.target.clone(), report);
    }

    /// Whom to ask for a target; `None` before this server listens.
    fn question(&self, target: &str) -> Option<Question<'_>> {
        let config = &self.0.config;
        if target == OWN {
            let (own, address) = self.0.own.get()?;
            return Some(Question {
                address: Address::Socket(*address),
                server_name: own.served().name_for(own.tls()),
                trust: own.tls().trust.as_deref(),
                timeout: config.timeout,
            });
        }
        let configured = config.targets.iter().find(|t| t.address == target)?;
        let (host, port) = configured.host_and_port()?;
        let server_name = configured.server_name.as_deref().unwrap_or(host);
        Some(Question {
            address: Address::Host(host, port),
            server_name: server_name.to_owned(),
            trust: configured.trust.as_deref(),
            timeout: config.timeout,
        })
    }
}

/// Several servers may share a store, and each has a certificate of its own.
fn record_of(target: &str, state: &AppState) -> String {
    match target {
        OWN => format!("{OWN}-{}", state.manager().config().instance),
        other => other.to_owned(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the interval, for ever.
pub(crate) async fn watch(state: AppState) {
    let certificates = state.certificates().clone();
    let mut ticks = tokio::time::interval(certificates.0.config.interval);
    loop {
        ticks.tick().await;
        certificates.look_at_all(&state).await;
    }
}
