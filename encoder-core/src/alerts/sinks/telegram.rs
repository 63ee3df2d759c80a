//! Telegram's Bot API: <https://core.telegram.org/bots/api#sendmessage>.
//!
//! The token is part of the address. So no address is shown, and no error keeps one.

use async_trait::async_trait;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::config::TelegramConfig;
use super::{http, text};
use crate::alerts::notice::Notice;
use crate::alerts::sink::AlertSink;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{MASK, Secret};

/// Longest text of a message, in UTF-16 units as Telegram counts.
const MAX_TEXT: usize = 4096;

/// A chat of Telegram.
#[derive(Debug)]
pub struct Telegram {
    name: String,
    http: reqwest::Client,
    address: Secret,
    token: Secret,
    chat: String,
    thread: Option<i64>,
    link: Option<String>,
}

#[derive(Serialize)]
struct Message<'a> {
    chat_id: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    ok: bool,
    description: String,
    parameters: Parameters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Telegram {
    /// A sink of this name.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for a file of certificates that cannot be read.
    pub fn try_new(name: &str, config: &TelegramConfig, link: Option<&str>) -> Result<Self> {
        let key = format!("alerts.sinks.telegram.{name}");
        let (base, token) = (config.base_url.trim_end_matches('/'), config.token.expose());
        Ok(Self {
            http: http::client(config.ca_file.as_deref(), &key)?,
            address: Secret::new(format!("{base}/bot{token}/sendMessage")),
            token: config.token.clone(),
            chat: config.chat_id.clone(),
            thread: config.thread_id,
            link: link.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    fn refused(&self, status: StatusCode, answer: &Answer, after: Option<u64>) -> Error {
        let description = answer.description.replace(self.token.expose(), MASK);
        let after = answer.parameters.retry_after.or(after);
        let retry = http::is_passing(status);
        let error = http::refused(status, &description, retry, after);
        match answer.parameters.migrate_to_chat_id {
            Some(chat) => error.with_context("configure_chat_id", chat),
            None => error,
        }
    }
}

#[async_trait]
impl AlertSink for Telegram {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "telegram"
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        let (subject, body) = (
            text::subject(notice),
            text::body(notice, self.link.as_deref()),
        );
        let message = Message {
            chat_id: &self.chat,
            text: cut(&format!("{subject}\n\n{body}")),
            message_thread_id: self.thread,
        };
        let request = self.http.post(self.address.expose()).json(&message);
        let response = request.send().await.map_err(http::unanswered)?;
        let (status, after) = (response.status(), http::retry_after(&response));
        let answer = http::body(response).await?;
        let parsed: Option<Answer> = serde_json::from_str(&answer).ok();
        match parsed {
            Some(answer) if answer.ok && status.is_success() => Ok(()),
            Some(answer) => Err(self.refused(status, &answer, after)),
            None if status.is_success() => {
                let message = "the answer is not that of the Bot API; is base_url right?";
                Err(Error::new(ErrorKind::DeviceProtocol, message).with_retry(Retry::Safe))
            }
            None => Err(self.refused(status, &Answer::default(), after)),
        }
    }
}

/// As much of a text as a message may hold.
fn cut(text: &str) -> String {
    let text = text.trim_end();
    let mut units = 0;
    let fits = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > MAX_TEXT
    });
    if fits.is_none() {
        return text.to_owned();
    }
    let mut units = 0;
    let short = text.chars().take_while(|letter| {
        units += letter.len_utf16();
        units < MAX_TEXT
    });
    short.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_as_telegram_counts() {
        assert_eq!(cut("short \n"), "short");
        let exact = "x".repeat(MAX_TEXT);
        assert_eq!(cut(&exact), exact);
        let long = cut(&"🙂".repeat(MAX_TEXT));
        assert!(long.encode_utf16().count() <= MAX_TEXT && long.ends_with('…'));
    }

    #[test]
    fn token_is_nowhere_to_be_seen() {
        let config = serde_json::from_str(r#"{"token": "123:hush", "chat_id": "1"}"#);
        let sink = Telegram::try_new("phone", &config.unwrap(), None).unwrap();
        assert!(!format!("{sink:?}").contains("hush"));
        let answer = Answer {
            description: "bot123:hush is unknown".to_owned(),
            ..Answer::default()
        };
        let error = sink.refused(StatusCode::UNAUTHORIZED, &answer, None);
        assert!(!format!("{error} {error:?}").contains("hush"));
        assert_eq!(error.retry(), Retry::Never);
    }
}
