//! The backup: chosen, configured, and checked for as long as the stream lives.

use std::time::{Duration, Instant};

use super::actor::{Actor, Done, within};
use super::plan;
use super::protection::{BackupFacts, readiness};
use crate::balancer::Demand;
use crate::error::Result;
use crate::fleet::{EncoderSnapshot, Wanted};
use crate::model::{
    Assignment, BackupReadiness, DeviceStreamState, EncoderId, Protection, PublishTarget, Severity,
    StreamConfig, Timestamp, Verdict, issue_code,
};

/// Time between attempts to find or configure a backup.
const RETRY: Duration = Duration::from_secs(2);

/// What the manager did to the backup.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Configured with this, and the device confirmed.
    staged: Option<(EncoderId, StreamConfig, PublishTarget)>,
    /// When it confirmed.
    synced_at: Option<Timestamp>,
    error: Option<String>,
    retry_at: Option<Instant>,
    ready: bool,
}

impl Spare {
    pub(super) const fn is_settled(&self) -> bool {
        self.ready
    }

    pub(super) fn is_staged(
        &self,
        id: &EncoderId,
        config: &StreamConfig,
        target: &PublishTarget,
    ) -> bool {
        self.staged
            .as_ref()
            .is_some_and(|(staged, with, to)| staged == id && with == config && to == target)
    }

    /// Notes that the device holds these settings.
    pub(super) fn mark(
        &mut self,
        id: EncoderId,
        config: StreamConfig,
        target: PublishTarget,
        now: Timestamp,
    ) {
        self.error = None;
        self.synced_at = Some(now);
        self.staged = Some((id, config, target));
    }

    pub(super) const fn synced_at(&self) -> Option<Timestamp> {
        self.synced_at
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Actor {
    /// Keeps the backup chosen, configured and, for `hot`, publishing.
    pub(super) fn tend_spare(&mut self) {
        let protection = self.record().protection;
        if !self.wants_backup() {
            self.release_unwanted_backup();
        } else if self.may_retry() {
            self.find_backup();
            self.work_on_backup();
        }
        let readiness = self.readiness();
        self.spare.ready = readiness.ready || !protection.allows_failover();
        if readiness.ready && self.spare.synced_at.is_none() {
            // Its settings were read back, whoever sent them.
            self.spare.synced_at = Some(self.cx.clock.now());
        }
        if self.spare.ready {
            self.problems.remove(issue_code::UNPROTECTED);
        } else {
            let message = format!(
                "no backup could take over: {}",
                readiness.reasons.join("; ")
            );
            self.raise(issue_code::UNPROTECTED, Severity::Warning, &message);
        }
    }

    fn may_retry(&self) -> bool {
        self.spare
            .retry_at
            .is_none_or(|at| self.cx.clock.instant() >= at)
    }

    fn retry_later(&mut self) {
        self.spare.retry_at = Some(self.cx.clock.instant() + RETRY);
    }

    /// Chooses a backup when there is none, or another when the present one cannot serve.
    fn find_backup(&mut self) {
        let lost = match &self.record().backup {
            None => true,
            Some(backup) => !self.can_serve(&backup.encoder_id),
        };
        // A hot primary needs a backup that is not hot itself, if there is one.
        let cooling = self.cooling_encoders();
        let hot = |backup: &Assignment| cooling.contains(&backup.encoder_id);
        let too_hot = self.primary_heats_up() && self.record().backup.as_ref().is_some_and(hot);
        if !lost && !too_hot {
            return;
        }
        match self.choose_spare(if lost { Vec::new() } else { cooling }) {
            Some(id) => {
                self.note(
                    "backup_chosen",
                    Severity::Info,
                    format!("{id} is the backup now"),
                );
                self.replace_backup(Some(id));
                self.hold();
                // The next write carries it; until then a restart would choose again.
                self.saved.mark_dirty();
            }
            None => self.retry_later(),
        }
    }

    fn can_serve(&self, id: &EncoderId) -> bool {
        self.cx.fleet.find(id).is_some_and(|encoder| {
            let snapshot = encoder.snapshot();
            let verdict = snapshot.assessment.verdict;
            !encoder.spec().maintenance
                && !snapshot.is_restless()
                && !matches!(verdict, Verdict::Silent | Verdict::Failing)
        })
    }

    /// A free encoder outside the stream, preferably away from the primary's site, held from now
    /// on. None of `exclude`.
    pub(super) fn choose_spare(&self, mut exclude: Vec<EncoderId>) -> Option<EncoderId> {
        let record = self.record();
        exclude.push(record.primary.encoder_id.clone());
        exclude.extend(record.backup.iter().map(|backup| backup.encoder_id.clone()));
        exclude.extend(record.fences.iter().map(|fence| fence.encoder_id.clone()));
        let site = self
            .cx
            .fleet
            .find(&record.primary.encoder_id)
            .and_then(|e| e.spec().site.clone());
        let demand = Demand {
            key: record.id.to_string(),
            exclude,
            avoid_site: site,
            ..Demand::default()
        };
        let url = record.url(plan::backup_slot(record));
        let wanted = Wanted {
            stream: &record.id,
            config: &record.effective(),
            url,
            demand,
        };
        self.cx
            .fleet
            .place(wanted, rand::random())
            .ok()
            .map(|chosen| chosen.primary)
    }

    /// Gives the part of the backup to another encoder. One that publishes already is fenced.
    pub(super) fn replace_backup(&mut self, id: Option<EncoderId>) {
        let slot = plan::backup_slot(self.record());
        let next = id.map(|id| Assignment::new(id, slot));
        self.spare.forget();
        let previous = std::mem::replace(&mut self.saved.record.backup, next);
        if let Some(previous) = previous {
            self.jobs.abort(&previous.encoder_id);
            if self.record().protection == Protection::Hot {
                self.add_fence(previous, None, true);
            }
        }
    }

    fn work_on_backup(&mut self) {
        let Some(backup) = self.record().backup.clone() else {
            return;
        };
        let Some(encoder) = self.cx.fleet.find(&backup.encoder_id) else {
            return;
        };
        let snapshot = encoder.snapshot();
        if self.jobs.contains_key(&backup.encoder_id) || !snapshot.is_reachable() {
            return;
        }
        let target = self.record().target(backup.slot);
        let config = self.record().effective();
        let limit = self.cx.config.failover.command_timeout;
        let hot = self.record().protection == Protection::Hot;
        let state = snapshot.stream_state();
        if self.needs_staging(&backup, &snapshot) && state.is_idle() {
            let driver = std::sync::Arc::clone(&encoder.paced);
            self.work_beside(backup.encoder_id, async move {
                let call = driver.configure(&config, &target);
                let result = within(limit * 2, "EncoderDriver::configure", call).await;
                encoder.look_now();
                Done::Staged(result)
            });
        } else if hot && state.is_idle() {
            self.retry_later();
            self.work_beside(backup.encoder_id, async move {
                Done::Started(within(limit, "EncoderDriver::start", encoder.driver.start()).await)
            });
        } else if !hot && state.may_publish() && self.publishes_ours(&backup) {
            // A spare that publishes by itself would fight the primary for the ingest.
            self.stop_beside(encoder);
        }
    }

    fn needs_staging(&self, backup: &Assignment, snapshot: &EncoderSnapshot) -> bool {
        let record = self.record();
        let target = record.target(backup.slot);
        let config = record.effective();
        if !self.spare.is_staged(&backup.encoder_id, &config, &target) {
            return true;
        }
        let active = snapshot
            .status
            .as_ref()
            .and_then(|status| status.active.as_ref());
        active.is_some_and(|active| !active.differences(&config, &target).is_empty())
    }

    pub(super) fn job_done(&mut self, encoder: EncoderId, done: Done) {
        let is_backup = self
            .record()
            .backup
            .as_ref()
            .is_some_and(|b| b.encoder_id == encoder);
        match done {
            Done::Staged(result) if is_backup => self.staged(encoder.clone(), result),
            Done::Started(Err(error)) => {
                self.spare.error = Some(error.to_string());
                self.retry_later();
            }
            Done::Stopped(Err(error)) => {
                tracing::warn!(stream = %self.record().id, %encoder, %error, "not stopped yet");
            }
            Done::Staged(_) | Done::Started(Ok(())) | Done::Stopped(Ok(())) => {}
        }
        if let Some(encoder) = self.cx.fleet.find(&encoder) {
            encoder.look_now();
        }
    }

    fn staged(&mut self, encoder: EncoderId, result: Result<()>) {
        match result {
            Ok(()) => {
                let slot = plan::backup_slot(self.record());
                let target = self.record().target(slot);
                let config = self.record().effective();
                let now = self.cx.clock.now();
                self.spare.mark(encoder, config, target, now);
            }
            Err(error) => {
                self.spare.error = Some(error.to_string());
                self.retry_later();
            }
        }
    }

    /// Notes that the backup holds these settings, as the device confirmed to somebody else.
    pub(super) fn mark_staged(&mut self, encoder: EncoderId, result: Result<()>) {
        self.staged(encoder, result);
    }

    pub(super) fn spare_readiness(&self) -> BackupReadiness {
        let record = self.record();
        let unready = |reason: &str| BackupReadiness {
            reasons: vec![reason.to_owned()],
            ..BackupReadiness::default()
        };
        match (record.protection, &record.backup) {
            (Protection::None, _) => unready("no protection was asked for"),
            (Protection::Cold, None) => self.cold_readiness(),
            (_, None) => unready("no other encoder is free"),
            (_, Some(backup)) => self.backup_readiness(backup),
        }
    }

    fn cold_readiness(&self) -> BackupReadiness {
        let board = self.cx.fleet.board();
        let free = (0..board.len())
            .any(|row| board.is_eligible(row) && !self.record().holds(board.id(row)));
        let reasons = if free {
            Vec::new()
        } else {
            vec!["no other encoder is free".to_owned()]
        };
        BackupReadiness {
            encoder_id: None,
            ready: free,
            reasons,
        }
    }

    fn backup_readiness(&self, backup: &Assignment) -> BackupReadiness {
        let record = self.record();
        let encoder = self.cx.fleet.find(&backup.encoder_id);
        let snapshot = encoder.as_ref().map(|encoder| encoder.snapshot());
        let primary = self
            .cx
            .fleet
            .find(&record.primary.encoder_id)
            .map(|e| e.snapshot());
        let primary_input = primary
            .as_ref()
            .and_then(|s| s.status.as_ref()?.input.as_ref());
        let target = record.target(backup.slot);
        let config = record.effective();
        readiness(&BackupFacts {
            id: &backup.encoder_id,
            protection: record.protection,
            config: &config,
            target: &target,
            snapshot: snapshot.as_deref(),
            maintenance: encoder
                .as_ref()
                .is_some_and(|encoder| encoder.spec().maintenance),
            primary_input,
            staged: self.spare.is_staged(&backup.encoder_id, &config, &target),
            staging_error: self.spare.error.as_deref(),
        })
    }

    /// Whether the encoder is the stream's hot backup.
    pub(super) fn is_hot_backup(&self, id: &EncoderId) -> bool {
        let record = self.record();
        record.protection == Protection::Hot
            && record
                .backup
                .as_ref()
                .is_some_and(|backup| backup.encoder_id == *id)
    }

    /// The backup, when it publishes already.
    pub(super) fn publishing_backup(&self) -> Option<Assignment> {
        let backup = self
            .record()
            .backup
            .clone()
            .filter(|b| self.is_hot_backup(&b.encoder_id))?;
        let encoder = self.cx.fleet.find(&backup.encoder_id)?;
        let snapshot = encoder.snapshot();
        (snapshot.is_reachable() && snapshot.stream_state() == DeviceStreamState::Streaming)
            .then_some(backup)
    }
}
