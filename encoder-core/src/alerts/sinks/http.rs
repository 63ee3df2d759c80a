//! HTTP as the sinks speak it: straight to the receiver, bounded, and silent about secrets.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result, Retry};

/// Longest answer that is read.
const MAX_ANSWER: usize = 16 * 1024;

/// Longest piece of an answer that is shown.
const MAX_SHOWN: usize = 200;

/// A client without proxies and redirects, which could carry a secret to somebody else. `key`
/// names the setting of the file of certificates.
pub(super) fn client(ca_file: Option<&Path>, key: &str) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(ca_file, key)?)
        .no_proxy()
        .referer(false)
        .redirect(Policy::none());
    builder.build().map_err(|error| {
        let message = "the HTTP client cannot be made";
        Error::new(ErrorKind::Unexpected, message).with_source(error.without_url())
    })
}

/// TLS by ring alone, without a provider for the whole process.
fn tls(ca_file: Option<&Path>, key: &str) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::new(ErrorKind::Unexpected, "no TLS version is available").with_source(error)
        })?;
    let mut config = match ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, key)? {
                roots.add(certificate).map_err(|_| unusable(path, key))?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        None => match Verifier::new(provider) {
            Ok(verifier) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth(),
            Err(error) => {
                tracing::warn!(%error, "no root certificates: HTTPS is out of reach for alerts");
                builder
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth()
            }
        },
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(found) if !Vec::is_empty(&found) => Ok(found),
        _ => Err(unusable(path, key)),
    }
}

/// The error for a file of certificates.
pub(super) fn unusable(path: &Path, key: &str) -> Error {
    let message = format!(
        "{key}.ca_file: {} holds no certificate in PEM that can be read",
        path.display()
    );
    Error::new(ErrorKind::ConfigInvalid, message)
}

/// The error for a receiver that did not answer. The cause is kept without the address, which
/// may hold a secret.
pub(super) fn unanswered(error: reqwest::Error) -> Error {
    let message = if error.is_timeout() {
        "the receiver did not answer in time"
    } else if error.is_connect() {
        "the receiver cannot be reached; is it running, and is its address right?"
    } else {
        "the connection to the receiver broke"
    };
    Error::new(ErrorKind::DeviceUnreachable, message)
        .with_retry(Retry::Safe)
        .with_source(error.without_url())
}

/// Reads an answer, as far as it is of interest.
pub(super) async fn body(mut response: Response) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= MAX_ANSWER {
            bytes.truncate(MAX_ANSWER);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a status is worth another attempt.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// Seconds that an answer asks to wait.
pub(super) fn retry_after(response: &Response) -> Option<u64> {
    let value = response.headers().get(RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The error for an answer that is a refusal.
pub(super) fn refused(status: StatusCode, answer: &str, retry: bool, after: Option<u64>) -> Error {
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty());
    let shown: String = line.unwrap_or_default().chars().take(MAX_SHOWN).collect();
    let message = if status.is_redirection() {
        "the receiver redirects, and redirects are not followed; configure the new address"
            .to_owned()
    } else if shown.is_empty() {
        "the receiver refused".to_owned()
    } else {
        format!("the receiver refused: {shown}")
    };
    let error = Error::new(ErrorKind::DeviceRejected, message)
        .with_context("status", status.as_u16())
        .with_retry(if retry { Retry::Safe } else { Retry::Never });
    match after {
        Some(seconds) => error.with_context("retry_after_seconds", seconds),
        None => error,
    }
}
