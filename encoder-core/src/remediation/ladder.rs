//! The built-in ladder: start again, then restart, and know when to leave it.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Attempt, Incident, Remediator, Step};
use crate::driver::{EncoderDriver, EncoderDriverExt};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Action, DeviceStreamState, EncoderStatus, Severity, alarm_code, issue_code, millis,
};

/// How much is tried in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LadderConfig {
    /// Whether anything is tried in place. Default true.
    pub enabled: bool,
    /// How long one step may take until the device reports that it streams. Default 5 s.
    #[serde(rename = "restart_deadline_ms", with = "millis")]
    pub restart_deadline: Duration,
    /// Steps for one incident of a stream that may move elsewhere. Default 1.
    pub max_attempts: u32,
    /// Steps for one incident of a stream that may not. Default 3.
    pub max_attempts_alone: u32,
    /// Time between looks at the device during a step. Default 100 ms.
    #[serde(rename = "confirm_interval_ms", with = "millis")]
    pub confirm_interval: Duration,
}

impl Default for LadderConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            restart_deadline: Duration::from_secs(5),
            max_attempts: 1,
            max_attempts_alone: 3,
            confirm_interval: Duration::from_millis(100),
        }
    }
}

/// Mends by starting and restarting the stream on its encoder.
///
/// A device that stopped is started; one that fails, or that a start did not help, is stopped
/// and started. Nothing else is tried in place, because nothing else is known to help:
///
/// - A silent device cannot be told anything.
/// - A lost picture or a booting device is not mended by a restart of the stream.
///
/// With a backup staged, each step in place delays the failover, and an encoder that just failed
/// is the less reliable of the two. So the stream moves at once, unless a restart in place is
/// expected to be on air sooner than the backup. Without a ready backup a failover must first
/// find and configure an encoder, and one attempt in place comes before it. A stream that may
/// not move at all gets more attempts, as there is nothing else to do for it.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// Settings.
    pub config: LadderConfig,
}

impl Ladder {
    /// A ladder with these settings.
    pub fn new(config: LadderConfig) -> Self {
        Self { config }
    }

    fn attempts_allowed(&self, incident: &Incident) -> usize {
        let attempts = match (self.config.enabled, incident.may_fail_over) {
            (false, _) => 0,
            (true, true) => self.config.max_attempts,
            (true, false) => self.config.max_attempts_alone,
        };
        usize::try_from(attempts).unwrap_or(usize::MAX)
    }

    async fn perform(
        &self,
        step: &Step,
        deadline: Duration,
        driver: &dyn EncoderDriver,
    ) -> Result<()> {
        let begun = Instant::now();
        let left = || deadline.saturating_sub(begun.elapsed());
        let interval = self.config.confirm_interval;
        if matches!(step, Step::Restart { .. }) {
            driver.stop().await?;
            driver.wait_until(left(), interval, is_idle).await?;
        }
        if matches!(step, Step::RecordStreamMode { .. }) {
            driver.control(&Action::ResetMediaState).await?;
        }
        driver.start().await?;
        driver.wait_until(left(), interval, is_streaming).await?;
        Ok(())
    }
}

#[async_trait]
impl Remediator for Ladder {
    fn next_step(&self, incident: &Incident, tried: &[Attempt]) -> Option<Step> {
        // A stream that is not in danger is not stopped to be mended.
        let endangered = incident.severity == Severity::Critical;
        if !endangered || !incident.reachable || tried.len() >= self.attempts_allowed(incident) {
            return None;
        }
        let backup_waits = incident.may_fail_over && incident.backup_ready;
        if backup_waits && incident.restart_estimate >= incident.switch_estimate {
            return None;
        }
        let deadline = self.config.restart_deadline;
        if incident.serves_files {
            // Until that is over, the device takes no start.
            return Some(Step::RecordStreamMode { deadline });
        }
        match incident.cause.as_str() {
            issue_code::STREAM_STOPPED if tried.is_empty() => Some(Step::Start { deadline }),
            issue_code::STREAM_STOPPED
            | issue_code::STREAM_FAILING
            | issue_code::STREAM_NOT_STARTED
            | alarm_code::STREAMING_FAILED => Some(Step::Restart { deadline }),
            _ => None,
        }
    }

    /// Dropped midway, a restart may leave the device stopped.
    async fn run(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<()> {
        let (Step::Start { deadline }
        | Step::Restart { deadline }
        | Step::RecordStreamMode { deadline }) = step
        else {
            let message = format!("{} does not put a stream back on air", step.as_str());
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        // The driver's own calls have timeouts that may be longer than what is left.
        let outcome = tokio::time::timeout(*deadline, self.perform(step, *deadline, driver)).await;
        outcome.unwrap_or_else(|_| {
            let message = format!("not on air within {} ms", deadline.as_millis());
            Err(Error::new(ErrorKind::DeadlineExceeded, message)
                .with_operation("Ladder::run")
                .with_context("encoder", driver.id())
                .with_context("step", step.as_str()))
        })
    }
}

fn is_idle(status: &EncoderStatus) -> bool {
    status.stream_state.is_idle()
}

fn is_streaming(status: &EncoderStatus) -> bool {
    status.stream_state == DeviceStreamState::Streaming
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
