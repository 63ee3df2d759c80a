//! What types alone cannot check of the settings. Values are never repeated: they may be secrets.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::AlertsConfig;
use crate::alerts::sinks::{
    AlertmanagerConfig, EmailConfig, SmtpTls, TelegramConfig, WebhookConfig,
};
use crate::model::Violation;

/// Bytes of a webhook's secret, by Standard Webhooks.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

type Found = Vec<Violation>;

impl AlertsConfig {
    /// What is wrong, by field from `alerts` on. There may be more sinks than the configured.
    pub(crate) fn violations(&self, more: &[&str]) -> Vec<Violation> {
        let mut found = Found::new();
        self.check_figures(&mut found);
        self.check_names(more, &mut found);
        self.check_routes(more, &mut found);
        if let Some(url) = &self.public_url {
            found.extend(wrong_url("alerts.public_url", url, &["https", "http"]));
        }
        let sinks = &self.sinks;
        for (name, sink) in &sinks.alertmanager {
            sink.check(&format!("alerts.sinks.alertmanager.{name}"), &mut found);
        }
        for (name, sink) in &sinks.webhook {
            sink.check(&format!("alerts.sinks.webhook.{name}"), &mut found);
        }
        for (name, sink) in &sinks.email {
            sink.check(&format!("alerts.sinks.email.{name}"), &mut found);
        }
        for (name, sink) in &sinks.telegram {
            sink.check(&format!("alerts.sinks.telegram.{name}"), &mut found);
        }
        found
    }

    fn check_figures(&self, found: &mut Found) {
        let (rates, delivery) = (&self.rates, &self.delivery);
        let spans = [
            ("rates.critical.per_seconds", rates.critical.per),
            ("rates.warning.per_seconds", rates.warning.per),
            ("rates.info.per_seconds", rates.info.per),
            ("delivery.timeout_ms", delivery.timeout),
            ("delivery.first_pause_ms", delivery.first_pause),
            ("delivery.longest_pause_seconds", delivery.longest_pause),
            ("history_retention_seconds", self.history_retention),
        ];
        let counts = [
            ("rates.critical.notices", u64::from(rates.critical.notices)),
            ("rates.warning.notices", u64::from(rates.warning.notices)),
            ("rates.info.notices", u64::from(rates.info.notices)),
            ("delivery.attempts", u64::from(delivery.attempts)),
            ("history_limit", self.history_limit as u64),
            ("dead_letter_limit", self.dead_letter_limit as u64),
        ];
        let long = spans.map(|(field, span)| (field, !span.is_zero(), "must be longer than zero"));
        let many = counts.map(|(field, count)| (field, count > 0, "must be at least 1"));
        for (field, _, message) in long.into_iter().chain(many).filter(|(_, holds, _)| !holds) {
            refuse(found, format!("alerts.{field}"), "out_of_range", message);
        }
    }

    fn check_names(&self, more: &[&str], found: &mut Found) {
        let mut seen: BTreeSet<_> = more.iter().copied().collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        for (name, kind) in self.sinks.names() {
            let field = format!("alerts.sinks.{kind}.{name}");
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                let message = "a sink's name must be 1 to 64 characters of [A-Za-z0-9._-]";
                refuse(found, field, "invalid_characters", message);
            } else if !seen.insert(name) {
                let message = "another sink has this name already";
                refuse(found, field, "duplicate", message);
            }
        }
    }

    /// Routes to sinks that are not there.
    fn check_routes(&self, more: &[&str], found: &mut Found) {
        let configured = self.sinks.names().map(|(name, _)| name);
        let known: BTreeSet<_> = configured.chain(more.iter().copied()).collect();
        for (index, route) in self.routes.iter().enumerate() {
            let unknown = route
                .sinks
                .iter()
                .filter(|name| !known.contains(name.as_str()));
            for name in unknown {
                let field = format!("alerts.routes.{index}.sinks");
                let all: Vec<_> = known.iter().copied().collect();
                let others = match all.as_slice() {
                    [] => "there is none".to_owned(),
                    all => format!("there are: {}", all.join(", ")),
                };
                let message = format!("there is no sink `{name}`; {others}");
                refuse(found, field, "unknown_sink", message);
            }
        }
    }
}

impl AlertmanagerConfig {
    fn check(&self, place: &str, found: &mut Found) {
        found.extend(wrong_url(
            &format!("{place}.url"),
            &self.url,
            &["http", "https"],
        ));
        if self.repost_interval < Duration::from_secs(1) {
            let field = format!("{place}.repost_interval_seconds");
            refuse(found, field, "out_of_range", "must be at least 1");
        }
        for label in self.labels.keys().filter(|label| !is_label(label)) {
            let field = format!("{place}.labels.{label}");
            let message = "a label's name must be a letter or _, then letters, digits and _";
            refuse(found, field, "invalid_characters", message);
        }
    }
}

fn is_label(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

impl WebhookConfig {
    fn check(&self, place: &str, found: &mut Found) {
        let field = format!("{place}.url");
        found.extend(wrong_url(&field, &self.url, &["https", "http"]));
        if let Ok(url) = Url::parse(&self.url) {
            let host = url.host_str().unwrap_or_default();
            if url.scheme() == "http" && !is_loopback(host) {
                let message = "must be HTTPS, except to this machine";
                refuse(found, field.clone(), "unsupported_scheme", message);
            }
            if !self.allowed_hosts.iter().any(|allowed| allowed == host) {
                let message = "its host must be listed in `allowed_hosts`";
                refuse(found, field, "host_not_allowed", message);
            }
        }
        if self.secrets.is_empty() {
            let message = "must hold at least one secret";
            refuse(found, format!("{place}.secrets"), "missing", message);
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            if webhook_key(secret.expose()).is_none() {
                let message = "must be `whsec_` and 24 to 64 bytes in base64";
                refuse(
                    found,
                    format!("{place}.secrets.{index}"),
                    "invalid_secret",
                    message,
                );
            }
        }
    }
}

/// The bytes of a webhook's secret.
pub(crate) fn webhook_key(secret: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let text = secret.strip_prefix("whsec_")?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}

impl EmailConfig {
    fn check(&self, place: &str, found: &mut Found) {
        let host = self.host.as_str();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/@:".contains(c)) {
            let message = "must be a host name, without scheme, port or user";
            refuse(found, format!("{place}.host"), "invalid_host", message);
        } else if self.tls == SmtpTls::None && !is_loopback(host) {
            let message = "`none` is for a server on this machine only; use `starttls`";
            refuse(found, format!("{place}.tls"), "insecure", message);
        }
        if self.username.is_some() != self.password.is_some() {
            let message = "username and password must be given together";
            refuse(found, format!("{place}.password"), "missing", message);
        }
        let readers = self.to.iter().enumerate();
        let readers = readers.map(|(index, to)| (format!("{place}.to.{index}"), to));
        let writer = (format!("{place}.from"), &self.from);
        for (field, address) in readers.chain([writer]) {
            if !is_mailbox(address) {
                let message = "must be an address such as `ops@fleet.example`";
                refuse(found, field, "invalid_address", message);
            }
        }
        if self.to.is_empty() {
            let message = "must name at least one reader";
            refuse(found, format!("{place}.to"), "missing", message);
        }
    }
}

/// `user@host` or `Name <user@host>`; the mail library looks closer at start.
fn is_mailbox(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => text,
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>".contains(c);
    let parts = address.split_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !address.contains(odd)
        && !text.contains(char::is_control)
}

impl TelegramConfig {
    fn check(&self, place: &str, found: &mut Found) {
        let field = format!("{place}.base_url");
        found.extend(wrong_url(&field, &self.base_url, &["https", "http"]));
        if let Ok(url) = Url::parse(&self.base_url)
            && url.scheme() == "http"
            && !is_loopback(url.host_str().unwrap_or_default())
        {
            let message = "must be HTTPS, except to this machine, because the token is in it";
            refuse(found, field, "unsupported_scheme", message);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let token = self.token.expose().split_once(':');
        let fits = token.is_some_and(|(bot, key)| {
            bot.chars().all(|c| c.is_ascii_digit())
                && !bot.is_empty()
                && key.chars().all(plain)
                && !key.is_empty()
        });
        if !fits {
            let message = "must be a bot's token such as `123456:ABC-DEF`";
            refuse(found, format!("{place}.token"), "invalid_token", message);
        }
        let number = self.chat_id.parse::<i64>().is_ok();
        let channel = self
            .chat_id
            .strip_prefix('@')
            .is_some_and(|name| !name.is_empty());
        if !number && !channel {
            let message = "must be a number in quotes, or `@` and a channel's name";
            refuse(found, format!("{place}.chat_id"), "invalid_chat", message);
        }
    }
}

fn refuse(found: &mut Found, field: String, code: &'static str, message: impl Into<String>) {
    found.push(Violation::new(field, code, message));
}

fn wrong_url(field: &str, text: &str, schemes: &[&str]) -> Option<Violation> {
    let refuse = |code, message: &str| Some(Violation::new(field, code, message));
    let Ok(url) = Url::parse(text) else {
        return refuse(
            "invalid_url",
            "must be a URL that begins with https:// or http://",
        );
    };
    if !schemes.contains(&url.scheme()) {
        return refuse("unsupported_scheme", "must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse("secret_in_url", "must not hold a user or password");
    }
    None
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
