//! Settings of the driver, and the open questions about the device.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use encoder_core::model::{Secret, Violation, millis};
use encoder_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::pool::PoolConfig;

/// Number of streaming profiles a HELO stores.
pub(crate) const PROFILES: u8 = 10;

/// What the driver does where the input rate is unknown, because no signal is there or its format
/// is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownInput {
    /// Sets the full input rate, so that a device can be staged before its signal arrives.
    #[default]
    FullRate,
    /// Refuses to configure the device.
    Refuse,
}

/// How the driver treats every HELO of a fleet.
///
/// The second half answers what AJA's documents leave open; each default is the answer best
/// supported, or the careful one.
///
/// ```
/// let config: encoder_aja::AjaConfig =
///     serde_json::from_str(r#"{"profile": 9, "password": "studio"}"#)?;
/// assert!(!format!("{config:?}").contains("studio"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AjaConfig {
    /// Password of devices that are registered without one of their own.
    pub password: Option<Secret>,
    /// How long making a connection may take. Default 1 s.
    #[serde(rename = "connect_timeout_ms", with = "millis")]
    pub connect_timeout: Duration,
    /// How long reading a value may take, connection included: after this time a silent device
    /// fails [`status`](encoder_core::EncoderDriver::status). Default 1 s.
    #[serde(rename = "read_timeout_ms", with = "millis")]
    pub read_timeout: Duration,
    /// How long writing a value, logging in or opening the event feed may take. Default 3 s.
    #[serde(rename = "write_timeout_ms", with = "millis")]
    pub write_timeout: Duration,
    /// After this time a status asks for nothing more besides the stream state; what is left over
    /// comes with the next one. Default 600 ms.
    #[serde(rename = "refresh_budget_ms", with = "millis")]
    pub refresh_budget: Duration,
    /// Age at which temperature and stream duration are read again, since they move without an
    /// event. Default 10 s.
    #[serde(rename = "slow_refresh_ms", with = "millis")]
    pub slow_refresh: Duration,
    /// Age at which media and network are read again, since they decide about no stream: the slow
    /// collection of this driver. Name and size of a medium are read again when its free space has
    /// changed, and every 10 minutes. Default 30 s.
    #[serde(rename = "media_refresh_ms", with = "millis")]
    pub media_refresh: Duration,
    /// First pause before the event feed is opened again; doubles with every failure.
    /// Default 250 ms.
    #[serde(rename = "reconnect_min_ms", with = "millis")]
    pub reconnect_min: Duration,
    /// Longest pause before the event feed is opened again. Default 5 s.
    #[serde(rename = "reconnect_max_ms", with = "millis")]
    pub reconnect_max: Duration,
    /// How connections to a device are kept.
    pub pool: PoolConfig,
    /// Longest reply that is read, in bytes. Default 4 MiB.
    pub max_reply: usize,
    /// Certificates in PEM that are trusted besides the system's, for devices with HTTPS.
    pub extra_roots: Option<PathBuf>,

    /// The streaming profile, 1 to 10, that the driver writes and selects. Default 10, which
    /// leaves the lower ones to operators.
    pub profile: u8,
    /// Whether to listen to the device's long poll. Default true.
    pub events: bool,
    /// How long one long poll may be silent before it is sent again. AJA's own sample waits 50 s;
    /// the hold time of a HELO is unknown. Default 60 s.
    #[serde(rename = "event_hold_ms", with = "millis")]
    pub event_hold: Duration,
    /// Whether to configure a device that streams. What that does to the stream is unknown.
    /// Default false: a conflict.
    pub configure_while_streaming: bool,
    /// Whether values of the working copy (the parameters without a number) may be written when
    /// selecting the profile did not load them. Default true.
    pub write_working_copy: bool,
    /// What to do without a known input rate.
    pub unknown_input: UnknownInput,
    /// How often a written value is read back before it counts as refused. Default 3.
    pub readback_attempts: u32,
    /// Pause between these attempts. Default 100 ms.
    #[serde(rename = "readback_pause_ms", with = "millis")]
    pub readback_pause: Duration,
    /// Whether the state from the event feed, when idle, is enough to send the start command
    /// without reading the state first. A start command to a streaming device is taken to do
    /// nothing. Default true.
    pub start_trusts_events: bool,
    /// Whether the stop command is sent to an idle device as well. It also catches a device that
    /// accepted a start and does not show it yet; with linked start and stop it ends an idle
    /// device's recording. Default true.
    pub stop_when_idle: bool,
    /// How long after a preset recall its result is first read, since the result of an earlier
    /// recall may still stand. Default 500 ms.
    #[serde(rename = "recall_settle_ms", with = "millis")]
    pub recall_settle: Duration,
    /// How long a preset recall may take. Default 8 s, as in AJA's sample.
    #[serde(rename = "recall_timeout_ms", with = "millis")]
    pub recall_timeout: Duration,
    /// How long a recording medium that is no longer selected may still read as mounted.
    /// Default 4 s, as seen on a Ki Pro.
    #[serde(rename = "media_release_ms", with = "millis")]
    pub media_release: Duration,
    /// How long the newly selected medium may take after that to be mounted and ready.
    /// Default 14 s, as seen on a Ki Pro.
    #[serde(rename = "media_mount_ms", with = "millis")]
    pub media_mount: Duration,
    /// Pause between looks at a medium that is being mounted. Default 250 ms.
    #[serde(rename = "media_poll_ms", with = "millis")]
    pub media_poll: Duration,
}

impl Default for AjaConfig {
    fn default() -> Self {
        Self {
            password: None,
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(3),
            refresh_budget: Duration::from_millis(600),
            slow_refresh: Duration::from_secs(10),
            media_refresh: Duration::from_secs(30),
            reconnect_min: Duration::from_millis(250),
            reconnect_max: Duration::from_secs(5),
            pool: PoolConfig::default(),
            max_reply: 4 * 1024 * 1024,
            extra_roots: None,
            profile: PROFILES,
            events: true,
            event_hold: Duration::from_secs(60),
            configure_while_streaming: false,
            write_working_copy: true,
            unknown_input: UnknownInput::default(),
            readback_attempts: 3,
            readback_pause: Duration::from_millis(100),
            start_trusts_events: true,
            stop_when_idle: true,
            recall_settle: Duration::from_millis(500),
            recall_timeout: Duration::from_secs(8),
            media_release: Duration::from_secs(4),
            media_mount: Duration::from_secs(14),
            media_poll: Duration::from_millis(250),
        }
    }
}

impl AjaConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] with every violation.
    pub fn validate(&self) -> Result<()> {
        let spans = [
            ("connect_timeout_ms", self.connect_timeout),
            ("read_timeout_ms", self.read_timeout),
            ("write_timeout_ms", self.write_timeout),
            ("reconnect_min_ms", self.reconnect_min),
            ("event_hold_ms", self.event_hold),
            ("media_refresh_ms", self.media_refresh),
            ("pool.idle_timeout_seconds", self.pool.idle_timeout),
            ("pool.lifetime_seconds", self.pool.lifetime),
            ("pool.keepalive_seconds", self.pool.keepalive),
            ("media_poll_ms", self.media_poll),
        ];
        let zero = spans.iter().filter(|(_, span)| span.is_zero());
        let mut violations: Vec<_> = zero
            .map(|(field, _)| Violation::new(*field, "out_of_range", "must be longer than zero"))
            .collect();
        let mut rule = |held: bool, field: &str, message: &str| {
            if !held {
                violations.push(Violation::new(field, "out_of_range", message));
            }
        };
        let profiles = 1..=PROFILES;
        rule(
            profiles.contains(&self.profile),
            "profile",
            "must be 1 to 10",
        );
        rule(
            self.readback_attempts > 0,
            "readback_attempts",
            "must be 1 or more",
        );
        rule(
            self.max_reply >= 1024,
            "max_reply",
            "must be 1024 bytes or more",
        );
        rule(self.pool.max_idle > 0, "pool.max_idle", "must be 1 or more");
        let ordered = self.reconnect_max >= self.reconnect_min;
        rule(
            ordered,
            "reconnect_max_ms",
            "must not be below reconnect_min_ms",
        );
        if violations.is_empty() {
            return Ok(());
        }
        let message = "the settings of the HELO driver are wrong";
        Err(Error::new(ErrorKind::ConfigInvalid, message).with_violations(violations))
    }
}

impl fmt::Debug for AjaConfig {
    // Written by hand so that a new field shows only by decision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AjaConfig")
            .field(
                "password",
                &self.password.as_ref().map(|_| encoder_core::model::MASK),
            )
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("profile", &self.profile)
            .field("events", &self.events)
            .field("event_hold", &self.event_hold)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        AjaConfig::default().validate().unwrap();
    }

    #[test]
    fn every_wrong_value_is_named() {
        let config = AjaConfig {
            profile: 11,
            read_timeout: Duration::ZERO,
            ..AjaConfig::default()
        };
        let error = config.validate().unwrap_err();
        let fields: Vec<_> = error
            .violations()
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        assert_eq!(fields, ["read_timeout_ms", "profile"]);
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(serde_json::from_str::<AjaConfig>(r#"{"profil": 3}"#).is_err());
    }
}
