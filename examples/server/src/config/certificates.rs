//! Settings of HTTPS and of the certificate monitor.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use encoder_core::model::{Violation, seconds};
use encoder_core::monitor::certificate::{ExpiryConfig, RenewalConfig, RenewalMethod};
use serde::{Deserialize, Serialize};
use url::Url;

/// HTTPS instead of HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and what vouches for it, in PEM, the server's own first.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
    /// Host names that clients use. The first is the one by which the server looks at itself, and
    /// all of them are ordered when the certificate is renewed. Without any, those of the
    /// certificate.
    #[serde(default)]
    pub names: Vec<String>,
    /// Roots that clients trust, in PEM; without it, those of the platform.
    #[serde(default)]
    pub trust: Option<PathBuf>,
    /// How long a client may take to shake hands.
    #[serde(
        default = "ten_seconds",
        rename = "handshake_timeout_seconds",
        with = "seconds"
    )]
    pub handshake_timeout: Duration,
}

/// Certificates that are looked at, and how the server's own is renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificatesConfig {
    /// Servers whose certificates are looked at, beside this one.
    pub targets: Vec<TargetConfig>,
    /// Time between looks.
    #[serde(rename = "interval_seconds", with = "seconds")]
    pub interval: Duration,
    /// How long a target may take to present its certificate.
    #[serde(rename = "timeout_seconds", with = "seconds")]
    pub timeout: Duration,
    /// How many days before its end a certificate is worth a word.
    pub expiry: ExpiryConfig,
    /// When the server's own certificate is renewed, by what, and how often that is tried.
    pub renewal: RenewalConfig,
    /// The authority that it is ordered from.
    pub acme: Option<AcmeConfig>,
    /// The program that renews it.
    pub certbot: Option<CertbotConfig>,
}

impl Default for CertificatesConfig {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            interval: Duration::from_secs(3600),
            timeout: ten_seconds(),
            expiry: ExpiryConfig::default(),
            renewal: RenewalConfig::default(),
            acme: None,
            certbot: None,
        }
    }
}

/// A server whose certificate is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Host and port, such as `ingest.example:443`; also its name.
    pub address: String,
    /// The name that clients use, where it is not the host.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Roots that clients trust, in PEM; without it, those of the platform.
    #[serde(default)]
    pub trust: Option<PathBuf>,
}

/// An authority that speaks ACME (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeConfig {
    /// Its directory.
    pub directory: String,
    /// Whom it may tell, such as `mailto:ops@example.com`.
    #[serde(default)]
    pub contact: Vec<String>,
    /// Address that answers its challenges, in plain HTTP; it must be reached as port 80 of every
    /// name.
    #[serde(default = "port_80")]
    pub challenge_listen: SocketAddr,
    /// Roots trusted for the authority itself, in PEM; without it, those of the platform.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// How long an order may take.
    #[serde(default = "two_minutes", rename = "timeout_seconds", with = "seconds")]
    pub timeout: Duration,
}

/// A program that renews the certificate by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertbotConfig {
    /// The program and its arguments, without a shell. It is told by `RENEWED_CERTIFICATE` and
    /// `RENEWED_KEY` where its deploy hook is to leave what it got.
    #[serde(default = "certbot")]
    pub command: Vec<String>,
    /// How long it may take.
    #[serde(default = "five_minutes", rename = "timeout_seconds", with = "seconds")]
    pub timeout: Duration,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const fn two_minutes() -> Duration {
    Duration::from_secs(120)
}

const fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn port_80() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 80))
}

/// The deploy hook of certbot runs in a shell of certbot's own, with what it renewed in
/// `RENEWED_LINEAGE`.
fn certbot() -> Vec<String> {
    let hook = "cp \"$RENEWED_LINEAGE/fullchain.pem\" \"$RENEWED_CERTIFICATE\" && \
                cp \"$RENEWED_LINEAGE/privkey.pem\" \"$RENEWED_KEY\"";
    let words = [
        "certbot",
        "renew",
        "--non-interactive",
        "--deploy-hook",
        hook,
    ];
    words.map(str::to_owned).to_vec()
}

impl TargetConfig {
    /// Host and port; `None` when the address is neither `host:port` nor `[v6]:port`.
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_host = !host.is_empty() && (bare.is_some() || !host.contains(':'));
        let port = port.parse().ok().filter(|port| *port > 0)?;
        is_host.then_some((host, port))
    }
}

impl CertificatesConfig {
    /// What is wrong, by field, with what `tls` says.
    pub(super) fn violations(&self, tls: Option<&TlsConfig>) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut wrong = |holds: bool, field: &str, message: &str| {
            if !holds {
                found.push(Violation::new(field, "invalid", message));
            }
        };
        const LONG: &str = "must be longer than zero";
        wrong(!self.interval.is_zero(), "interval_seconds", LONG);
        wrong(!self.timeout.is_zero(), "timeout_seconds", LONG);
        wrong(
            self.expiry.is_ordered(),
            "expiry",
            "must be info_days, warning_days and critical_days from many to few",
        );
        let renewal = &self.renewal;
        wrong(
            renewal.max_attempts > 0,
            "renewal.max_attempts",
            "must be at least 1",
        );
        wrong(!renewal.window.is_zero(), "renewal.window_seconds", LONG);
        let uses = |method| renewal.methods.contains(&method);
        let needs_tls = "needs `tls`, whose certificate is renewed";
        wrong(
            renewal.methods.is_empty() || tls.is_some(),
            "renewal.methods",
            needs_tls,
        );
        let acme = !uses(RenewalMethod::Acme) || self.acme.is_some();
        wrong(
            acme,
            "acme",
            "must say whom to order from, or be left out of renewal.methods",
        );
        let named = !uses(RenewalMethod::Acme) || tls.is_none_or(|tls| !tls.names.is_empty());
        wrong(
            named,
            "renewal.methods",
            "acme needs `tls.names`, which are ordered",
        );
        let certbot = !uses(RenewalMethod::Certbot) || self.certbot.is_some();
        wrong(
            certbot,
            "certbot",
            "must say what to run, or be left out of renewal.methods",
        );
        if let Some(acme) = &self.acme {
            let is_url = Url::parse(&acme.directory).is_ok_and(|url| url.scheme() == "https");
            wrong(is_url, "acme.directory", "must be an https URL");
        }
        if let Some(certbot) = &self.certbot {
            let is_given = certbot.command.first().is_some_and(|word| !word.is_empty());
            wrong(
                is_given,
                "certbot.command",
                "must be a program and its arguments",
            );
        }
        for (index, target) in self.targets.iter().enumerate() {
            let field = format!("targets.{index}.address");
            let is_address = target.host_and_port().is_some();
            wrong(
                is_address,
                &field,
                "must be host and port, such as ingest.example:443",
            );
            let before = &self.targets[..index];
            let is_new = before.iter().all(|other| other.address != target.address);
            wrong(is_new, &field, "is listed twice");
        }
        found
    }
}
