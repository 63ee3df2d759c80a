//! The sinks that come along: Alertmanager, webhooks, email, Telegram.

mod config;

pub use config::{
    AlertmanagerConfig, EmailConfig, SinksConfig, SmtpTls, TelegramConfig, WebhookConfig,
};

use std::sync::Arc;

use super::AlertsConfig;
use super::sink::AlertSink;
use crate::error::{Error, ErrorKind, Result};

/// Makes the configured sinks.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] naming the key: a file of certificates that cannot be read, an
/// address that is none, or sinks in a program built without the feature `notify`.
pub fn build(config: &AlertsConfig) -> Result<Vec<Arc<dyn AlertSink>>> {
    match config.sinks.names().next() {
        None => Ok(Vec::new()),
        Some((name, kind)) => {
            let message = format!(
                "alerts.sinks.{kind}.{name}: this program was built without sinks; build it with \
                 the feature `notify`"
            );
            Err(Error::new(ErrorKind::ConfigInvalid, message))
        }
    }
}
