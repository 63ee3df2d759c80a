//! Webhooks, signed as <https://www.standardwebhooks.com> says.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use sha2::Sha256;

use super::config::WebhookConfig;
use super::http;
use crate::alerts::config::webhook_key;
use crate::alerts::notice::Notice;
use crate::alerts::sink::AlertSink;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, Timestamp};
use crate::tasks::Clock;

/// A receiver of signed webhooks.
///
/// Posted is `{"type": "alert.firing", "timestamp": …, "data": <notice>}`. The header
/// `webhook-id` is the notice's id in every attempt, `webhook-timestamp` the moment of the attempt,
/// and `webhook-signature` holds one signature for each secret.
#[derive(Debug)]
pub struct Webhook {
    name: String,
    http: reqwest::Client,
    url: String,
    keys: Vec<Secret<Vec<u8>>>,
    clock: Clock,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: &'a Notice,
}

impl Webhook {
    /// A sink of this name. The clock dates the signatures.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for a secret that is none, or a file of certificates that
    /// cannot be read.
    pub fn try_new(name: &str, config: &WebhookConfig, clock: &Clock) -> Result<Self> {
        let place = format!("alerts.sinks.webhook.{name}");
        let key = |secret: &Secret| webhook_key(secret.expose()).map(Secret::new);
        let keys: Option<Vec<_>> = config.secrets.iter().map(key).collect();
        let keys = keys.ok_or_else(|| {
            let message = format!("{place}.secrets: must be `whsec_` and 24 to 64 bytes in base64");
            Error::new(ErrorKind::ConfigInvalid, message)
        })?;
        Ok(Self {
            http: http::client(config.ca_file.as_deref(), &place)?,
            name: name.to_owned(),
            url: config.url.clone(),
            clock: clock.clone(),
            keys,
        })
    }

    /// All signatures of a message, for the header.
    fn signatures(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        let sign = |key: &Secret<Vec<u8>>| {
            let mac = Hmac::<Sha256>::new_from_slice(key.expose());
            let mut mac = mac.expect("HMAC takes keys of any length");
            mac.update(signed.as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.keys.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[async_trait]
impl AlertSink for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        let payload = Payload {
            kind: format!("alert.{}", notice.kind.as_str()),
            timestamp: notice.created_at,
            data: notice,
        };
        let body = serde_json::to_string(&payload).map_err(|error| {
            let message = "the notice cannot be written as JSON";
            Error::new(ErrorKind::Unexpected, message).with_source(error)
        })?;
        let (id, now) = (
            notice.notice_id.as_str(),
            self.clock.now().as_millis() / 1000,
        );
        let response = self
            .http
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", self.signatures(id, now, &body))
            .body(body)
            .send()
            .await
            .map_err(http::unanswered)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = http::retry_after(&response);
        let answer = http::body(response).await?;
        // The scheme asks to try again after anything but 410, which ends it.
        let retry = status != StatusCode::GONE && !status.is_redirection();
        Err(http::refused(status, &answer, retry, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::at;

    #[test]
    fn signature_is_that_of_the_specification() {
        let config = serde_json::from_str(
            r#"{"url": "https://h/", "allowed_hosts": ["h"],
                "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]}"#,
        );
        let sink = Webhook::try_new("hook", &config.unwrap(), &Clock::anchored(at(0))).unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signatures = sink.signatures("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        let (first, second) = signatures.split_once(' ').unwrap();
        assert_eq!(first, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(second.starts_with("v1,") && second != first);
    }
}
