//! Every threshold, interval and deadline of the manager, with its default.
//!
//! Plain serde structures: a program fills them from a file, from code, or not at all. Unknown
//! keys are errors. Fields named `…_seconds` and `…_ms` are numbers of those units.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alerts::AlertsConfig;
use crate::health::{ConnectionConfig, DirectConfig, ThermalConfig};
use crate::model::{AutoRemediation, Bitrate, Personality, Protection, TroubleKind, seconds};
use crate::monitor::errors::ErrorsConfig;
use crate::monitor::forecast::ForecastConfig;
use crate::monitor::reboots::RebootConfig;
use crate::monitor::series::SeriesConfig;
use crate::monitor::storage::StorageConfig;
use crate::remediation::{AdaptConfig, BudgetConfig, CareConfig, LadderConfig};

mod check;
mod failover;
mod ingest;
mod watch;

pub use failover::{FailoverConfig, ReturnedPrimary};
pub use ingest::{IngestConfig, UnknownPublishers};
pub use watch::WatchConfig;

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
    /// When an encoder counts as hot, how it is cooled, and how much may be asked of it at once.
    pub thermal: ThermalConfig,
    /// When figures of an encoder are continued into the future.
    pub forecast: ForecastConfig,
    /// When and how streams move.
    pub failover: FailoverConfig,
    /// What ingest witnesses are asked, and what their word counts for.
    pub ingest: IngestConfig,
    /// Whether the manager repairs by itself: `on`, `observe` (it says what it would do) or `off`.
    /// An encoder and a kind of trouble may be set to less; the most restrictive counts. Failover
    /// is no repair: `failover.automatic` says whether streams move.
    pub auto_remediation: AutoRemediation,
    /// The same for kinds of trouble: `stream`, `network`, `picture`, `session`, `media_state`,
    /// `connection`, `persistent`.
    pub auto_remediation_kinds: BTreeMap<TroubleKind, AutoRemediation>,
    /// How streams on air are adapted.
    pub adaptation: AdaptConfig,
    /// How devices are cared for.
    pub care: CareConfig,
    /// What is tried in place.
    pub remediation: LadderConfig,
    /// How often it may be tried.
    pub remediation_budget: BudgetConfig,
    /// When and where to recordings move.
    pub storage: StorageConfig,
    /// When restarts of a device are a loop.
    pub reboots: RebootConfig,
    /// What is recorded over time, and for how long.
    pub series: SeriesConfig,
    /// Patterns of errors, and when they are too many.
    pub errors: ErrorsConfig,
    /// Who is told of alerts, when, and how often.
    pub alerts: AlertsConfig,
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
            thermal: ThermalConfig::default(),
            forecast: ForecastConfig::default(),
            failover: FailoverConfig::default(),
            ingest: IngestConfig::default(),
            auto_remediation: AutoRemediation::default(),
            auto_remediation_kinds: BTreeMap::new(),
            adaptation: AdaptConfig::default(),
            care: CareConfig::default(),
            remediation: LadderConfig::default(),
            remediation_budget: BudgetConfig::default(),
            storage: StorageConfig::default(),
            reboots: RebootConfig::default(),
            series: SeriesConfig::default(),
            errors: ErrorsConfig::default(),
            alerts: AlertsConfig::default(),
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
