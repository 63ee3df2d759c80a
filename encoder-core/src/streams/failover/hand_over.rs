//! Moving a stream away from an encoder that still works: ahead of trouble, or because it shall
//! have settings that this encoder takes only while it is idle.

use crate::error::{Error, ErrorKind, Result};
use crate::fleet::EncoderSnapshot;
use crate::model::{
    EncoderId, IncidentId, Personality, Protection, SettingsChange, StreamConfig, Trigger, Verdict,
};
use crate::streams::actor::{Actor, within};
use crate::streams::decide::{Fault, gate};

impl Actor {
    /// Hands the stream to its backup, if that is ready and the rules for automatic moves allow it.
    /// The primary stays on air until the backup streams, and is stopped then.
    ///
    /// `fault` says why; its cause becomes the reason of the move.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] with the reason when nothing was begun; the stream is where it was.
    /// [`ErrorKind::DeviceRejected`] when the backup could not take over; the stream was left with
    /// its primary, as after any failover that failed.
    pub(in crate::streams) async fn hand_over(&mut self, fault: &Fault) -> Result<()> {
        let now = self.cx.clock.now();
        if let Err(held) = gate(self.record(), &self.cx.config.failover, now) {
            return Err(Error::new(ErrorKind::Conflict, held.reason));
        }
        let to = self.ready_backup()?;
        let incident = IncidentId::generate();
        let plan = self.plan(fault, incident, Trigger::Planned, Some(to.clone()))?;
        self.carry_out(plan).await;
        self.arrived_on(&to)
    }

    /// Hands the stream to its backup and gives it other settings with the move: the backup is
    /// configured while it is idle, and takes over then. The settings and the new primary become
    /// the stream's in one write, so there is no moment at which a crash could leave one without
    /// the other.
    ///
    /// Asks no gate: whoever calls this by itself must have asked.
    ///
    /// # Errors
    /// Those of [`Actor::hand_over`], and those of the backup when it does not take the settings.
    /// After an error the stream is with its primary and its old settings.
    pub(in crate::streams) async fn hand_over_with(
        &mut self,
        change: SettingsChange,
        fault: &Fault,
        trigger: Trigger,
    ) -> Result<EncoderId> {
        let to = self.ready_backup()?;
        let mut plan = self.plan(fault, IncidentId::generate(), trigger, Some(to.clone()))?;
        let staged = self.stage(&to, &change).await;
        self.spare.forget();
        staged?;
        let target = self.record().target(plan.progress.to_slot);
        let now = self.cx.clock.now();
        self.spare.mark(to.clone(), change.effective(), target, now);
        plan.progress.change = Some(Box::new(change));
        plan.decided = self.cx.clock.instant();
        self.carry_out(plan).await;
        self.arrived_on(&to)?;
        Ok(to)
    }

    /// Whether a setting can be changed by a move that nobody at the ingest notices: the backup is
    /// idle and ready, and the ingest lets it in while the primary is still there.
    pub(in crate::streams) fn can_hand_over_settings(&self, config: &StreamConfig) -> bool {
        let record = self.record();
        let backup = record.backup.as_ref();
        let backup = backup.and_then(|backup| self.cx.fleet.find(&backup.encoder_id));
        record.protection == Protection::Warm
            && record.destination.personality != Personality::Reject
            && self.readiness().ready
            && self.is_undisturbed()
            && backup.is_some_and(|backup| self.check_limits(&backup, config).is_ok())
    }

    fn ready_backup(&self) -> Result<EncoderId> {
        let backup = self.readiness();
        let ready = backup.encoder_id.filter(|_| backup.ready);
        ready.ok_or_else(|| {
            let reasons = backup.reasons.join("; ");
            Error::new(
                ErrorKind::Conflict,
                format!("the backup is not ready: {reasons}"),
            )
        })
    }

    fn arrived_on(&self, to: &EncoderId) -> Result<()> {
        if self.record().primary.encoder_id == *to {
            return Ok(());
        }
        let message = format!("{to} could not take over");
        Err(Error::new(ErrorKind::DeviceRejected, message).with_context("encoder", to))
    }

    /// Gives the idle backup other settings, for as long as the primary needs no attention.
    async fn stage(&mut self, to: &EncoderId, change: &SettingsChange) -> Result<()> {
        let encoder = self.encoder(to)?;
        self.jobs.abort(to);
        let slot = crate::streams::plan::backup_slot(self.record());
        let (config, target) = (change.effective(), self.record().target(slot));
        let limit = self.cx.config.failover.command_timeout * 2;
        let call = encoder.driver.configure(&config, &target);
        let call = within(limit, "EncoderDriver::configure", call);
        let staged = self.while_undisturbed(call).await;
        encoder.look_now();
        staged.unwrap_or_else(|| {
            let message = "the stream needed attention while its backup was being configured";
            Err(Error::new(ErrorKind::Conflict, message).with_context("encoder", to))
        })
    }

    fn is_undisturbed(&self) -> bool {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id);
        primary.is_some_and(|primary| is_undisturbed(&primary.snapshot()))
    }

    /// Does something beside the stream for as long as its primary is on air and well enough and
    /// nobody stops the stream; `None` when that came first.
    pub(in crate::streams) async fn while_undisturbed<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id)?;
        let mut snapshots = primary.follow();
        tokio::select! {
            done = work => Some(done),
            _ = snapshots.wait_for(|snapshot| !is_undisturbed(snapshot)) => None,
            () = self.stop.cancelled() => None,
        }
    }
}

fn is_undisturbed(snapshot: &EncoderSnapshot) -> bool {
    snapshot.is_streaming() && snapshot.assessment.verdict != Verdict::Failing
}
