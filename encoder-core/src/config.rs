//! Every threshold, interval and deadline of the manager, with its default.
//!
//! Plain serde structures: a program fills them from a file, from code, or not at all. Unknown
//! keys are errors. Fields named `…_seconds` and `…_ms` are numbers of those units.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::health::{ConnectionConfig, DirectConfig, HistoryConfig};
use crate::model::{Bitrate, Personality, Protection, Violation, millis, seconds};
use crate::remediation::{BudgetConfig, LadderConfig};

/// Settings of a manager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ManagerConfig {
    /// Name of this manager among several on one store. The same name may take its lease over at
    /// once after a crash; two running managers must have different names.
    pub instance: String,
    /// How long the lease on the devices lasts without renewal.
    #[serde(rename = "lease_ttl_seconds", with = "seconds")]
    pub lease_ttl: Duration,
    /// Who gets a stream.
    pub balancer: BalancerChoice,
    /// How encoders are watched.
    pub watch: WatchConfig,
    /// When a connection counts as bad or lost.
    pub connection: ConnectionConfig,
    /// When a device counts as unwell.
    pub direct: DirectConfig,
    /// When and how streams move.
    pub failover: FailoverConfig,
    /// What ingest witnesses are asked, and what their word counts for.
    pub ingest: IngestConfig,
    /// What is tried in place.
    pub remediation: LadderConfig,
    /// How often it may be tried.
    pub remediation_budget: BudgetConfig,
    /// What a request for a stream may leave out.
    pub stream_defaults: StreamDefaults,
    /// How long streams that ended are remembered, with their timelines.
    #[serde(rename = "stream_retention_seconds", with = "seconds")]
    pub stream_retention: Duration,
    /// Events kept for slow and returning subscribers.
    pub event_capacity: usize,
    /// How long shutting down waits for work under way.
    #[serde(rename = "drain_seconds", with = "seconds")]
    pub drain: Duration,
}

impl Default for ManagerConfig {
    fn default() -> Self {
        Self {
            instance: "manager".to_owned(),
            lease_ttl: Duration::from_secs(10),
            balancer: BalancerChoice::default(),
            watch: WatchConfig::default(),
            connection: ConnectionConfig::default(),
            direct: DirectConfig::default(),
            failover: FailoverConfig::default(),
            ingest: IngestConfig::default(),
            remediation: LadderConfig::default(),
            remediation_budget: BudgetConfig::default(),
            stream_defaults: StreamDefaults::default(),
            stream_retention: Duration::from_secs(30 * 24 * 3600),
            event_capacity: 4096,
            drain: Duration::from_secs(10),
        }
    }
}

/// The built-in balancers by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BalancerChoice {
    /// By health, heat, load and operator's weight.
    #[default]
    Weighted,
    /// The emptiest.
    LeastLoaded,
    /// The better of two drawn at random.
    PowerOfTwo,
    /// One after the other.
    RoundRobin,
    /// The same stream to the same encoder, as far as it is free.
    Rendezvous,
}

/// How encoders are watched.
///
/// With the defaults a silent encoder on air is noticed within 1 s until the next poll, 1 s for
/// that poll to time out, 0.25 s until the retry and 1 s for the retry: 3.25 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchConfig {
    /// Time between liveness polls of an encoder that serves a stream or is its backup.
    #[serde(rename = "active_interval_ms", with = "millis")]
    pub active_interval: Duration,
    /// Time between liveness polls of any other encoder.
    #[serde(rename = "idle_interval_ms", with = "millis")]
    pub idle_interval: Duration,
    /// Time to the next poll after a failed one.
    #[serde(rename = "retry_interval_ms", with = "millis")]
    pub retry_interval: Duration,
    /// Time between polls of an encoder that has been silent for long.
    #[serde(rename = "silent_interval_ms", with = "millis")]
    pub silent_interval: Duration,
    /// How long a poll may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Time between health events when nothing changes.
    #[serde(rename = "report_interval_ms", with = "millis")]
    pub report_interval: Duration,
    /// How much is remembered.
    pub history: HistoryConfig,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            active_interval: Duration::from_secs(1),
            idle_interval: Duration::from_secs(5),
            retry_interval: Duration::from_millis(250),
            silent_interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            report_interval: Duration::from_secs(10),
            history: HistoryConfig::default(),
        }
    }
}

/// What becomes of an encoder that lost its stream and came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnedPrimary {
    /// It becomes the stream's backup again, and a stand-in is released.
    #[default]
    Backup,
    /// It goes back to the pool; a stand-in stays.
    Pool,
}

/// When and how streams move to another encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FailoverConfig {
    /// Whether streams move by themselves at all.
    pub automatic: bool,
    /// No second automatic failover of a stream for this long after the last.
    #[serde(rename = "hold_down_seconds", with = "seconds")]
    pub hold_down: Duration,
    /// Automatic failovers of one stream per hour.
    pub hourly_cap: u32,
    /// How long a device may take to start before that is a fault, when it was not measured yet.
    #[serde(rename = "start_grace_seconds", with = "seconds")]
    pub start_grace: Duration,
    /// Grace as a multiple of the slowest measured start.
    pub start_grace_factor: f64,
    /// Shortest grace, whatever was measured.
    #[serde(rename = "min_start_grace_ms", with = "millis")]
    pub min_start_grace: Duration,
    /// How long stopping the old encoder may take, verification included.
    #[serde(rename = "fence_deadline_ms", with = "millis")]
    pub fence_deadline: Duration,
    /// How long a device may take to accept a command; configuring may take twice as long.
    #[serde(rename = "command_timeout_ms", with = "millis")]
    pub command_timeout: Duration,
    /// How long a failover waits for the store before it goes on without it.
    #[serde(rename = "store_patience_ms", with = "millis")]
    pub store_patience: Duration,
    /// Time between attempts to stop an encoder that must not publish.
    #[serde(rename = "fence_retry_ms", with = "millis")]
    pub fence_retry: Duration,
    /// How long a witness may take to prove that the manager's own network works.
    #[serde(rename = "witness_timeout_ms", with = "millis")]
    pub witness_timeout: Duration,
    /// What becomes of a returned encoder.
    pub returned_primary: ReturnedPrimary,
    /// How long a returned encoder must be idle and well before it counts as returned.
    #[serde(rename = "reinstate_after_seconds", with = "seconds")]
    pub reinstate_after: Duration,
    /// Time between checks of a backup's configuration and readiness.
    #[serde(rename = "protection_interval_ms", with = "millis")]
    pub protection_interval: Duration,
    /// How long a drill stays on the other encoder before it returns.
    #[serde(rename = "drill_dwell_seconds", with = "seconds")]
    pub drill_dwell: Duration,
}

impl Default for FailoverConfig {
    fn default() -> Self {
        Self {
            automatic: true,
            hold_down: Duration::from_secs(30),
            hourly_cap: 6,
            start_grace: Duration::from_secs(10),
            start_grace_factor: 2.0,
            min_start_grace: Duration::from_secs(3),
            fence_deadline: Duration::from_secs(5),
            command_timeout: Duration::from_secs(5),
            store_patience: Duration::from_millis(500),
            fence_retry: Duration::from_secs(2),
            witness_timeout: Duration::from_millis(1000),
            returned_primary: ReturnedPrimary::default(),
            reinstate_after: Duration::from_secs(10),
            protection_interval: Duration::from_secs(5),
            drill_dwell: Duration::from_secs(10),
        }
    }
}

/// What becomes of a publisher that is none of the fleet's encoders as far as anybody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPublishers {
    /// It may publish if it knows a stream's key. Encoders behind address translation look like it.
    #[default]
    Allow,
    /// It may not, whatever it knows.
    Deny,
}

/// What an [`IngestWitness`](crate::IngestWitness) is asked, and what its word counts for. Without
/// a witness none of this matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IngestConfig {
    /// Time between looks.
    #[serde(rename = "poll_interval_ms", with = "millis")]
    pub poll_interval: Duration,
    /// Time between looks while one of its streams starts, moves, is rehearsed or falls silent, or
    /// an interruption is being measured.
    #[serde(rename = "moving_interval_ms", with = "millis")]
    pub moving_interval: Duration,
    /// How long a look, or a request to drop a publisher, may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How long nothing may arrive of a stream whose encoder says that it streams. At least two
    /// looks must fit in.
    #[serde(rename = "missing_after_ms", with = "millis")]
    pub missing_after: Duration,
    /// Whether a stream that the ingest still receives is left where it is, although its encoder
    /// does not answer.
    pub hold_while_received: bool,
    /// What becomes of publishers that cannot be told to be any encoder of the fleet.
    pub unknown_publishers: UnknownPublishers,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            moving_interval: Duration::from_millis(100),
            timeout: Duration::from_secs(1),
            missing_after: Duration::from_secs(2),
            hold_while_received: true,
            unknown_publishers: UnknownPublishers::default(),
        }
    }
}

/// What a request for a stream may leave out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StreamDefaults {
    /// Where streams go. Without it every request must name a destination.
    pub url: Option<String>,
    /// Second address.
    pub backup_url: Option<String>,
    /// How the ingest treats a second publisher.
    pub personality: Personality,
    /// How long the ingest keeps a publisher that vanished; needed to move a stream away from a
    /// silent encoder on an ingest that refuses the second publisher.
    pub idle_timeout_seconds: Option<f64>,
    /// How streams are protected.
    pub protection: Protection,
    /// Time between key frames.
    #[serde(rename = "keyframe_interval_seconds", with = "seconds")]
    pub keyframe_interval: Duration,
    /// Audio bitrate.
    pub audio_bitrate: Bitrate,
}

impl Default for StreamDefaults {
    fn default() -> Self {
        Self {
            url: None,
            backup_url: None,
            personality: Personality::default(),
            idle_timeout_seconds: None,
            protection: Protection::default(),
            keyframe_interval: Duration::from_secs(2),
            audio_bitrate: Bitrate::from_kbps(128),
        }
    }
}

impl ManagerConfig {
    /// Checks what types alone cannot: zero intervals, factors below one, empty names.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] listing every violation.
    pub fn validate(&self) -> Result<()> {
        let mut violations = Vec::new();
        let mut require = |holds: bool, field: &str, message: &str| {
            if !holds {
                violations.push(Violation::new(field, "out_of_range", message));
            }
        };
        let positive = [
            ("lease_ttl_seconds", self.lease_ttl),
            ("watch.active_interval_ms", self.watch.active_interval),
            ("watch.idle_interval_ms", self.watch.idle_interval),
            ("watch.retry_interval_ms", self.watch.retry_interval),
            ("watch.silent_interval_ms", self.watch.silent_interval),
            ("watch.timeout_ms", self.watch.timeout),
            ("watch.report_interval_ms", self.watch.report_interval),
            ("failover.start_grace_seconds", self.failover.start_grace),
            ("failover.fence_deadline_ms", self.failover.fence_deadline),
            ("failover.command_timeout_ms", self.failover.command_timeout),
            ("failover.fence_retry_ms", self.failover.fence_retry),
            ("failover.witness_timeout_ms", self.failover.witness_timeout),
            (
                "failover.protection_interval_ms",
                self.failover.protection_interval,
            ),
            ("ingest.poll_interval_ms", self.ingest.poll_interval),
            ("ingest.moving_interval_ms", self.ingest.moving_interval),
            ("ingest.timeout_ms", self.ingest.timeout),
        ];
        for (field, span) in positive {
            require(!span.is_zero(), field, "must be longer than zero");
        }
        let factor = self.failover.start_grace_factor;
        require(
            factor >= 1.0,
            "failover.start_grace_factor",
            "must be at least 1",
        );
        require(
            self.ingest.missing_after >= self.ingest.poll_interval * 2,
            "ingest.missing_after_ms",
            "must be at least twice poll_interval_ms",
        );
        require(!self.instance.is_empty(), "instance", "must not be empty");
        require(
            self.event_capacity > 0,
            "event_capacity",
            "must be at least 1",
        );
        if violations.is_empty() {
            return Ok(());
        }
        let fields: Vec<_> = violations
            .iter()
            .map(|v| format!("{}: {}", v.field, v.message))
            .collect();
        Err(Error::new(ErrorKind::ConfigInvalid, fields.join("; ")).with_violations(violations))
    }
}
