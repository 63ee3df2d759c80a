//! Changing the settings of a stream that is on air.

use std::sync::Arc;

use super::actor::{Actor, within};
use super::bring_up::stop_and_confirm;
use crate::driver::EncoderDriverExt;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::Encoder;
use crate::model::{
    DeviceStreamState, EncoderStatus, Severity, StreamConfig, StreamConfigPatch, StreamState,
};
use crate::validate::{validate_change, validate_for_encoder};

/// Time between looks at a device that was told to start.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

impl Actor {
    /// Applies a change: the backup first, then the primary, then the record.
    ///
    /// A device that takes no settings while it streams is stopped for it; that interruption is
    /// this manager's, and the timeline says how long it was.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every violation, [`ErrorKind::RevisionMismatch`],
    /// [`ErrorKind::Conflict`] while the stream starts, moves or stops, or those of the device;
    /// after an error the stream runs with its old settings.
    pub(super) async fn reconfigure(
        &mut self,
        patch: &StreamConfigPatch,
        expect: Option<u64>,
    ) -> Result<()> {
        let revision = self.saved.revision().0;
        if expect.is_some_and(|expect| expect != revision) {
            let message = format!("the stream changed meanwhile; its revision is {revision}");
            return Err(Error::new(ErrorKind::RevisionMismatch, message));
        }
        let state = self.record().state;
        if !matches!(state, StreamState::Live | StreamState::Degraded) {
            let message = format!("a stream that is {state} takes no new settings");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let (config, _warnings) = validate_change(&self.record().config, patch)?;
        if config == self.record().config {
            return Ok(());
        }
        let primary = self.encoder(&self.record().primary.encoder_id)?;
        self.check_limits(&primary, &config)?;
        // A device that answers nonsense is found out here, while it still streams undisturbed.
        let limit = self.cx.config.failover.command_timeout;
        within(limit, "EncoderDriver::status", primary.paced.status()).await?;
        let backup = self.stage_backup(&config).await;
        let result = self.apply(&primary, &config).await;
        let name = if result.is_ok() {
            "reconfigured"
        } else {
            "reconfigure_failed"
        };
        if result.is_ok() {
            self.saved.record.config = config;
            self.saved.record.updated_at = self.cx.clock.now();
            self.saved.save().await?;
            if let Some((id, staged)) = backup {
                self.mark_staged(id, staged);
            }
        } else {
            self.spare.forget();
        }
        let message = match &result {
            Ok(interruption) => format!(
                "interrupted for {} ms by this manager",
                interruption.as_millis()
            ),
            Err(error) => format!("the old settings stay: {error}"),
        };
        self.note(name, Severity::Info, message);
        result.map(drop)
    }

    fn check_limits(&self, primary: &Arc<Encoder>, config: &StreamConfig) -> Result<()> {
        let snapshot = primary.snapshot();
        let input = snapshot
            .status
            .as_ref()
            .and_then(|status| status.input.as_ref());
        let url = self.record().url(self.record().primary.slot).to_owned();
        let found = validate_for_encoder(config, &url, &primary.driver.capability(), input);
        if found.is_empty() {
            return Ok(());
        }
        let message = format!("{} cannot do what is asked", primary.id());
        Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(found))
    }

    /// Gives the idle backup the new settings. A hot one keeps publishing the old ones until the
    /// primary is through, and is synchronised afterwards.
    async fn stage_backup(
        &mut self,
        config: &StreamConfig,
    ) -> Option<(crate::model::EncoderId, Result<()>)> {
        let backup = self.record().backup.clone()?;
        let encoder = self.cx.fleet.find(&backup.encoder_id)?;
        let snapshot = encoder.snapshot();
        if !snapshot.is_reachable() || !snapshot.stream_state().is_idle() {
            return None;
        }
        self.jobs.abort(&backup.encoder_id);
        let target = self.record().target(backup.slot);
        let limit = self.cx.config.failover.command_timeout * 2;
        let call = encoder.paced.configure(config, &target);
        let result = within(limit, "EncoderDriver::configure", call).await;
        encoder.look_now();
        Some((backup.encoder_id, result))
    }

    /// Configures the primary, stopping it when it must. Returns the interruption.
    async fn apply(
        &mut self,
        primary: &Arc<Encoder>,
        config: &StreamConfig,
    ) -> Result<std::time::Duration> {
        let target = self.record().target(self.record().primary.slot);
        let limit = self.cx.config.failover.command_timeout;
        let live = primary.driver.capability().configures_while_streaming;
        let began = self.cx.clock.instant();
        if !live {
            self.starting_since = Some(self.cx.clock.now());
            stop_and_confirm(primary, self.cx.config.failover.fence_deadline).await?;
        }
        let call = primary.driver.configure(config, &target);
        let configured = within(limit * 2, "EncoderDriver::configure", call).await;
        if configured.is_err() {
            let old = self.record().config.clone();
            let back = primary.driver.configure(&old, &target);
            if let Err(error) = within(limit * 2, "EncoderDriver::configure", back).await {
                tracing::warn!(encoder = %primary.id(), %error, "old settings not restored");
            }
        }
        if !live {
            // Stopping is no part of the start that is measured.
            self.starting_since = Some(self.cx.clock.now());
            within(limit, "EncoderDriver::start", primary.driver.start()).await?;
            self.await_start(primary).await;
            self.ingest.restart(self.cx.clock.now());
        }
        primary.look_now();
        configured.map(|()| {
            if live {
                std::time::Duration::ZERO
            } else {
                self.cx.clock.instant().saturating_duration_since(began)
            }
        })
    }

    /// Waits for the device to stream again; if it does not, the next look finds the fault.
    async fn await_start(&self, primary: &Arc<Encoder>) {
        let grace = primary.start_grace(&self.cx.config.failover);
        let streaming: fn(&EncoderStatus) -> bool =
            |status| status.stream_state == DeviceStreamState::Streaming;
        // Running into the limit is no error here: the next look finds the fault.
        let _ = primary.driver.wait_until(grace, LOOK, streaming).await;
    }
}
