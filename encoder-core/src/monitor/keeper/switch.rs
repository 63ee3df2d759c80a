//! Moves a recording: stops, selects, verifies, starts, and goes back where that fails.

use std::future::Future;
use std::time::Duration;

use super::StorageKeeper;
use super::book::Plan;
use crate::driver::{EncoderDriver, EncoderDriverExt};
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::Encoder;
use crate::model::{Action, DeviceRecordState, EncoderStatus, RecordingSwitch, SwitchOutcome};
use crate::monitor::storage::{primary, state_of};

/// Time between looks at a recorder that was told something.
const LOOK: Duration = Duration::from_millis(100);

impl StorageKeeper {
    /// Carries a switch out. Dropped midway, it leaves a device that does not record and has
    /// either medium.
    pub(super) async fn switch(&self, encoder: &Encoder, plan: Plan) -> RecordingSwitch {
        let driver = encoder.driver.as_ref();
        let (outcome, detail) = match self.stop(driver, &plan).await {
            Err(error) => (SwitchOutcome::Failed, error.message().to_owned()),
            Ok(()) => match self.select(driver, &plan.to).await {
                Ok(()) => self.resume(driver).await,
                Err(error) => self.go_back(driver, &plan, &error).await,
            },
        };
        plan.ended(self.clock.now(), outcome, &detail)
    }

    /// A recorder that failed may refuse to be stopped; that it does not write is enough.
    async fn stop(&self, driver: &dyn EncoderDriver, plan: &Plan) -> Result<()> {
        let limit = self.config.storage.record_timeout;
        let stopped = within(limit, driver.control(&Action::StopRecording)).await;
        match stopped {
            Ok(()) => driver.wait_until(limit, LOOK, rests).await.map(|_| ()),
            Err(error) if plan.stop => Err(error),
            Err(error) => {
                tracing::debug!(encoder = %driver.id(), %error, "broken recording not stopped");
                Ok(())
            }
        }
    }

    /// The driver says that the medium is ready; what the device then reads must agree.
    async fn select(&self, driver: &dyn EncoderDriver, medium: &str) -> Result<()> {
        let limit = self.config.storage.mount_timeout;
        let select = Action::SelectRecordingMedium {
            medium: medium.to_owned(),
        };
        within(limit, driver.control(&select)).await?;
        let status = within(limit, driver.status()).await?;
        let Some(held) = primary(&status.media) else {
            return Ok(());
        };
        let state = state_of(held, &status, self.config.direct.storage_percent);
        let is_it = held.kind.as_deref().is_none_or(|kind| kind == medium);
        if is_it && state.is_none_or(|state| state.takes_recordings()) {
            return Ok(());
        }
        let state = state.map_or("unknown", |state| state.as_str());
        let message = format!("{medium} was selected and is {state}");
        Err(Error::new(ErrorKind::DeviceRejected, message))
    }

    async fn resume(&self, driver: &dyn EncoderDriver) -> (SwitchOutcome, String) {
        match self.start(driver).await {
            Ok(()) => {
                let detail = "recording goes on in a new file".to_owned();
                (SwitchOutcome::Switched, detail)
            }
            Err(error) => {
                let detail = format!("the recording did not begin: {}", error.message());
                (SwitchOutcome::NotResumed, detail)
            }
        }
    }

    async fn start(&self, driver: &dyn EncoderDriver) -> Result<()> {
        let limit = self.config.storage.record_timeout;
        within(limit, driver.control(&Action::StartRecording)).await?;
        driver.wait_until(limit, LOOK, records).await.map(|_| ())
    }

    /// The former medium may not be ready, so its selection may fail as well; what the device then
    /// holds is what counts.
    async fn go_back(
        &self,
        driver: &dyn EncoderDriver,
        plan: &Plan,
        error: &Error,
    ) -> (SwitchOutcome, String) {
        let mut detail = error.message().to_owned();
        if let Err(error) = self.select(driver, &plan.from).await {
            tracing::debug!(encoder = %driver.id(), %error, "former medium not ready");
        }
        let limit = self.config.storage.mount_timeout;
        let held = within(limit, driver.status()).await.ok();
        let held = held.and_then(|status| primary(&status.media)?.kind.clone());
        if held.as_deref() != Some(&plan.from) {
            return (SwitchOutcome::Failed, detail);
        }
        if plan.stop {
            detail += match self.start(driver).await {
                Ok(()) => "; it records to the former medium again",
                Err(_) => "; it does not record to the former medium either",
            };
        }
        (SwitchOutcome::Reverted, detail)
    }
}

fn rests(status: &EncoderStatus) -> bool {
    matches!(
        status.record_state,
        DeviceRecordState::Idle | DeviceRecordState::FailingIdle
    )
}

fn records(status: &EncoderStatus) -> bool {
    status.record_state == DeviceRecordState::Recording
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", limit.as_secs());
        Err(Error::new(ErrorKind::DeadlineExceeded, message))
    })
}
