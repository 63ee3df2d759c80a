//! Where a stream goes: the choice of the replacement and the request for a move.

use super::Plan;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    EncoderId, FailoverAccepted, FailoverPhase, FailoverProgress, FailoverRequest, IncidentId,
    IssueCode, PhaseTiming, RejectedAlternative, StreamState, Trigger,
};
use crate::streams::actor::Actor;
use crate::streams::decide::Fault;
use crate::streams::plan;

impl Actor {
    /// Decides where to and in which order.
    ///
    /// # Errors
    /// [`ErrorKind::NoEncoderAvailable`] when there is no other encoder;
    /// [`ErrorKind::Conflict`] when the encoder that was asked for cannot take the stream.
    pub(in crate::streams) fn plan(
        &self,
        fault: &Fault,
        incident: IncidentId,
        trigger: Trigger,
        to: Option<EncoderId>,
    ) -> Result<Plan> {
        let decided = self.cx.clock.instant();
        let now = self.cx.clock.now();
        let mut rejected = Vec::new();
        let to = match to {
            Some(to) => self.check_target(to)?,
            None => self.choose_target(&mut rejected)?,
        };
        let publishing = self
            .publishing_backup()
            .filter(|backup| backup.encoder_id == to);
        let (order, to_slot) = plan::order(self.record(), publishing.as_ref());
        let drill = trigger == Trigger::Drill && self.record().drill.is_none();
        let returns = drill && fault.cause.as_str() != "drill_return";
        let primary = self.record().primary.clone();
        let evidence = fault.since.min(now);
        let progress = FailoverProgress {
            incident_id: incident,
            trigger,
            reason: fault.cause.to_string(),
            return_to: returns.then(|| primary.encoder_id.clone()),
            from: primary.encoder_id,
            from_slot: primary.slot,
            to,
            to_slot,
            order,
            phase: plan::first_phase(order),
            evidence_at: evidence,
            decided_at: now,
            timings: vec![PhaseTiming {
                phase: FailoverPhase::Detect,
                elapsed: now.since(evidence),
            }],
            change: None,
        };
        Ok(Plan {
            progress,
            fault: fault.clone(),
            rejected,
            decided,
        })
    }

    fn check_target(&self, to: EncoderId) -> Result<EncoderId> {
        let conflict = |reason: String| {
            Err(Error::new(ErrorKind::Conflict, reason).with_context("encoder", &to))
        };
        let encoder = self.encoder(&to)?;
        if self.record().primary.encoder_id == to {
            return conflict("the stream is on this encoder already".to_owned());
        }
        let readiness = self.readiness();
        if readiness.encoder_id.as_ref() == Some(&to) {
            return if readiness.ready {
                Ok(to)
            } else {
                conflict(format!(
                    "the backup is not ready: {}",
                    readiness.reasons.join("; ")
                ))
            };
        }
        let board = self.cx.fleet.board();
        match board.row_of(&to) {
            Some(row) if board.is_eligible(row) => Ok(encoder.id().clone()),
            Some(row) => conflict(board.reasons(row).join("; ")),
            None => conflict("not in the fleet".to_owned()),
        }
    }

    /// The backup when it is ready, otherwise a free encoder, otherwise a backup that is at least
    /// idle.
    fn choose_target(&self, rejected: &mut Vec<RejectedAlternative>) -> Result<EncoderId> {
        let readiness = self.readiness();
        if let Some(backup) = readiness.encoder_id.clone() {
            if readiness.ready {
                return Ok(backup);
            }
            let reason = readiness.reasons.join("; ");
            rejected.push(RejectedAlternative {
                alternative: format!("use {backup}"),
                reason,
            });
        }
        if let Some(free) = self.choose_spare(Vec::new()) {
            return Ok(free);
        }
        let idle = |id: &EncoderId| {
            self.cx.fleet.find(id).is_some_and(|encoder| {
                let snapshot = encoder.snapshot();
                snapshot.is_reachable() && snapshot.stream_state().is_idle()
            })
        };
        readiness.encoder_id.filter(idle).ok_or_else(|| {
            Error::new(
                ErrorKind::NoEncoderAvailable,
                "no other encoder could take the stream",
            )
        })
    }

    /// Checks a request to move the stream.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] in a state that has nothing to move, and those of [`Actor::plan`].
    pub(in crate::streams) fn accept_failover(
        &self,
        request: FailoverRequest,
        trigger: Trigger,
    ) -> Result<(FailoverAccepted, Plan)> {
        let state = self.record().state;
        if !matches!(state, StreamState::Live | StreamState::Degraded) {
            let message = format!("a stream that is {state} cannot be moved");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let reason = request.reason.unwrap_or_else(|| "requested".to_owned());
        let fault = Fault {
            cause: IssueCode::new(if trigger == Trigger::Drill {
                "drill"
            } else {
                "manual"
            }),
            message: reason,
            since: self.cx.clock.now(),
            reachable: true,
            evidence: Vec::new(),
            threshold: None,
        };
        let plan = self.plan(&fault, IncidentId::generate(), trigger, request.to)?;
        let accepted = FailoverAccepted {
            stream_id: self.record().id.clone(),
            incident_id: plan.progress.incident_id.clone(),
            from: plan.progress.from.clone(),
            to: plan.progress.to.clone(),
        };
        Ok((accepted, plan))
    }
}
