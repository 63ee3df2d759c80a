//! Changing the settings of a stream that is on air.

use std::sync::Arc;

use super::actor::{Actor, within};
use super::bring_up::stop_and_confirm;
use super::decide::Fault;
use super::plan;
use crate::config::ReturnedPrimary;
use crate::driver::EncoderDriverExt;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::{Encoder, EncoderSnapshot};
use crate::model::{
    DeviceStreamState, EncoderId, EncoderStatus, IssueCode, PublishTarget, SettingsChange,
    Severity, StreamConfig, StreamConfigPatch, StreamState, Trigger,
};
use crate::validate::{validate_change, validate_for_encoder};

/// Time between looks at a device that was told to start.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

impl Actor {
    /// Applies a change that a client asked for, and ends whatever the stream was adapted to.
    ///
    /// A device that takes settings only while it is idle is not stopped for it where a backup can
    /// take over: the backup gets the settings and then the stream, and the old primary becomes the
    /// backup. Without such a backup the primary is stopped for the change; that interruption is
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
        if config == self.record().config && self.record().adaptation.is_none() {
            return Ok(());
        }
        let primary = self.encoder(&self.record().primary.encoder_id)?;
        self.check_limits(&primary, &config)?;
        // A device that answers nonsense is found out here, while it still streams undisturbed.
        let limit = self.cx.config.failover.command_timeout;
        within(limit, "EncoderDriver::status", primary.paced.status()).await?;
        let idle_only = !primary.driver.capability().configures_while_streaming;
        let result = if idle_only && self.can_hand_over_settings(&config) {
            self.reconfigure_by_hand_over(config).await
        } else {
            self.reconfigure_in_place(&primary, config).await
        };
        let (name, message) = match &result {
            Ok(message) => ("reconfigured", message.clone()),
            Err(error) => (
                "reconfigure_failed",
                format!("the old settings stay: {error}"),
            ),
        };
        self.note(name, Severity::Info, message);
        result.map(drop)
    }

    /// Moves the stream to its backup with the new settings. Says what it did.
    async fn reconfigure_by_hand_over(&mut self, config: StreamConfig) -> Result<String> {
        let began = self.cx.clock.instant();
        let from = self.record().primary.encoder_id.clone();
        let fault = Fault {
            cause: IssueCode::new("settings_changed"),
            message: format!("{from} takes new settings only while it is idle"),
            since: self.cx.clock.now(),
            reachable: true,
            evidence: vec!["configures_while_streaming=false".to_owned()],
            threshold: None,
        };
        let change = SettingsChange {
            config,
            adaptation: None,
        };
        let to = self.hand_over_with(change, &fault, Trigger::Manual).await?;
        let taken = self.cx.clock.instant().saturating_duration_since(began);
        self.reinstate(&from).await;
        Ok(format!(
            "interrupted for 0 ms by this manager: handed over to {to} with the new settings within {} ms",
            taken.as_millis()
        ))
    }

    /// Makes the encoder that a planned move left the backup at once, with the stream's settings,
    /// instead of when it is next looked at. What does not work out is left to that.
    async fn reinstate(&mut self, id: &EncoderId) {
        let returns = self.cx.config.failover.returned_primary == ReturnedPrimary::Backup;
        let encoder = self.cx.fleet.find(id);
        let Some(encoder) = encoder.filter(|e| returns && !e.spec().maintenance) else {
            return;
        };
        self.jobs.abort(id);
        let limits = self.cx.config.failover.clone();
        let slot = plan::backup_slot(self.record());
        let (config, target) = (self.record().effective(), self.record().target(slot));
        let preparing = async {
            stop_and_confirm(&encoder, limits.fence_deadline).await?;
            let call = encoder.driver.configure(&config, &target);
            within(limits.command_timeout * 2, "EncoderDriver::configure", call).await?;
            encoder.look_now();
            let mut snapshots = encoder.follow();
            let seen = snapshots.wait_for(|seen| holds(seen, &config, &target));
            // Running into the limit is fine: the answer says that the backup is not ready.
            let _ = tokio::time::timeout(self.cx.config.watch.timeout, seen).await;
            Ok::<_, Error>(())
        };
        if let Some(Ok(())) = self.while_undisturbed(preparing).await {
            self.saved
                .record
                .fences
                .retain(|fence| fence.encoder_id != *id);
            self.fence_attempts.remove(id);
            self.replace_backup(Some(id.clone()));
            self.mark_staged(id.clone(), Ok(()));
            self.note(
                "returned",
                Severity::Info,
                format!("{id} is the backup now"),
            );
            self.hold();
            self.save().await;
        }
    }

    /// Configures backup and primary where they are. Says what it did.
    async fn reconfigure_in_place(
        &mut self,
        primary: &Arc<Encoder>,
        config: StreamConfig,
    ) -> Result<String> {
        let backup = self.stage_backup(&config).await;
        let applied = self.apply(primary, &config).await;
        let Ok(interruption) = applied else {
            self.spare.forget();
            return applied.map(|_| String::new());
        };
        self.saved.record.config = config;
        self.saved.record.adaptation = None;
        self.saved.record.updated_at = self.cx.clock.now();
        self.saved.save().await?;
        if let Some((id, staged)) = backup {
            self.mark_staged(id, staged);
        }
        let ms = interruption.as_millis();
        Ok(format!("interrupted for {ms} ms by this manager"))
    }

    /// Checks settings against what an encoder can do.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every violation.
    pub(super) fn check_limits(&self, primary: &Arc<Encoder>, config: &StreamConfig) -> Result<()> {
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
    pub(super) async fn apply(
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
            let old = self.record().effective();
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

/// Whether an encoder was seen idle with these settings, as far as it tells.
fn holds(seen: &EncoderSnapshot, config: &StreamConfig, target: &PublishTarget) -> bool {
    let active = seen
        .status
        .as_ref()
        .and_then(|status| status.active.as_ref());
    let same = active.is_none_or(|active| active.differences(config, target).is_empty());
    seen.is_reachable() && seen.stream_state().is_idle() && same
}
