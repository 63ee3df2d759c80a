//! The sinks that come along: Alertmanager, webhooks, email, Telegram. Their settings are always
//! there; the sinks themselves need the feature `notify`.

use std::sync::Arc;

use super::AlertsConfig;
use super::sink::AlertSink;
use crate::error::Result;
use crate::tasks::Clock;

#[cfg(feature = "notify")]
mod alertmanager;
mod config;
#[cfg(feature = "notify")]
mod email;
#[cfg(feature = "notify")]
mod http;
#[cfg(feature = "notify")]
mod telegram;
#[cfg(feature = "notify")]
mod text;
#[cfg(feature = "notify")]
mod webhook;

#[cfg(feature = "notify")]
pub use alertmanager::Alertmanager;
pub use config::{
    AlertmanagerConfig, EmailConfig, SinksConfig, SmtpTls, TelegramConfig, WebhookConfig,
};
#[cfg(feature = "notify")]
pub use email::Email;
#[cfg(feature = "notify")]
pub use telegram::Telegram;
#[cfg(feature = "notify")]
pub use webhook::Webhook;

/// Makes the configured sinks. The clock dates what is signed.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) naming the key: a file of
/// certificates that cannot be read, or a mail address that is none.
#[cfg(feature = "notify")]
pub fn build(config: &AlertsConfig, clock: &Clock) -> Result<Vec<Arc<dyn AlertSink>>> {
    let (sinks, link) = (&config.sinks, config.public_url.as_deref());
    let mut built: Vec<Arc<dyn AlertSink>> = Vec::new();
    for (name, sink) in &sinks.alertmanager {
        built.push(Arc::new(Alertmanager::try_new(name, sink, link)?));
    }
    for (name, sink) in &sinks.webhook {
        built.push(Arc::new(Webhook::try_new(name, sink, clock)?));
    }
    for (name, sink) in &sinks.email {
        built.push(Arc::new(Email::try_new(name, sink, link)?));
    }
    for (name, sink) in &sinks.telegram {
        built.push(Arc::new(Telegram::try_new(name, sink, link)?));
    }
    Ok(built)
}

/// Without the feature `notify` there are none.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`](crate::ErrorKind::ConfigInvalid) when one is configured.
#[cfg(not(feature = "notify"))]
pub fn build(config: &AlertsConfig, _: &Clock) -> Result<Vec<Arc<dyn AlertSink>>> {
    let Some((name, kind)) = config.sinks.names().next() else {
        return Ok(Vec::new());
    };
    let message = format!(
        "alerts.sinks.{kind}.{name}: this program was built without sinks; build it with the \
         feature `notify`"
    );
    Err(crate::error::Error::new(
        crate::error::ErrorKind::ConfigInvalid,
        message,
    ))
}
