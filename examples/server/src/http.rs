//! The client for plain HTTP to parts of the same installation.

use std::sync::Arc;

use encoder_core::{Error, ErrorKind, Result};
use reqwest::redirect::Policy;

/// A client that goes straight to its peer: neither proxies nor redirects, which could carry a
/// secret to somebody else. It speaks plain HTTP only, and is built with TLS settings of its own
/// because it takes no process-wide ones.
///
/// # Errors
/// [`ErrorKind::Unexpected`] when it cannot be made.
pub(crate) fn plain() -> Result<reqwest::Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unexpected)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .referer(false)
        .redirect(Policy::none())
        .build()
        .map_err(unexpected)
}

fn unexpected(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unexpected, "the HTTP client cannot be made").with_source(cause)
}
