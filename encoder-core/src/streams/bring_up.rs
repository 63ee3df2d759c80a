//! The ends of a stream's life: bringing it on air, taking it up after a restart, stopping it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::actor::{Actor, within};
use super::decide::Fault;
use crate::error::{Error, ErrorKind, Result};
use crate::fleet::Encoder;
use crate::model::{
    Assignment, DeviceStreamState, EncoderId, Fence, IngestSlot, Severity, StreamState,
};

/// Time between attempts to start a primary that refuses.
const RETRY: Duration = Duration::from_secs(2);

impl Actor {
    /// Configures the primary and starts it. A device that refuses is a fault like any other,
    /// found at the next look.
    pub(super) async fn bring_up(&mut self) {
        let primary = self.record().primary.clone();
        let began = self.cx.clock.now();
        self.starting_since = Some(began);
        let stop = self.stop.clone();
        let Some(result) = stop.run_until_cancelled(self.set_off(&primary)).await else {
            return;
        };
        let Err(error) = result else {
            self.refused = None;
            return;
        };
        self.starting_since = None;
        self.retry_start_at = Some(self.cx.clock.instant() + RETRY);
        let fault = Fault {
            cause: error.kind().as_str().into(),
            message: format!("{} did not take the start: {error}", primary.encoder_id),
            since: self.refused.as_ref().map_or(began, |known| known.since),
            reachable: true,
            evidence: vec![format!("error={}", error.kind())],
            threshold: None,
        };
        if self.refused.is_none() {
            self.tell_error(&fault.cause, &fault.message);
            self.note("start_refused", Severity::Critical, fault.message.clone());
        }
        self.refused = Some(fault);
    }

    /// Configures an encoder for the stream and commands it to start.
    async fn set_off(&mut self, part: &Assignment) -> Result<()> {
        let encoder = self.encoder(&part.encoder_id)?;
        let limit = self.cx.config.failover.command_timeout;
        let target = self.record().target(part.slot);
        let driver = &encoder.driver;
        within(
            limit * 2,
            "EncoderDriver::configure",
            driver.configure(&self.record().effective(), &target),
        )
        .await?;
        // Start times are compared with those of staged backups, which are not configured again.
        self.starting_since = Some(self.cx.clock.now());
        within(limit, "EncoderDriver::start", driver.start()).await?;
        encoder.look_now();
        Ok(())
    }

    /// Goes on with a stream that an earlier process began, by what is found on the devices.
    pub(super) async fn take_up(&mut self) {
        let held = self
            .record()
            .fences
            .iter()
            .map(|fence| fence.encoder_id.clone());
        let parts = self
            .record()
            .backup
            .iter()
            .map(|backup| backup.encoder_id.clone());
        let mut ids: std::collections::BTreeSet<EncoderId> = held.chain(parts).collect();
        ids.insert(self.record().primary.encoder_id.clone());
        ids.extend(
            self.record()
                .failover
                .iter()
                .map(|failover| failover.to.clone()),
        );
        let watch = &self.cx.config.watch;
        self.cx
            .fleet
            .first_look(&ids, (watch.timeout + watch.retry_interval) * 3)
            .await;
        self.complete_timeline().await;
        match self.record().state {
            StreamState::Stopped | StreamState::Failed => {}
            StreamState::Stopping => {
                // Whoever asked is gone; the outcome is in the record and in the log.
                let _ = self.stop_all().await;
            }
            _ if self.record().failover.is_some() => self.resume_failover().await,
            _ => self.take_up_on_air().await,
        }
    }

    async fn take_up_on_air(&mut self) {
        let primary = self.record().primary.clone();
        let streaming = |id: &EncoderId| {
            self.cx
                .fleet
                .find(id)
                .is_some_and(|encoder| encoder.snapshot().is_streaming())
        };
        if streaming(&primary.encoder_id) {
            self.note(
                "resumed",
                Severity::Info,
                format!("{} streams", primary.encoder_id),
            );
            return;
        }
        let backup = self
            .record()
            .backup
            .clone()
            .filter(|backup| backup.slot == primary.slot);
        if let Some(backup) = backup.filter(|backup| self.publishes_ours(backup)) {
            return self.adopt(backup).await;
        }
        let reachable = self
            .cx
            .fleet
            .find(&primary.encoder_id)
            .is_some_and(|e| e.snapshot().is_reachable());
        let state = self
            .cx
            .fleet
            .find(&primary.encoder_id)
            .map(|e| e.snapshot().stream_state());
        self.note(
            "resumed",
            Severity::Warning,
            format!("{} does not stream", primary.encoder_id),
        );
        if reachable && state.is_some_and(DeviceStreamState::is_idle) {
            self.bring_up().await;
        } else {
            self.starting_since = Some(self.cx.clock.now());
        }
    }

    /// Whether an encoder was seen publishing this very stream.
    pub(super) fn publishes_ours(&self, part: &Assignment) -> bool {
        let Some(encoder) = self.cx.fleet.find(&part.encoder_id) else {
            return false;
        };
        let snapshot = encoder.snapshot();
        let active = snapshot
            .status
            .as_ref()
            .and_then(|status| status.active.as_ref());
        let target = active.and_then(|active| active.target.as_ref());
        let ours = target.is_none_or(|target| *target == self.record().target(part.slot));
        snapshot.is_reachable() && snapshot.stream_state().may_publish() && ours
    }

    /// A failover happened whose end could not be written: the record follows the devices.
    async fn adopt(&mut self, backup: Assignment) {
        let message = format!("{} was found publishing the stream", backup.encoder_id);
        let from = std::mem::replace(&mut self.saved.record.primary, backup);
        self.saved.record.backup = None;
        self.ingest.restart(self.cx.clock.now());
        self.add_fence(from, None, false);
        self.note("adopted", Severity::Warning, message);
        self.set_state(StreamState::Live).await;
    }

    /// Stops the stream on every encoder that may publish it. Encoders that could not be seen
    /// idle stay fenced: they are stopped when they come back.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`] when the end of the stream could not be written; nothing
    /// was acknowledged, and asking again is safe.
    pub(super) async fn stop_all(&mut self) -> Result<()> {
        if self.record().state == StreamState::Stopped {
            return Ok(());
        }
        self.set_state_quietly(StreamState::Stopping);
        self.saved.record.updated_at = self.cx.clock.now();
        self.saved.save().await?;
        self.publish();
        self.release_all().await;
        self.problems.clear();
        self.starting_since = None;
        self.set_state_quietly(StreamState::Stopped);
        self.saved.record.updated_at = self.cx.clock.now();
        self.saved.save().await?;
        self.hold();
        let left = self.record().fences.len();
        self.note(
            "stopped",
            Severity::Info,
            match left {
                0 => "stopped; all encoders are released".to_owned(),
                left => {
                    format!("stopped; {left} encoder(s) could not be seen idle and stay fenced")
                }
            },
        );
        Ok(())
    }

    /// Stops whatever may publish the stream and gives up what is idle.
    pub(super) async fn release_all(&mut self) {
        self.jobs.shutdown().await;
        let record = &self.saved.record;
        let mut parts = vec![record.primary.clone()];
        parts.extend(record.backup.clone());
        parts.extend(record.failover.iter().map(|f| Assignment {
            encoder_id: f.to.clone(),
            slot: f.to_slot,
        }));
        parts.dedup_by(|a, b| a.encoder_id == b.encoder_id);
        let stops = parts.iter().map(|part| self.stop_and_see(&part.encoder_id));
        let idle: Vec<bool> = join_all(stops).await;
        self.saved.record.backup = None;
        self.saved.record.failover = None;
        self.saved.record.drill = None;
        for (part, idle) in parts.into_iter().zip(idle) {
            if !idle {
                self.add_fence(part, None, true);
            }
        }
    }

    /// Stops an encoder and returns whether it was seen idle. An encoder that is not registered
    /// any more counts as idle: nobody can reach it.
    async fn stop_and_see(&self, id: &EncoderId) -> bool {
        let Some(encoder) = self.cx.fleet.find(id) else {
            return true;
        };
        let limit = self.cx.config.failover.fence_deadline;
        match stop_and_confirm(&encoder, limit).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(stream = %self.record().id, encoder = %id, %error, "not stopped");
                false
            }
        }
    }

    pub(super) fn add_fence(
        &mut self,
        part: Assignment,
        incident: Option<crate::model::IncidentId>,
        planned: bool,
    ) {
        self.saved
            .record
            .fences
            .retain(|fence| fence.encoder_id != part.encoder_id);
        self.fence_attempts.remove(&part.encoder_id);
        self.saved.record.fences.push(Fence {
            encoder_id: part.encoder_id,
            slot: part.slot,
            incident_id: incident,
            since: self.cx.clock.now(),
            idle_since: None,
            planned,
        });
    }
}

/// Tells an encoder to stop and waits until it reports that it is idle.
///
/// # Errors
/// Those of the device, or [`ErrorKind::DeadlineExceeded`].
pub(super) async fn stop_and_confirm(encoder: &Arc<Encoder>, limit: Duration) -> Result<()> {
    let stopping = async {
        encoder.driver.stop().await?;
        loop {
            // The device itself is asked, because a snapshot may be older than the command.
            if encoder.driver.status().await?.stream_state.is_idle() {
                encoder.look_now();
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(limit, stopping)
        .await
        .unwrap_or_else(|_| {
            let message = format!(
                "not idle within {} ms after the stop command",
                limit.as_millis()
            );
            Err(Error::new(ErrorKind::DeadlineExceeded, message)
                .with_context("encoder", encoder.id()))
        })
}

impl Assignment {
    /// An encoder on an address.
    pub(super) const fn new(encoder_id: EncoderId, slot: IngestSlot) -> Self {
        Self { encoder_id, slot }
    }
}
