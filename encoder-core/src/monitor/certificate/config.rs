//! Settings of the certificate monitor that decisions depend on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::seconds;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How many days before its end a certificate is worth a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpiryConfig {
    /// Worth knowing: it should have been renewed by now. Default 30.
    pub info_days: u32,
    /// Worth a look soon. Default 14.
    pub warning_days: u32,
    /// Worth a look now. Default 3.
    pub critical_days: u32,
}

impl Default for ExpiryConfig {
    fn default() -> Self {
        Self {
            info_days: 30,
            warning_days: 14,
            critical_days: 3,
        }
    }
}

impl ExpiryConfig {
    /// Whether each threshold is nearer to the end than the one before.
    pub fn is_ordered(&self) -> bool {
        self.critical_days <= self.warning_days && self.warning_days <= self.info_days
    }
}

/// A way to get a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalMethod {
    /// The server orders it itself.
    Acme,
    /// `certbot renew` with a deploy hook.
    Certbot,
}

impl RenewalMethod {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Certbot => "certbot",
        }
    }
}

/// When a certificate is renewed, by what, and how often that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RenewalConfig {
    /// Ways to renew, the first tried first. Without any, nothing is renewed. Default none.
    pub methods: Vec<RenewalMethod>,
    /// Renewed so many days before its end, or when a third of its life is left if that is later.
    /// Default 30.
    pub before_days: u32,
    /// Attempts by whatever method within `window`. Default 5, which is what public authorities
    /// allow to fail within an hour.
    pub max_attempts: u32,
    /// The window of `max_attempts`. Default 1 day.
    #[serde(rename = "window_seconds", with = "seconds")]
    pub window: Duration,
    /// Wait after every method failed once; it doubles with each further round. Default 10 minutes.
    #[serde(rename = "back_off_seconds", with = "seconds")]
    pub back_off: Duration,
    /// The longest wait. Default 1 day.
    #[serde(rename = "max_back_off_seconds", with = "seconds")]
    pub max_back_off: Duration,
}

impl Default for RenewalConfig {
    fn default() -> Self {
        Self {
            methods: Vec::new(),
            before_days: 30,
            max_attempts: 5,
            window: DAY,
            back_off: Duration::from_secs(600),
            max_back_off: DAY,
        }
    }
}

pub(super) fn days(count: u32) -> Duration {
    DAY.saturating_mul(count)
}
