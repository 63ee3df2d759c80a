//! Moving a stream away from an encoder that still works, ahead of trouble.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{IncidentId, Trigger};
use crate::streams::actor::Actor;
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
        let declined = |reason: String| Err(Error::new(ErrorKind::Conflict, reason));
        let now = self.cx.clock.now();
        if let Err(held) = gate(self.record(), &self.cx.config.failover, now) {
            return declined(held.reason);
        }
        let backup = self.readiness();
        let Some(to) = backup.encoder_id.filter(|_| backup.ready) else {
            let reasons = backup.reasons.join("; ");
            return declined(format!("the backup is not ready: {reasons}"));
        };
        let incident = IncidentId::generate();
        let plan = self.plan(fault, incident, Trigger::Planned, Some(to.clone()))?;
        self.carry_out(plan).await;
        if self.record().primary.encoder_id == to {
            return Ok(());
        }
        let message = format!("{to} could not take over");
        Err(Error::new(ErrorKind::DeviceRejected, message).with_context("encoder", &to))
    }
}
