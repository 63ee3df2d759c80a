//! A certificate and its key, as text and ready to be served.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::{Secret, Timestamp, Violation};
use encoder_core::monitor::certificate::{CertificateFacts, RenewalMethod};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::validate::{RawChain, Validator};
use super::{facts, provider};
use crate::config::TlsConfig;

/// A certificate with its chain, and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) certificates: String,
    pub(super) key: Secret,
}

/// A pair that fits together.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) pair: Pair,
    pub(super) leaf: CertificateFacts,
    others: Vec<CertificateFacts>,
    pub(super) certified: Arc<CertifiedKey>,
}

/// Everything that keeps a server from starting with these settings, by field.
pub(crate) fn faults(tls: &TlsConfig, methods: &[RenewalMethod], now: Timestamp) -> Vec<Violation> {
    let mut found = Vec::new();
    if tls.handshake_timeout.is_zero() {
        let message = "must be longer than zero".to_owned();
        found.push(violation("handshake_timeout_seconds", message));
    }
    if is_to_come(tls, methods) {
        return found;
    }
    let may_be_expired = !methods.is_empty();
    match Pair::read(tls).and_then(|pair| pair.load(tls)) {
        Ok(loaded) => {
            let dates = loaded.wrong_dates(now).filter(|_| !may_be_expired);
            let names = loaded.wrong_names(&tls.names);
            let path = tls.certificate.display();
            let of_leaf = [dates, names].into_iter().flatten();
            found.extend(of_leaf.map(|fault| violation("certificate", format!("{path}: {fault}"))));
        }
        Err(violations) => found.extend(violations),
    }
    if let Err(error) = Validator::new(tls.trust.as_deref())
        && tls.trust.is_some()
    {
        found.push(violation("trust", error.message().to_owned()));
    }
    found
}

/// Whether there is no certificate yet, and the server will order one.
pub(super) fn is_to_come(tls: &TlsConfig, methods: &[RenewalMethod]) -> bool {
    methods.contains(&RenewalMethod::Acme) && !tls.certificate.exists() && !tls.key.exists()
}

fn violation(field: &str, message: String) -> Violation {
    Violation::new(field, "invalid", message)
}

fn read(field: &str, path: &Path) -> Result<String, Violation> {
    std::fs::read_to_string(path)
        .map_err(|error| violation(field, format!("{} cannot be read: {error}", path.display())))
}

impl Pair {
    /// Something to begin with until the first certificate is ordered: it vouches for itself, ends
    /// within a week, and is therefore renewed at once. It is not written.
    ///
    /// # Errors
    /// One line.
    pub(super) fn placeholder(names: &[String], now: Timestamp) -> Result<Self, String> {
        let made = || -> Result<Self, rcgen::Error> {
            let mut params = rcgen::CertificateParams::new(names)?;
            let until = now.plus(Duration::from_secs(7 * 24 * 3600)).to_string();
            let part = |range: std::ops::Range<usize>| {
                until.get(range).and_then(|text| text.parse::<u8>().ok())
            };
            let (month, day) = (part(5..7).unwrap_or(1), part(8..10).unwrap_or(1));
            let year = until.get(..4).and_then(|text| text.parse().ok());
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(year.unwrap_or(2100), month, day);
            let key = rcgen::KeyPair::generate()?;
            Ok(Self {
                certificates: params.self_signed(&key)?.pem(),
                key: Secret::new(key.serialize_pem()),
            })
        };
        made().map_err(|error| format!("no certificate can be made to begin with: {error}"))
    }

    /// Reads both files; what is wrong with each.
    pub(super) fn read(tls: &TlsConfig) -> Result<Self, Vec<Violation>> {
        match (read("certificate", &tls.certificate), read("key", &tls.key)) {
            (Ok(certificates), Ok(key)) => Ok(Self {
                certificates,
                key: Secret::new(key),
            }),
            (certificate, key) => Err([certificate.err(), key.err()]
                .into_iter()
                .flatten()
                .collect()),
        }
    }

    /// Checks that both are what they should be, and fit together. The messages name the files of
    /// `tls`, and nothing of a key.
    pub(super) fn load(self, tls: &TlsConfig) -> Result<Loaded, Vec<Violation>> {
        let of = |field, path: &Path, what: &str| {
            vec![violation(field, format!("{} {what}", path.display()))]
        };
        let wrong = |what: &str| of("certificate", &tls.certificate, what);
        let found = CertificateDer::pem_slice_iter(self.certificates.as_bytes());
        let chain: Result<Vec<_>, _> = found.collect();
        let chain = chain.map_err(|error| wrong(&format!("is not PEM: {error}")))?;
        let Some((leaf, others)) = chain.split_first() else {
            return Err(wrong("holds no certificate in PEM"));
        };
        let leaf =
            facts::read(leaf).map_err(|reason| wrong(&format!("cannot be used: {reason}")))?;
        let others: Result<Vec<_>, _> = others.iter().map(facts::read).collect();
        let others = others.map_err(|reason| wrong(&format!("cannot be used: {reason}")))?;
        let wrong_key = |what: &str| of("key", &tls.key, what);
        let key = PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes())
            .map_err(|_| wrong_key("holds no private key in PEM"))?;
        let certified =
            CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    let certificate = tls.certificate.display();
                    wrong_key(&format!(
                        "is not the key of the certificate in {certificate}"
                    ))
                }
                _ => wrong_key("is no key that can be used: RSA, ECDSA P-256 or P-384, or Ed25519"),
            })?;
        Ok(Loaded {
            pair: self,
            leaf,
            others,
            certified: Arc::new(certified),
        })
    }
}

impl Loaded {
    /// Why it may not be served now.
    pub(super) fn wrong_dates(&self, now: Timestamp) -> Option<String> {
        let (from, until) = (self.leaf.not_before, self.leaf.not_after);
        if until <= now {
            return Some(format!("the certificate ended at {until}"));
        }
        (from > now).then(|| format!("the certificate begins at {from} only"))
    }

    /// The first of these names that it is not for.
    pub(super) fn wrong_names(&self, names: &[String]) -> Option<String> {
        let parsed = ParsedCertificate::try_from(self.certified.cert.first()?).ok()?;
        let covers = |name: &&String| match ServerName::try_from(name.as_str()) {
            Ok(name) => verify_server_name(&parsed, &name).is_ok(),
            Err(_) => false,
        };
        let missing = names.iter().find(|name| !covers(name))?;
        let has = self.leaf.names.join(", ");
        Some(format!(
            "the certificate is for {has}, and not for {missing}"
        ))
    }

    /// Why clients would turn away from it, if it were served.
    pub(super) fn wrong_chain(&self, tls: &TlsConfig, now: Timestamp) -> Option<String> {
        let validator = match Validator::new(tls.trust.as_deref()) {
            Ok(validator) => validator,
            Err(error) => return Some(error.message().to_owned()),
        };
        let (leaf, others) = self.certified.cert.split_first()?;
        let chain = RawChain {
            leaf: leaf.clone(),
            others: others.to_vec(),
            ocsp: Vec::new(),
        };
        let name = self.name_for(tls);
        let Ok(server_name) = ServerName::try_from(name.clone()) else {
            return Some(format!("`{name}` is no host name"));
        };
        let read = (&self.leaf, &self.others[..]);
        let faults = validator.faults(&chain, read, &server_name, now);
        faults.first().map(|fault| fault.reason.clone())
    }

    /// The name by which the server looks at itself.
    pub(super) fn name_for(&self, tls: &TlsConfig) -> String {
        let first = tls.names.first().or_else(|| self.leaf.names.first());
        first
            .map_or("localhost", String::as_str)
            .replace("*.", "any.")
    }
}
