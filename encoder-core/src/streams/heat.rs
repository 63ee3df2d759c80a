//! A stream on an encoder that gets too hot: a backup is made ready, and the stream leaves in time.
//!
//! A live stream is never cut to cool its encoder. As soon as the encoder cools, a backup that is
//! not hot itself is chosen, configured and verified, also for a stream that holds none otherwise.
//! When the encoder goes on heating up, the stream is handed over; without such a backup it stays
//! where it is and says so.

use super::actor::Actor;
use super::decide::Fault;
use crate::error::ErrorKind;
use crate::fleet::EncoderSnapshot;
use crate::health::Overheating;
use crate::model::{
    CoolingReason, EncoderId, IssueCode, Personality, Protection, Severity, issue_code,
};

impl Actor {
    /// Hands the stream over when its encoder is too hot to keep it.
    pub(super) async fn leave_heat(&mut self, snapshot: Option<&EncoderSnapshot>) {
        let overheating = snapshot.and_then(|snapshot| snapshot.overheating.as_ref());
        let Some((snapshot, overheating)) = snapshot.zip(overheating) else {
            self.problems.remove(issue_code::OVERHEATING);
            return;
        };
        let fault = self.fault_of(snapshot, overheating);
        let now = self.cx.clock.instant();
        let is_due = self.leave_again_at.is_none_or(|at| now >= at);
        let reason = match self.way_out(overheating.imminent) {
            Ok(()) if !is_due => "the last attempt to move it failed".to_owned(),
            Ok(()) => match self.hand_over(&fault).await {
                Ok(()) => return,
                Err(error) => {
                    if error.kind() != ErrorKind::Conflict {
                        // Another try would fence another encoder. It has to wait.
                        self.leave_again_at = Some(now + self.cx.config.failover.hold_down);
                    }
                    error.message().to_owned()
                }
            },
            Err(reason) => reason,
        };
        self.stay_in_heat(&fault, overheating.imminent, &reason);
    }

    fn stay_in_heat(&mut self, fault: &Fault, imminent: bool, reason: &str) {
        let severity = if imminent {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let message = format!("{}; it stays on air there: {reason}", fault.message);
        if self.raise(issue_code::OVERHEATING, severity, &message) {
            self.tell_error(&fault.cause, &message);
            let note = self.new_note(issue_code::OVERHEATING, severity, message);
            self.timeline
                .add(note.evidence(fault.evidence.clone(), fault.threshold.clone()));
        }
    }

    fn fault_of(&self, snapshot: &EncoderSnapshot, overheating: &Overheating) -> Fault {
        let cooling = snapshot.cooling.as_ref();
        let celsius = self.cx.config.direct.temperature_celsius;
        Fault {
            cause: IssueCode::new(issue_code::OVERHEATING),
            message: overheating.message.clone(),
            since: cooling.map_or_else(|| self.cx.clock.now(), |cooling| cooling.since),
            reachable: true,
            evidence: overheating.evidence.clone(),
            threshold: Some(format!("direct.temperature_celsius={celsius}")),
        }
    }

    /// Whether there is somewhere to go that is better than where the stream is, or why not.
    fn way_out(&self, imminent: bool) -> Result<(), String> {
        let record = self.record();
        let interrupts = record.destination.personality == Personality::Reject
            && record.protection != Protection::Hot;
        if interrupts && !imminent {
            return Err(
                "its ingest refuses a second publisher, so moving it would interrupt it".to_owned(),
            );
        }
        let backup = self.readiness();
        let Some(id) = backup.encoder_id.filter(|_| backup.ready) else {
            return Err(format!("no backup is ready: {}", backup.reasons.join("; ")));
        };
        // What is about to shut down is worse than any backup that is not.
        let hot = self.cx.fleet.find(&id).is_some_and(|encoder| {
            let snapshot = encoder.snapshot();
            snapshot.overheating.is_some() || (snapshot.cooling.is_some() && !imminent)
        });
        if hot {
            return Err(format!("the backup {id} is hot itself"));
        }
        Ok(())
    }

    /// Whether the encoder on air is hot, so that its stream may have to leave it.
    pub(super) fn primary_heats_up(&self) -> bool {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id);
        primary.is_some_and(|encoder| {
            let snapshot = encoder.snapshot();
            let warm = |reason| matches!(reason, CoolingReason::Temperature | CoolingReason::Score);
            let cools = snapshot.cooling.as_ref().is_some_and(|c| warm(c.reason));
            cools || snapshot.overheating.is_some()
        })
    }

    /// Whether the stream needs an encoder held for it now.
    pub(super) fn wants_backup(&self) -> bool {
        match self.record().protection {
            Protection::Hot | Protection::Warm => true,
            Protection::Cold => self.primary_heats_up(),
            Protection::None => false,
        }
    }

    /// Encoders that are being cooled.
    pub(super) fn cooling_encoders(&self) -> Vec<EncoderId> {
        let all = self.cx.fleet.all();
        let cooling = all
            .iter()
            .filter(|encoder| encoder.snapshot().cooling.is_some());
        cooling.map(|encoder| encoder.id().clone()).collect()
    }

    /// Gives up a backup that was only held while the primary was hot.
    pub(super) fn release_unwanted_backup(&mut self) {
        let Some(backup) = self.record().backup.clone() else {
            return;
        };
        self.jobs.abort(&backup.encoder_id);
        self.spare.forget();
        self.saved.record.backup = None;
        self.hold();
        // The next write carries it; after a restart it would be given up again.
        self.saved.mark_dirty();
        let message = format!("{} is not needed any more", backup.encoder_id);
        self.note("backup_released", Severity::Info, message);
    }
}
