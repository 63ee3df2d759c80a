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
/// `RENEWED_LINEAGE`. Left to itself, certbot without a terminal sleeps for up to eight minutes
/// first, which is longer than it is waited for.
fn certbot() -> Vec<String> {
    let hook = "cp \"$RENEWED_LINEAGE/fullchain.pem\" \"$RENEWED_CERTIFICATE\" && \
                cp \"$RENEWED_LINEAGE/privkey.pem\" \"$RENEWED_KEY\"";
    let words = [
        "certbot",
        "renew",
        "--non-interactive",
        "--no-random-sleep-on-renew",
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

const LONG: &str = "must be longer than zero";

/// Whether it holds, the field, and what must be true of it.
type Rule = (bool, &'static str, &'static str);

impl CertificatesConfig {
    /// What is wrong, by field, with what `tls` says.
    pub(super) fn violations(&self, tls: Option<&TlsConfig>) -> Vec<Violation> {
        let rules = self.rules().into_iter().chain(self.rules_of_renewal(tls));
        let broken = rules.filter(|(holds, _, _)| !holds);
        let found = broken.map(|(_, field, message)| Violation::new(field, "invalid", message));
        found.chain(self.wrong_targets()).collect()
    }

    fn rules(&self) -> [Rule; 5] {
        let renewal = &self.renewal;
        [
            (!self.interval.is_zero(), "interval_seconds", LONG),
            (!self.timeout.is_zero(), "timeout_seconds", LONG),
            (
                self.expiry.is_ordered(),
                "expiry",
                "must be info_days, warning_days and critical_days from many to few",
            ),
            (
                renewal.max_attempts > 0,
                "renewal.max_attempts",
                "must be at least 1",
            ),
            (!renewal.window.is_zero(), "renewal.window_seconds", LONG),
        ]
    }

    fn rules_of_renewal(&self, tls: Option<&TlsConfig>) -> [Rule; 6] {
        let methods = &self.renewal.methods;
        let spares = |method| !methods.contains(&method);
        let is_url = |acme: &AcmeConfig| {
            Url::parse(&acme.directory).is_ok_and(|url| url.scheme() == "https")
        };
        let is_given =
            |certbot: &CertbotConfig| certbot.command.first().is_some_and(|word| !word.is_empty());
        [
            (
                methods.is_empty() || tls.is_some(),
                "renewal.methods",
                "needs `tls`, whose certificate is renewed",
            ),
            (
                spares(RenewalMethod::Acme) || tls.is_none_or(|tls| !tls.names.is_empty()),
                "renewal.methods",
                "acme needs `tls.names`, which are ordered",
            ),
            (
                spares(RenewalMethod::Acme) || self.acme.is_some(),
                "acme",
                "must say whom to order from, or be left out of renewal.methods",
            ),
            (
                spares(RenewalMethod::Certbot) || self.certbot.is_some(),
                "certbot",
                "must say what to run, or be left out of renewal.methods",
            ),
            (
                self.acme.as_ref().is_none_or(is_url),
                "acme.directory",
                "must be an https URL",
            ),
            (
                self.certbot.as_ref().is_none_or(is_given),
                "certbot.command",
                "must be a program and its arguments",
            ),
        ]
    }

    fn wrong_targets(&self) -> impl Iterator<Item = Violation> {
        let targets = self.targets.iter().enumerate();
        targets.filter_map(|(index, target)| {
            let before = &self.targets[..index];
            let message = if target.host_and_port().is_none() {
                "must be host and port, such as ingest.example:443"
            } else if before.iter().any(|other| other.address == target.address) {
                "is listed twice"
            } else {
                return None;
            };
            let field = format!("targets.{index}.address");
            Some(Violation::new(field, "invalid", message))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(address: &str) -> TargetConfig {
        serde_json::from_value(json!({"address": address})).unwrap()
    }

    #[test]
    fn addresses_are_host_and_port() {
        let table = [
            ("ingest.example:443", Some(("ingest.example", 443))),
            ("[::1]:8443", Some(("::1", 8443))),
            ("::1:8443", None),
            ("ingest.example", None),
            (":443", None),
            ("ingest.example:0", None),
            ("ingest.example:https", None),
        ];
        for (address, expected) in table {
            assert_eq!(target(address).host_and_port(), expected, "{address}");
        }
    }

    #[test]
    fn every_fault_names_its_field() {
        let config: CertificatesConfig = serde_json::from_value(json!({
            "interval_seconds": 0, "timeout_seconds": 0,
            "targets": [{"address": "a:1"}, {"address": "a:1"}, {"address": "a"}],
            "expiry": {"info_days": 1},
            "renewal": {"methods": ["acme", "certbot"], "max_attempts": 0, "window_seconds": 0},
        }))
        .unwrap();
        let fields = |config: &CertificatesConfig, tls: Option<&TlsConfig>| {
            let found = config.violations(tls);
            found.into_iter().map(|v| v.field).collect::<Vec<_>>()
        };
        let expected = [
            "interval_seconds",
            "timeout_seconds",
            "expiry",
            "renewal.max_attempts",
            "renewal.window_seconds",
            "renewal.methods",
            "acme",
            "certbot",
            "targets.1.address",
            "targets.2.address",
        ];
        assert_eq!(fields(&config, None), expected);
        let config: CertificatesConfig = serde_json::from_value(json!({
            "renewal": {"methods": ["acme", "certbot"]},
            "acme": {"directory": "http://plain.example/dir"},
            "certbot": {"command": []},
        }))
        .unwrap();
        let tls = json!({"certificate": "a.pem", "key": "a.key"});
        let tls: TlsConfig = serde_json::from_value(tls).unwrap();
        let expected = ["renewal.methods", "acme.directory", "certbot.command"];
        assert_eq!(fields(&config, Some(&tls)), expected);
        assert_eq!(fields(&CertificatesConfig::default(), None), [""; 0]);
    }
}
