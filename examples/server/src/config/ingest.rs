//! Settings of the ingest: how it is watched, what it may ask, where pictures of streams come from.

use std::path::PathBuf;
use std::time::Duration;

use encoder_core::model::{Secret, Violation, millis};
use serde::{Deserialize, Serialize};
use url::Url;

/// Shortest secret. Its guessing is not slowed down, so that nobody can keep the ingest out by
/// guessing wrongly from its address.
const SECRET_LENGTH: usize = 24;

/// The ingest that streams are published to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// What the ingest says in `Authorization: Bearer` when it asks who may publish. Without it
    /// nothing can be asked.
    pub secret: Option<Secret>,
    /// Where the ingest tells what arrives. Without it the server believes the encoders alone.
    pub witness: Option<WitnessConfig>,
    /// The program that takes pictures of streams.
    pub ffmpeg: PathBuf,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            secret: None,
            witness: None,
            ffmpeg: PathBuf::from("ffmpeg"),
        }
    }
}

/// Where an nginx with the RTMP module tells what arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its page of statistics.
    pub stat_url: String,
    /// Its page of commands, without the command. Without it no publisher can be dropped.
    #[serde(default)]
    pub control_url: Option<String>,
    /// The addresses it serves.
    pub addresses: Vec<IngestAddress>,
    /// How long it may take to answer.
    #[serde(default = "one_second", rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
}

/// An address of the ingest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestAddress {
    /// Server and application, to the letter as destinations of streams name them.
    pub url: String,
    /// The application's name in the ingest's own settings.
    pub application: String,
    /// Where this server can play what is published there. Without it there are no pictures.
    #[serde(default)]
    pub play_url: Option<String>,
}

const fn one_second() -> Duration {
    Duration::from_secs(1)
}

impl IngestConfig {
    /// What is wrong, by field.
    pub(super) fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        if let Some(secret) = &self.secret {
            found.extend(secret_violation(secret));
            if self.witness.is_none() {
                let message = "must name the addresses of the ingest when there is a secret";
                found.push(Violation::new("witness", "missing", message));
            }
        }
        if self.ffmpeg.as_os_str().is_empty() {
            let message = "must be a program, such as `ffmpeg`";
            found.push(Violation::new("ffmpeg", "missing", message));
        }
        if let Some(witness) = &self.witness {
            witness.check(&mut found);
        }
        found
    }

    /// The address of an application: the one that was asked for if it is one of several, else the
    /// first.
    pub fn url_of(&self, application: &str, asked: &str) -> Option<&str> {
        let addresses = &self.witness.as_ref()?.addresses;
        let its_own = || {
            addresses
                .iter()
                .filter(|address| address.application == application)
                .map(|address| address.url.as_str())
        };
        its_own()
            .find(|url| *url == asked)
            .or_else(|| its_own().next())
    }

    /// The settings of an address.
    pub fn address(&self, url: &str) -> Option<&IngestAddress> {
        let addresses = &self.witness.as_ref()?.addresses;
        addresses.iter().find(|address| address.url == url)
    }
}

fn secret_violation(secret: &Secret) -> Option<Violation> {
    let text = secret.expose();
    let (code, message) = if text.len() < SECRET_LENGTH {
        let message = format!("must have at least {SECRET_LENGTH} characters");
        ("too_short", message)
    } else if !text.chars().all(fits_bearer) {
        let message = "must be of [A-Za-z0-9._~+/=-]".to_owned();
        ("invalid_characters", message)
    } else {
        return None;
    };
    Some(Violation::new("secret", code, message))
}

/// RFC 6750; nothing of it means anything in a configuration file of nginx.
fn fits_bearer(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

impl WitnessConfig {
    fn check(&self, found: &mut Vec<Violation>) {
        let pages = [Some(&self.stat_url), self.control_url.as_ref()];
        for (field, url) in ["witness.stat_url", "witness.control_url"]
            .iter()
            .zip(pages)
        {
            if let Some(url) = url {
                found.extend(url_violation(field, url, &["http"]));
            }
        }
        if self.timeout.is_zero() {
            let message = "must be longer than zero";
            found.push(Violation::new(
                "witness.timeout_ms",
                "out_of_range",
                message,
            ));
        }
        if self.addresses.is_empty() {
            let message = "must name at least one address";
            found.push(Violation::new("witness.addresses", "missing", message));
        }
        for (index, address) in self.addresses.iter().enumerate() {
            address.check(&format!("witness.addresses.{index}"), found);
            let earlier = &self.addresses[..index];
            if earlier.iter().any(|other| other.url == address.url) {
                let field = format!("witness.addresses.{index}.url");
                found.push(Violation::new(field, "duplicate", "is listed twice"));
            }
        }
    }
}

impl IngestAddress {
    fn check(&self, place: &str, found: &mut Vec<Violation>) {
        let publishing = &["rtmp", "rtmps"];
        found.extend(url_violation(
            &format!("{place}.url"),
            &self.url,
            publishing,
        ));
        if let Some(url) = &self.play_url {
            found.extend(url_violation(&format!("{place}.play_url"), url, publishing));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.application.is_empty() || !self.application.chars().all(plain) {
            let field = format!("{place}.application");
            let message = "must be one or more of [A-Za-z0-9_-]";
            found.push(Violation::new(field, "invalid_characters", message));
        }
    }
}

/// The URL is never repeated: it may hold a password that does not belong there.
fn url_violation(field: &str, text: &str, schemes: &[&str]) -> Option<Violation> {
    let refuse = |code: &str, message: String| Some(Violation::new(field, code, message));
    let example = format!("must be a URL that begins with {}://", schemes[0]);
    let Ok(url) = Url::parse(text) else {
        return refuse("invalid_url", example);
    };
    if !schemes.contains(&url.scheme()) {
        return refuse("unsupported_scheme", example);
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\'';
    if url.host_str().is_none_or(str::is_empty) || text.contains(odd) {
        let message = "must name a host, and hold neither spaces nor quotes";
        return refuse("invalid_url", message.to_owned());
    }
    let nobody = url.username().is_empty() && url.password().is_none();
    if !nobody || url.query().is_some() || url.fragment().is_some() {
        let message = "must not hold a user, password or query";
        return refuse("secret_in_url", message.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> IngestConfig {
        IngestConfig {
            secret: Some(Secret::from("0123456789abcdef0123456789")),
            witness: Some(WitnessConfig {
                stat_url: "http://127.0.0.1:8935/stat".to_owned(),
                control_url: Some("http://127.0.0.1:8935/control".to_owned()),
                addresses: vec![IngestAddress {
                    url: "rtmp://ingest.example/live".to_owned(),
                    application: "live".to_owned(),
                    play_url: Some("rtmp://127.0.0.1/live".to_owned()),
                }],
                timeout: one_second(),
            }),
            ..IngestConfig::default()
        }
    }

    fn fields(config: &IngestConfig) -> Vec<String> {
        let found = config.violations();
        found.into_iter().map(|found| found.field).collect()
    }

    #[test]
    fn a_whole_ingest_is_fine_and_so_is_none() {
        assert_eq!(fields(&config()), [""; 0]);
        assert_eq!(fields(&IngestConfig::default()), [""; 0]);
    }

    #[test]
    fn every_fault_names_its_field() {
        let mut faulty = config();
        faulty.secret = Some(Secret::from("short"));
        faulty.ffmpeg = PathBuf::new();
        let witness = faulty.witness.as_mut().unwrap();
        witness.stat_url = "https://127.0.0.1/stat".to_owned();
        witness.control_url = Some("http://admin:geheim@127.0.0.1/control".to_owned());
        witness.timeout = Duration::ZERO;
        let mut second = witness.addresses[0].clone();
        second.application = "a b".to_owned();
        second.play_url = Some("rtmp://127.0.0.1/it's".to_owned());
        witness.addresses.push(second);
        assert_eq!(
            fields(&faulty),
            [
                "secret",
                "ffmpeg",
                "witness.stat_url",
                "witness.control_url",
                "witness.timeout_ms",
                "witness.addresses.1.play_url",
                "witness.addresses.1.application",
                "witness.addresses.1.url",
            ]
        );
        assert!(!format!("{:?}", faulty.violations()).contains("geheim"));
    }

    #[test]
    fn a_secret_needs_addresses_to_speak_of() {
        let mut faulty = config();
        faulty.witness = None;
        assert_eq!(fields(&faulty), ["witness"]);
        let mut faulty = config();
        faulty.witness.as_mut().unwrap().addresses.clear();
        assert_eq!(fields(&faulty), ["witness.addresses"]);
    }

    #[test]
    fn the_secret_fits_into_a_header_line_of_nginx() {
        for secret in [
            "0123456789 0123456789 0123456789",
            "0123456789\";0123456789$0123456789",
        ] {
            let mut faulty = config();
            faulty.secret = Some(Secret::from(secret));
            assert_eq!(fields(&faulty), ["secret"]);
            assert!(!format!("{faulty:?}").contains("0123456789"));
        }
    }
}
