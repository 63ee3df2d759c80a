//! Health as data: issues and how bad they are.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Evidence, Health, Timestamp};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look soon.
    Warning,
    /// The stream is in danger or off air.
    Critical,
}

impl Severity {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Stable snake_case name of an issue: alarm codes of devices and the constants of
/// [`issue_code`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IssueCode(Cow<'static, str>);

impl IssueCode {
    /// A code known at compile time.
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for IssueCode {
    fn from(code: &'static str) -> Self {
        Self::new(code)
    }
}

impl From<String> for IssueCode {
    fn from(code: String) -> Self {
        Self(Cow::Owned(code))
    }
}

impl fmt::Display for IssueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Issue codes of the built-in policies.
pub mod issue_code {
    /// The device does not answer.
    pub const DEVICE_SILENT: &str = "device_silent";
    /// The device answers some requests and fails others.
    pub const CONNECTION_UNSTABLE: &str = "connection_unstable";
    /// The connection goes up and down again and again.
    pub const CONNECTION_FLAPPING: &str = "connection_flapping";
    /// Requests are lost at a regular period.
    pub const CONNECTION_LOSS_PERIODIC: &str = "connection_loss_periodic";
    /// Answers take ever longer.
    pub const CONNECTION_DEGRADING: &str = "connection_degrading";
    /// Answers are slow at certain hours of the day.
    pub const CONNECTION_SLOW_HOURS: &str = "connection_slow_hours";
    /// The device answers slowly.
    pub const CONNECTION_SLOW: &str = "connection_slow";
    /// The device answers, but with nonsense or refusals.
    pub const DEVICE_MISBEHAVES: &str = "device_misbehaves";
    /// The device reports that its stream fails.
    pub const STREAM_FAILING: &str = "stream_failing";
    /// The device stopped although it should stream.
    pub const STREAM_STOPPED: &str = "stream_stopped";
    /// The start was accepted and the device did not start in time.
    pub const STREAM_NOT_STARTED: &str = "stream_not_started";
    /// There is no usable picture at the device's input.
    pub const INPUT_LOST: &str = "input_lost";
    /// The device is hotter than the threshold.
    pub const TEMPERATURE_HIGH: &str = "temperature_high";
    /// The device gets hotter although it is cooled, or is about to shut down from heat.
    pub const OVERHEATING: &str = "overheating";
    /// The processor is busier than the threshold.
    pub const CPU_HIGH: &str = "cpu_high";
    /// Memory is fuller than the threshold.
    pub const MEMORY_HIGH: &str = "memory_high";
    /// A medium is fuller than the threshold.
    pub const STORAGE_LOW: &str = "storage_low";
    /// Nothing is left on a medium.
    pub const STORAGE_FULL: &str = "storage_full";
    /// The medium was pulled out under a recording.
    pub const STORAGE_REMOVED: &str = "storage_removed";
    /// A medium does not keep up with the recording.
    pub const STORAGE_SLOW: &str = "storage_slow";
    /// A medium is write-protected, damaged, or of a format that the device does not write.
    pub const STORAGE_UNWRITABLE: &str = "storage_unwritable";
    /// The recording goes on with another medium.
    pub const RECORDING_SWITCHED: &str = "recording_switched";
    /// A recording could not go on with another medium.
    pub const RECORDING_NOT_SWITCHED: &str = "recording_not_switched";
    /// The device restarts again and again.
    pub const REBOOT_LOOP: &str = "reboot_loop";
    /// The device boots or shuts down.
    pub const DEVICE_RESTARTING: &str = "device_restarting";
    /// Every encoder fell silent at once; the manager's own network is the suspect.
    pub const MANAGER_ISOLATED: &str = "manager_isolated";
    /// There is no backup that could take over now.
    pub const UNPROTECTED: &str = "unprotected";
    /// A failover is due and hold-down or the hourly cap forbids it.
    pub const FAILOVER_HELD: &str = "failover_held";
    /// A repair in place did not help.
    pub const REPAIR_FAILED: &str = "repair_failed";
    /// The last failover did not succeed.
    pub const FAILOVER_FAILED: &str = "failover_failed";
    /// The device says that it streams, and nothing of it arrives at the ingest.
    pub const INGEST_RECEIVES_NOTHING: &str = "ingest_receives_nothing";
    /// None of its streams arrives at the ingest; the ingest is the suspect, not the encoders.
    pub const INGEST_SUSPECT: &str = "ingest_suspect";
    /// The ingest's own statistics cannot be had, so nobody is judged by them.
    pub const INGEST_WITNESS_SILENT: &str = "ingest_witness_silent";
    /// The device does not answer, and the ingest still receives its stream.
    pub const DEVICE_SILENT_ON_AIR: &str = "device_silent_on_air";
    /// Somebody was kept from publishing the stream.
    pub const PUBLISHER_DENIED: &str = "publisher_denied";
    /// The measured bitrate is far below the configured one, and pictures are lost.
    pub const BITRATE_UNSTABLE: &str = "bitrate_unstable";
    /// The device serves its medium over the network instead of recording and streaming.
    pub const SERVES_FILES: &str = "serves_files";
    /// The stream runs with less than its client asked for.
    pub const ADAPTED: &str = "adapted";
    /// What the manager would do if it were allowed to, or could without an interruption.
    pub const REMEDIATION_PROPOSED: &str = "remediation_proposed";
    /// The device is told to stop and goes on publishing, or cannot be reached to be told.
    pub const FENCE_PENDING: &str = "fence_pending";
}

/// Something that is wrong, with evidence and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable name.
    pub code: IssueCode,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people, with the figures that led to it.
    pub message: String,
    /// Since when, as far as it is known.
    pub since: Timestamp,
    /// The figures that led to it, such as `temperature=84.0` and `threshold=80.0`.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

impl Issue {
    /// An issue without evidence beyond its message.
    pub fn new(
        code: impl Into<IssueCode>,
        severity: Severity,
        message: impl Into<String>,
        since: Timestamp,
    ) -> Self {
        Self {
            code: code.into(),
            severity,
            message: message.into(),
            since,
            evidence: Vec::new(),
        }
    }

    /// Adds what led to it.
    #[must_use]
    pub fn with_evidence<E: Into<Evidence>>(
        mut self,
        evidence: impl IntoIterator<Item = E>,
    ) -> Self {
        self.evidence.extend(evidence.into_iter().map(Into::into));
        self
    }
}

/// What a policy concludes about an encoder. Ordered from best to worst, `Unknown` first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not enough data; never treated as healthy.
    #[default]
    Unknown,
    /// Nothing to do.
    Healthy,
    /// Works, and should get less new work.
    Worn,
    /// Answers, and does not do its job.
    Failing,
    /// Does not answer.
    Silent,
}

/// What a score is made of; `None` where the encoder gives nothing to judge. How they add up is
/// told with worked figures in [scores](crate::docs::scores).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubScores {
    /// Processor, memory and temperature, less what alarms about them cost.
    pub system: Option<Health>,
    /// Stream and input, less what issues and alarms about them cost.
    pub stream: Option<Health>,
    /// The fullest medium, less what alarms about media cost.
    pub storage: Option<Health>,
    /// How the device answers.
    pub connection: Option<Health>,
}

impl SubScores {
    /// Part by part the lower of both, or the one that is there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            system: lower(self.system, other.system),
            stream: lower(self.stream, other.stream),
            storage: lower(self.storage, other.storage),
            connection: lower(self.connection, other.connection),
        }
    }
}

fn lower(a: Option<Health>, b: Option<Health>) -> Option<Health> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a < b { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// The conclusion of a [`crate::health::HealthPolicy`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The score, or `None` without any data.
    pub health: Option<Health>,
    /// What the score is made of.
    #[serde(default)]
    pub parts: SubScores,
    /// What it means.
    pub verdict: Verdict,
    /// What is wrong, worst first.
    pub issues: Vec<Issue>,
}

impl Assessment {
    /// The worst issue.
    pub fn worst(&self) -> Option<&Issue> {
        self.issues.iter().max_by_key(|issue| issue.severity)
    }

    /// Combines two conclusions about the same encoder: the worse verdict, the lower score, all
    /// issues worst first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.health = lower(self.health, other.health);
        self.parts = self.parts.and(other.parts);
        self.verdict = self.verdict.max(other.verdict);
        if !other.issues.is_empty() {
            self.issues.extend(other.issues);
            self.issues
                .sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        }
        self
    }
}

/// How a stream is doing, for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamCondition {
    /// On air, protected as asked for.
    Healthy,
    /// On air with a fault, or without its protection.
    Degraded,
    /// In danger of going off air, or moving.
    Failing,
    /// Off air.
    Failed,
}
