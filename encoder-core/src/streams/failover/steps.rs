//! The steps between a plan and its end, each of which can be done twice.

use std::sync::Arc;
use std::time::Duration;

use super::{Advance, Setback};
use crate::error::{Error, Result};
use crate::fleet::{Duty, EncoderSnapshot};
use crate::ingest::Seen;
use crate::model::{
    Assignment, DeviceStreamState, FailoverOrder, FailoverPhase, FailoverProgress, Timestamp,
    Trigger, Verdict,
};
use crate::streams::actor::{Actor, within};

/// Time between looks at a device that was told to start and reports nothing by itself.
const CONFIRM_LOOK: Duration = Duration::from_millis(250);

impl Actor {
    /// Configures the replacement unless it is staged, and commands it to start.
    pub(super) async fn start_phase(&mut self, progress: &FailoverProgress) -> Advance {
        let failed = |error: Error| Setback::Failed(format!("{}: {error}", progress.to));
        let encoder = self.encoder(&progress.to).map_err(failed)?;
        let target = self.record().target(progress.to_slot);
        let limit = self.cx.config.failover.command_timeout;
        self.starting_since = Some(self.cx.clock.now());
        let part = Assignment::new(progress.to.clone(), progress.to_slot);
        if encoder.snapshot().is_streaming() && self.publishes_ours(&part) {
            // An earlier process started it and died before it could write that down.
            self.silence_faulty(progress);
            return Ok(FailoverPhase::Confirm);
        }
        let change = progress.change.as_ref();
        let config = change.map_or_else(|| self.record().effective(), |c| c.effective());
        if !self.spare.is_staged(&progress.to, &config, &target) {
            let call = encoder.driver.configure(&config, &target);
            within(limit * 2, "EncoderDriver::configure", call)
                .await
                .map_err(failed)?;
        }
        within(limit, "EncoderDriver::start", encoder.driver.start())
            .await
            .map_err(failed)?;
        self.silence_faulty(progress);
        Ok(FailoverPhase::Confirm)
    }

    /// Stops a faulty old encoder while the replacement starts. It may try to come back by itself
    /// and, on an ingest that lets the newcomer take over, would push the replacement out again. A
    /// healthy one is left on air until the replacement streams.
    fn silence_faulty(&mut self, progress: &FailoverProgress) {
        if progress.trigger == Trigger::Automatic {
            self.silence(progress);
        }
    }

    /// Stops the old encoder of a move on one address, unless that was done before the replacement
    /// started. Once it was pushed out, it would try to come back and push out the replacement.
    pub(super) fn silence(&mut self, progress: &FailoverProgress) {
        let meets =
            progress.order == FailoverOrder::StartFirst && progress.from_slot == progress.to_slot;
        let Some(from) = self.cx.fleet.find(&progress.from).filter(|_| meets) else {
            return;
        };
        if from.snapshot().is_reachable() && !self.jobs.contains_key(&progress.from) {
            self.stop_beside(from);
        }
    }

    /// Waits until the replacement itself reports that it streams.
    pub(super) async fn confirm_phase(&self, progress: &FailoverProgress) -> Advance {
        let failed = |reason: String| Err(Setback::Failed(format!("{}: {reason}", progress.to)));
        let Some(encoder) = self.cx.fleet.find(&progress.to) else {
            return failed("removed from the fleet".to_owned());
        };
        encoder.set_duty(Duty::Publishing);
        let grace = encoder.start_grace(&self.cx.config.failover);
        let commanded = self.starting_since.unwrap_or(progress.decided_at);
        let mut snapshots = encoder.follow();
        let waiting = async {
            loop {
                encoder.look_now();
                let outcome = |snapshot: &Arc<EncoderSnapshot>| outcome(snapshot, commanded);
                let settled = |snapshot: &Arc<EncoderSnapshot>| outcome(snapshot).is_some();
                let seen = tokio::time::timeout(CONFIRM_LOOK, snapshots.wait_for(settled)).await;
                match seen.map(|seen| seen.map(|snapshot| outcome(&snapshot))) {
                    Ok(Ok(Some(outcome))) => return outcome,
                    Ok(Ok(None)) | Err(_) => {}
                    Ok(Err(_)) => return Err("no longer watched".to_owned()),
                }
            }
        };
        match tokio::time::timeout(grace, waiting).await {
            Ok(Ok(())) => {
                self.see_arrival(progress).await;
                Ok(FailoverPhase::Completed)
            }
            Ok(Err(reason)) => failed(reason),
            Err(_) => failed(format!(
                "does not stream {} ms after the command",
                grace.as_millis()
            )),
        }
    }
}

impl Actor {
    /// A healthy encoder with an address of its own stays on air until the ingest has something of
    /// its replacement: what a device reports as streaming has left it, and not arrived yet. An
    /// ingest that says nothing delays the move by `ingest.missing_after_ms` at most.
    async fn see_arrival(&self, progress: &FailoverProgress) {
        let target = self.record().target(progress.to_slot);
        let apart = progress.from_slot != progress.to_slot;
        let healthy = progress.trigger != Trigger::Automatic;
        let Some(watched) = self
            .cx
            .ingest
            .covering(&target.url)
            .filter(|_| apart && healthy)
        else {
            return;
        };
        let limit = self.cx.config.ingest.missing_after;
        let arrives = |seen: &Arc<Seen>| {
            let trace = seen.trace(&target).zip(seen.looked);
            let arrives = trace.is_some_and(|(trace, looked)| trace.is_receiving(looked, limit));
            arrives || seen.failing.is_some()
        };
        watched.look_now();
        // Running into the limit is fine: the device said that it streams.
        let _ = tokio::time::timeout(limit, watched.follow().wait_for(arrives)).await;
    }
}

/// What a snapshot says about a start that was commanded at `commanded`; `None` while it is open.
fn outcome(snapshot: &EncoderSnapshot, commanded: Timestamp) -> Option<Result<(), String>> {
    let entered = snapshot.stream_state_at.is_some_and(|at| at >= commanded);
    match snapshot.stream_state() {
        DeviceStreamState::Streaming if snapshot.is_reachable() => Some(Ok(())),
        DeviceStreamState::Failing | DeviceStreamState::FailingIdle if entered => {
            Some(Err("the device reports that the stream fails".to_owned()))
        }
        _ if snapshot.assessment.verdict == Verdict::Silent => {
            Some(Err("the device fell silent".to_owned()))
        }
        _ => None,
    }
}
