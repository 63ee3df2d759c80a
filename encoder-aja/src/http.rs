//! The HTTP client all devices of a process share, and the address of one of them.

use std::path::Path;
use std::sync::Arc;

use encoder_core::model::Violation;
use encoder_core::{Error, ErrorKind, Result};
use reqwest::Url;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::AjaConfig;

/// Builds the shared client: HTTP/1.1 straight to the device, neither proxies nor redirects,
/// which could carry a stream key to somebody else.
pub(crate) fn client(config: &AjaConfig) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(config)?)
        .http1_only()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(config.connect_timeout)
        .pool_max_idle_per_host(config.pool.max_idle)
        .pool_idle_timeout(config.pool.idle_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(config.pool.keepalive);
    builder.build().map_err(|error| {
        let message = "the HTTP client cannot be made";
        Error::new(ErrorKind::Unexpected, message).with_source(error.without_url())
    })
}

/// TLS by ring alone, without a provider for the whole process.
fn tls(config: &AjaConfig) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = match &config.extra_roots {
        Some(path) => extra_roots(path)?,
        None => Vec::new(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::new(ErrorKind::Unexpected, "no TLS version is available").with_source(error)
        })?;
    let config = match verifier(extra, provider) {
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth(),
        None => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    Ok(config)
}

/// The system's verifier. A machine without root certificates can still speak to devices over
/// plain HTTP, so that is no error here; every HTTPS handshake then fails.
fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Option<Arc<dyn ServerCertVerifier>> {
    match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(%error, "no root certificates: devices with HTTPS are out of reach");
            None
        }
    }
}

fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |message: &'static str| {
        Error::new(ErrorKind::ConfigInvalid, message).with_context("extra_roots", path.display())
    };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| {
            wrong("extra_roots cannot be read as certificates in PEM").with_source(error)
        })?;
    match roots.is_empty() {
        true => Err(wrong("extra_roots holds no certificate in PEM")),
        false => Ok(roots),
    }
}

/// Checks a device's base address.
pub(crate) fn address(text: &str) -> Result<Url> {
    let refuse = |message: &str| {
        let violation = Violation::new("address", "invalid_address", message);
        Error::new(
            ErrorKind::ValidationFailed,
            "the address of the encoder is not usable",
        )
        .with_violations(vec![violation])
    };
    let url = Url::parse(text).map_err(|_| refuse("must be a URL such as http://10.0.0.21"))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.path() == "/";
    let nobody = url.username().is_empty() && url.password().is_none();
    match (url.scheme(), url.has_host(), plain, nobody) {
        ("http" | "https", true, true, true) => Ok(url),
        ("http" | "https", true, true, false) => Err(refuse(
            "must not hold a user or password; give the password separately",
        )),
        ("http" | "https", true, false, _) => Err(refuse(
            "must end after host and port, without path or query",
        )),
        _ => Err(refuse(
            "must begin with http:// or https:// and name a host",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken() {
        for text in [
            "http://10.0.0.21",
            "https://helo.example:8443/",
            "http://[::1]:80",
        ] {
            address(text).unwrap();
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for text in [
            "10.0.0.21",
            "ftp://10.0.0.21",
            "http://admin:geheim@10.0.0.21",
            "http://10.0.0.21/config",
            "http://10.0.0.21/?a=geheim",
            "http://",
            "",
        ] {
            let error = address(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValidationFailed, "{text}");
            assert_eq!(error.violations()[0].field, "address");
            assert!(!format!("{error:?}").contains("geheim"));
        }
    }

    #[test]
    fn unusable_roots_are_a_wrong_setting() {
        for path in [
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            "/no/such/file.pem",
        ] {
            let config = AjaConfig {
                extra_roots: Some(path.into()),
                ..AjaConfig::default()
            };
            let error = client(&config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{path}");
        }
    }

    #[test]
    fn client_needs_no_process_wide_tls_provider() {
        client(&AjaConfig::default()).unwrap();
        assert!(CryptoProvider::get_default().is_none());
    }
}
