//! Encoders that lost the stream and must not publish it.
//!
//! A device that comes back may go on streaming by itself. It is stopped whenever it is found
//! publishing this stream, and only a device that was seen idle, and well for a while, may have
//! a part in the stream again.

use std::sync::Arc;

use tracing::Instrument;

use super::actor::{Actor, Done};
use super::bring_up::stop_and_confirm;
use crate::config::ReturnedPrimary;
use crate::fleet::{Encoder, EncoderSnapshot};
use crate::model::{Assignment, EncoderId, Fence, Severity, Verdict, issue_code};

/// What to do about a fence now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// It publishes, or may: tell it to stop.
    Stop,
    /// It is idle, and not for long enough yet.
    Watch,
    /// It was idle and well for long enough.
    Lift,
    /// It does not answer.
    Wait,
    /// It is not registered any more, or does something else by somebody's wish.
    Drop,
}

impl Actor {
    pub(super) async fn tend_fences(&mut self) {
        let fences = self.record().fences.clone();
        let mut pending = Vec::new();
        for fence in fences {
            let duty = self.fence_duty(&fence);
            match duty {
                Duty::Stop => self.stop_fenced(&fence),
                Duty::Watch => self.mark_idle(&fence.encoder_id),
                Duty::Lift => self.lift(&fence).await,
                Duty::Drop => self.drop_fence(&fence.encoder_id).await,
                Duty::Wait => {}
            }
            if matches!(duty, Duty::Stop | Duty::Wait) && fence.idle_since.is_none() {
                pending.push(fence.encoder_id.to_string());
            }
        }
        if pending.is_empty() {
            self.problems.remove(issue_code::FENCE_PENDING);
        } else {
            let message = format!("not yet seen idle: {}", pending.join(", "));
            self.raise(issue_code::FENCE_PENDING, Severity::Warning, &message);
        }
    }

    fn fence_duty(&self, fence: &Fence) -> Duty {
        let Some(encoder) = self.cx.fleet.find(&fence.encoder_id) else {
            return Duty::Drop;
        };
        let snapshot = encoder.snapshot();
        if !snapshot.is_reachable() {
            return Duty::Wait;
        }
        let state = snapshot.stream_state();
        if state.may_publish() {
            let part = Assignment::new(fence.encoder_id.clone(), fence.slot);
            return if self.publishes_ours(&part) {
                Duty::Stop
            } else {
                Duty::Drop
            };
        }
        if !state.is_idle() {
            return Duty::Wait;
        }
        if self.has_rested(fence, &snapshot) {
            Duty::Lift
        } else {
            Duty::Watch
        }
    }

    fn has_rested(&self, fence: &Fence, snapshot: &EncoderSnapshot) -> bool {
        let well = matches!(
            snapshot.assessment.verdict,
            Verdict::Healthy | Verdict::Worn
        );
        let rest = &self.cx.config.failover.reinstate_after;
        let now = self.cx.clock.now();
        let rested = fence
            .idle_since
            .is_some_and(|since| fence.planned || now.since(since) >= *rest);
        well && rested
    }

    fn mark_idle(&mut self, id: &EncoderId) {
        let now = self.cx.clock.now();
        let fence = self
            .saved
            .record
            .fences
            .iter_mut()
            .find(|fence| fence.encoder_id == *id);
        if let Some(fence) = fence.filter(|fence| fence.idle_since.is_none()) {
            fence.idle_since = Some(now);
            self.note("fenced", Severity::Info, format!("{id} was seen idle"));
        }
    }

    fn stop_fenced(&mut self, fence: &Fence) {
        let id = &fence.encoder_id;
        let now = self.cx.clock.instant();
        let retry = self.cx.config.failover.fence_retry;
        let recent = self.fence_attempts.get(id);
        let too_soon = recent.is_some_and(|at| now.saturating_duration_since(*at) < retry);
        let Some(encoder) = self.cx.fleet.find(id) else {
            return;
        };
        if too_soon || self.jobs.contains_key(id) {
            return;
        }
        if fence.idle_since.is_some() {
            let message = format!("{id} publishes again uninvited and is stopped");
            self.note("uninvited_publisher", Severity::Warning, message);
            self.saved
                .record
                .fences
                .iter_mut()
                .filter(|known| known.encoder_id == *id)
                .for_each(|known| known.idle_since = None);
        }
        self.fence_attempts.insert(id.clone(), now);
        self.stop_beside(encoder);
    }

    /// Stops an encoder and sees it stopped, while everything else goes on.
    pub(super) fn stop_beside(&mut self, encoder: Arc<Encoder>) {
        let limit = self.cx.config.failover.fence_deadline;
        self.work_beside(encoder.id().clone(), async move {
            Done::Stopped(stop_and_confirm(&encoder, limit).await)
        });
    }

    /// Does something on an encoder while everything else goes on, for the request that the stream
    /// acts for now.
    pub(super) fn work_beside(
        &mut self,
        id: EncoderId,
        work: impl Future<Output = Done> + Send + 'static,
    ) {
        self.jobs.spawn(id, work.in_current_span());
    }

    async fn drop_fence(&mut self, id: &EncoderId) {
        self.saved
            .record
            .fences
            .retain(|fence| fence.encoder_id != *id);
        self.hold();
        self.save().await;
    }

    /// The encoder may have a part in the stream again.
    async fn lift(&mut self, fence: &Fence) {
        let id = fence.encoder_id.clone();
        self.saved
            .record
            .fences
            .retain(|known| known.encoder_id != id);
        self.fence_attempts.remove(&id);
        let returns = self.record().state.is_active()
            && self.record().protection.holds_backup()
            && self.cx.config.failover.returned_primary == ReturnedPrimary::Backup
            && !self.cx.fleet.find(&id).is_some_and(|encoder| {
                // An encoder that cools comes back when nothing cooler is free.
                let snapshot = encoder.snapshot();
                encoder.spec().maintenance || snapshot.cooling.is_some() || snapshot.is_restless()
            });
        if returns {
            self.note(
                "returned",
                Severity::Info,
                format!("{id} is idle and well: backup again"),
            );
            self.replace_backup(Some(id));
        } else {
            self.note(
                "released",
                Severity::Info,
                format!("{id} is idle and goes back to the pool"),
            );
        }
        self.hold();
        self.save().await;
    }
}
