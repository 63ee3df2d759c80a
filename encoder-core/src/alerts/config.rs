//! Settings of notification: when, how often, to whom.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::route::AlertRoute;
use super::sinks::SinksConfig;
use crate::model::{Severity, millis, seconds};

mod check;

#[cfg(feature = "notify")]
pub(super) use check::webhook_key;

/// When alerts are told, how often, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AlertsConfig {
    /// How long the first notice of a group waits for more symptoms of its cause.
    pub wait: WaitConfig,
    /// Alerts of one cause that begin within this time are one group, and told once. Default 5 min.
    #[serde(rename = "group_window_seconds", with = "seconds")]
    pub group_window: Duration,
    /// How long a group is silent before it is told again while nobody has acknowledged it.
    pub repeat: RepeatConfig,
    /// How many notices a sink gets; what is over the rate is summed up later.
    pub rates: RatesConfig,
    /// Who is told of what: the first route that matches, further ones only after `continue`.
    /// Empty stands for: critical alerts to Telegram and email, the rest to email (to Telegram
    /// where there is no email), and everything to Alertmanagers, webhooks and sinks of the
    /// program's own.
    pub routes: Vec<AlertRoute>,
    /// How notices are delivered.
    pub delivery: DeliveryConfig,
    /// Resolved alerts and delivered notices that are remembered, each. Default 1000.
    pub history_limit: usize,
    /// How long they are remembered. Default 30 days.
    #[serde(rename = "history_retention_seconds", with = "seconds")]
    pub history_retention: Duration,
    /// Notices that are kept after a sink did not take them. Default 200; the oldest go first.
    pub dead_letter_limit: usize,
    /// Where people find the server, for links in notices, for example `https://fleet.example`.
    pub public_url: Option<String>,
    /// The sinks by kind and name.
    pub sinks: SinksConfig,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            wait: WaitConfig::default(),
            group_window: Duration::from_secs(5 * 60),
            repeat: RepeatConfig::default(),
            rates: RatesConfig::default(),
            routes: Vec::new(),
            delivery: DeliveryConfig::default(),
            history_limit: 1000,
            history_retention: Duration::from_secs(30 * 24 * 3600),
            dead_letter_limit: 200,
            public_url: None,
            sinks: SinksConfig::default(),
        }
    }
}

/// How long the first notice of a group waits for more symptoms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WaitConfig {
    /// After a critical alert. Default 1 s.
    #[serde(rename = "critical_ms", with = "millis")]
    pub critical: Duration,
    /// After a warning. Default 5 s.
    #[serde(rename = "warning_ms", with = "millis")]
    pub warning: Duration,
    /// After an information. Default 30 s.
    #[serde(rename = "info_ms", with = "millis")]
    pub info: Duration,
    /// After an encoder fell silent at a site with several, so that a site that is down is one
    /// notice: the error analysis names it some seconds after the last encoder. Default 8 s.
    #[serde(rename = "cause_ms", with = "millis")]
    pub cause: Duration,
}

impl Default for WaitConfig {
    fn default() -> Self {
        Self {
            critical: Duration::from_secs(1),
            warning: Duration::from_secs(5),
            info: Duration::from_secs(30),
            cause: Duration::from_secs(8),
        }
    }
}

impl WaitConfig {
    /// The time for a severity.
    pub const fn of(&self, severity: Severity) -> Duration {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}

/// How long a group is silent before it is told again. Zero never tells it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RepeatConfig {
    /// While critical. Default 1 h.
    #[serde(rename = "critical_seconds", with = "seconds")]
    pub critical: Duration,
    /// While a warning. Default 12 h.
    #[serde(rename = "warning_seconds", with = "seconds")]
    pub warning: Duration,
}

impl Default for RepeatConfig {
    fn default() -> Self {
        Self {
            critical: Duration::from_secs(3600),
            warning: Duration::from_secs(12 * 3600),
        }
    }
}

impl RepeatConfig {
    /// The time for a severity; `None` never tells it again.
    pub fn of(&self, severity: Severity) -> Option<Duration> {
        let span = match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => Duration::ZERO,
        };
        (!span.is_zero()).then_some(span)
    }
}

/// Notices that a sink gets of one severity. News that trouble is over count by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many.
    pub notices: u32,
    /// In which time.
    #[serde(rename = "per_seconds", with = "seconds")]
    pub per: Duration,
}

/// Notices that a sink gets, by severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RatesConfig {
    /// Default 5 in 5 min.
    pub critical: RateLimit,
    /// Default 3 in 10 min.
    pub warning: RateLimit,
    /// Default 2 in 30 min.
    pub info: RateLimit,
}

impl Default for RatesConfig {
    fn default() -> Self {
        let rate = |notices, minutes: u64| RateLimit {
            notices,
            per: Duration::from_secs(minutes * 60),
        };
        Self {
            critical: rate(5, 5),
            warning: rate(3, 10),
            info: rate(2, 30),
        }
    }
}

impl RatesConfig {
    /// The rate of a severity.
    pub const fn of(&self, severity: Severity) -> RateLimit {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}

/// How notices are delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeliveryConfig {
    /// How long a sink may take for one notice. Default 10 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How often a notice is tried before it is a dead letter. Default 12, some 40 min in all.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each. Default 2 s.
    #[serde(rename = "first_pause_ms", with = "millis")]
    pub first_pause: Duration,
    /// The longest pause. Default 10 min.
    #[serde(rename = "longest_pause_seconds", with = "seconds")]
    pub longest_pause: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            attempts: 12,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(600),
        }
    }
}

impl DeliveryConfig {
    /// The pause after so many failures, less up to a quarter by the draw of 0 to 1, so that
    /// several that failed together do not come back together.
    pub fn pause(&self, failures: u32, draw: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let pause = self.first_pause.saturating_mul(1 << doublings);
        let pause = pause.min(self.longest_pause);
        pause.mul_f64(1.0 - draw.clamp(0.0, 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_spread_below() {
        let config = DeliveryConfig::default();
        let seconds = |failures| config.pause(failures, 0.0).as_secs();
        let all: Vec<_> = [1, 2, 3, 9, 10, 40].map(seconds).into();
        assert_eq!(all, [2, 4, 8, 512, 600, 600]);
        assert_eq!(config.pause(1, 1.0), Duration::from_millis(1500));
    }
}
