//! Settings of the sinks. Plain data: without the feature `notify` they are checked and not used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Secret, seconds};

/// The sinks by kind and name. Names are unique among all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SinksConfig {
    /// Alertmanagers of Prometheus.
    pub alertmanager: BTreeMap<String, AlertmanagerConfig>,
    /// Receivers of signed webhooks.
    pub webhook: BTreeMap<String, WebhookConfig>,
    /// Receivers of mail.
    pub email: BTreeMap<String, EmailConfig>,
    /// Chats of Telegram.
    pub telegram: BTreeMap<String, TelegramConfig>,
}

impl SinksConfig {
    /// Every name with its kind, by kind.
    pub fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        fn of<'a, T>(
            map: &'a BTreeMap<String, T>,
            kind: &'static str,
        ) -> impl Iterator<Item = (&'a str, &'static str)> {
            map.keys().map(move |name| (name.as_str(), kind))
        }
        of(&self.alertmanager, "alertmanager")
            .chain(of(&self.webhook, "webhook"))
            .chain(of(&self.email, "email"))
            .chain(of(&self.telegram, "telegram"))
    }
}

/// An Alertmanager, which groups, paces and routes by itself: it gets every alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerConfig {
    /// Its base address, for example `http://127.0.0.1:9093`.
    pub url: String,
    /// How often open alerts are posted again. Must be well below its `resolve_timeout`, after
    /// which it takes them for resolved. Default 60 s.
    #[serde(
        default = "one_minute",
        rename = "repost_interval_seconds",
        with = "seconds"
    )]
    pub repost_interval: Duration,
    /// What it asks for in `Authorization: Bearer`.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Labels that every alert gets, for example `cluster: north`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Certificates to trust instead of the system's, as PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A receiver of webhooks that are signed by the Standard Webhooks scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to post. HTTPS, or plain HTTP to this machine.
    pub url: String,
    /// Hosts that may be posted to; the one of `url` must be among them, so that a changed address
    /// alone sends nothing elsewhere.
    pub allowed_hosts: Vec<String>,
    /// `whsec_` and 24 to 64 bytes in base64 each. All sign, so that a receiver can change from
    /// one to the next: first the new one, last the old one.
    pub secrets: Vec<Secret>,
    /// Certificates to trust instead of the system's, as PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// The connection begins in clear and must change to TLS before anything else.
    #[default]
    Starttls,
    /// TLS from the beginning.
    Implicit,
    /// No TLS; for a server on this machine only.
    None,
}

/// Receivers of mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The mail server's name, which its certificate must hold.
    pub host: String,
    /// Its port. Default 587, with implicit TLS 465, without TLS 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is spoken to. Default `starttls`.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The account, if it asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// The account's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Who writes, for example `Encoders <encoders@fleet.example>`.
    pub from: String,
    /// Who reads.
    pub to: Vec<String>,
    /// Certificates to trust instead of the system's, as PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl EmailConfig {
    /// The port, by the kind of TLS where none is given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        })
    }
}

/// A chat of Telegram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramConfig {
    /// The bot's token.
    pub token: Secret,
    /// The chat: a number, or `@name` of a channel.
    pub chat_id: String,
    /// A topic in the chat.
    #[serde(default)]
    pub thread_id: Option<i64>,
    /// Where the Bot API is. Default `https://api.telegram.org`.
    #[serde(default = "telegram")]
    pub base_url: String,
    /// Certificates to trust instead of the system's, as PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}
