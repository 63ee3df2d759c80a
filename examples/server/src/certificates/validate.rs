//! Whether clients take a chain, and every reason why not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{CertificateFacts, ChainFault, Fault, unknown_issuer};
use encoder_core::{Error, ErrorKind, Result};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::provider;

/// A chain as it came: the leaf, the others, and a word of the issuer on revocation.
#[derive(Clone, Debug)]
pub(super) struct RawChain {
    pub(super) leaf: CertificateDer<'static>,
    pub(super) others: Vec<CertificateDer<'static>>,
    pub(super) ocsp: Vec<u8>,
}

/// Validates as the clients of a target do.
#[derive(Clone, Debug)]
pub(super) struct Validator(Arc<dyn ServerCertVerifier>);

impl Validator {
    /// Trusts the roots in a file, or those of the platform.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when there are none.
    pub(super) fn new(trust: Option<&Path>) -> Result<Self> {
        let Some(path) = trust else {
            let verifier = Verifier::new(provider()).map_err(|error| {
                let message = "the platform has no trusted roots; name some in `trust`";
                Error::new(ErrorKind::ConfigInvalid, message).with_source(error)
            })?;
            return Ok(Self(Arc::new(verifier)));
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(path)?);
        let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = roots.build().map_err(|error| {
            let message = format!("{} holds no root that can be trusted", path.display());
            Error::new(ErrorKind::ConfigInvalid, message).with_source(error)
        })?;
        Ok(Self(verifier))
    }

    /// Every reason why clients turn away; none when they do not.
    pub(super) fn faults(
        &self,
        chain: &RawChain,
        (leaf, others): (&CertificateFacts, &[CertificateFacts]),
        name: &ServerName<'_>,
        now: Timestamp,
    ) -> Vec<ChainFault> {
        let mut faults = Vec::new();
        if let Err(error) = self.verify(chain, name, now) {
            faults.push(fault(&error, leaf, others));
            if is_about_time(&error) {
                // Time hides everything else: look again when the leaf was in its prime.
                let prime = leaf.not_after.minus(Duration::from_secs(1));
                let again = self.verify(chain, name, prime.max(leaf.not_before)).err();
                let beyond = again.filter(|error| !is_about_time(error));
                faults.extend(beyond.map(|error| fault(&error, leaf, others)));
            }
        }
        let for_name = ParsedCertificate::try_from(&chain.leaf)
            .and_then(|parsed| verify_server_name(&parsed, name));
        if for_name.is_err() && !faults.iter().any(|f| f.fault == Fault::WrongHost) {
            faults.push(wrong_host(leaf, name));
        }
        for fault in faults.iter_mut().filter(|f| f.fault == Fault::WrongHost) {
            *fault = wrong_host(leaf, name);
        }
        faults
    }

    fn verify(
        &self,
        chain: &RawChain,
        name: &ServerName<'_>,
        at: Timestamp,
    ) -> std::result::Result<(), CertificateError> {
        let since_epoch = u64::try_from(at.as_millis()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_millis(since_epoch));
        let RawChain { leaf, others, ocsp } = chain;
        match self.0.verify_server_cert(leaf, others, name, ocsp, at) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => Err(error),
            Err(_) => Err(CertificateError::BadEncoding),
        }
    }
}

const fn is_about_time(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

fn fault(
    error: &CertificateError,
    leaf: &CertificateFacts,
    others: &[CertificateFacts],
) -> ChainFault {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => {
            let mut all = std::iter::once(leaf).chain(others);
            let first = all
                .by_ref()
                .min_by_key(|facts| facts.not_after)
                .unwrap_or(leaf);
            let reason = format!("`{}` ended at {}", first.subject, first.not_after);
            ChainFault::new(Fault::Expired, reason)
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            let mut all = std::iter::once(leaf).chain(others);
            let last = all
                .by_ref()
                .max_by_key(|facts| facts.not_before)
                .unwrap_or(leaf);
            let reason = format!("`{}` begins at {}", last.subject, last.not_before);
            ChainFault::new(Fault::NotYetValid, reason)
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            ChainFault::new(Fault::WrongHost, error.to_string())
        }
        E::UnknownIssuer => unknown_issuer(leaf, others),
        E::BadSignature => {
            let reason = "the signature of an issuer is not that of the trusted one";
            ChainFault::new(Fault::Untrusted, reason)
        }
        E::Revoked => ChainFault::new(Fault::Revoked, "its issuer took it back"),
        // The usual mark of `openssl req -x509`: an authority of its own.
        _ if leaf.is_self_signed => unknown_issuer(leaf, others),
        other => ChainFault::new(Fault::Unusable, other.to_string()),
    }
}

fn wrong_host(leaf: &CertificateFacts, name: &ServerName<'_>) -> ChainFault {
    let mut names = leaf.names.clone();
    names.truncate(5);
    let names = match names.is_empty() {
        true => "no host at all".to_owned(),
        false => names.join(", "),
    };
    let reason = format!("it is for {names}, not for {}", name.to_str());
    ChainFault::new(Fault::WrongHost, reason)
}

/// The certificates in a file.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] naming the file when there are none.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |what: &str| {
        Error::new(
            ErrorKind::ConfigInvalid,
            format!("{}: {what}", path.display()),
        )
    };
    let text = std::fs::read(path)
        .map_err(|error| wrong(&format!("cannot be read: {error}")).with_source(error))?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(&format!("is not PEM: {error}")))?;
    match found.is_empty() {
        true => Err(wrong("holds no certificate in PEM")),
        false => Ok(found),
    }
}
