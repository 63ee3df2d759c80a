//! Seeing to it that the old encoder is gone from an ingest that refuses a second publisher.
//!
//! An encoder that can be told to stop says itself when it is idle. Of one that cannot, either the
//! ingest tells that nobody publishes any more, or its idle timeout must have passed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Advance, Setback};
use crate::error::{Error, ErrorKind};
use crate::fleet::Encoder;
use crate::ingest::{Watched, is_fresh};
use crate::model::{FailoverPhase, FailoverProgress, PublishTarget, Timestamp};
use crate::streams::actor::Actor;
use crate::streams::bring_up::stop_and_confirm;

/// How long a witness is watched that goes on seeing the old publisher, where no idle timeout says
/// when to stop. Then the failover fails, and may be tried again after the hold-down.
const STILL_THERE: Duration = Duration::from_secs(60);

/// A witness that is watched until nobody publishes any more.
struct Observed<'a> {
    watched: &'a Arc<Watched>,
    target: PublishTarget,
    /// Only looks after this count.
    since: Instant,
}

impl Actor {
    /// Sees to it that the old encoder is gone from the ingest before the replacement comes.
    pub(super) async fn fence_phase(&self, progress: &FailoverProgress) -> Advance {
        let Some(encoder) = self.cx.fleet.find(&progress.from) else {
            return self.outwait_ingest(progress, None).await;
        };
        if encoder.snapshot().is_reachable() && self.stop_while_reachable(&encoder).await {
            self.see_gone(progress).await;
            return Ok(FailoverPhase::Start);
        }
        self.outwait_ingest(progress, Some(&encoder)).await
    }

    /// Stops an encoder, unless it falls silent meanwhile: an ingest can tell that an encoder hangs
    /// before its own silence does. Returns whether it was seen idle.
    async fn stop_while_reachable(&self, encoder: &Arc<Encoder>) -> bool {
        let limit = self.cx.config.failover.fence_deadline;
        let mut snapshots = encoder.follow();
        let stopped = tokio::select! {
            stopped = stop_and_confirm(encoder, limit) => stopped,
            _ = snapshots.wait_for(|snapshot| !snapshot.is_reachable()) => {
                let message = "it fell silent while it was being stopped";
                Err(Error::new(ErrorKind::DeviceUnreachable, message))
            }
        };
        if let Err(error) = &stopped {
            tracing::warn!(encoder = %encoder.id(), %error, "fencing failed");
        }
        stopped.is_ok()
    }

    fn observed(&self, progress: &FailoverProgress) -> Option<Observed<'_>> {
        let target = self.record().target(progress.from_slot);
        let watched = self.cx.ingest.covering(&target.url)?;
        watched.look_now();
        Some(Observed {
            watched,
            target,
            since: self.cx.clock.instant(),
        })
    }

    /// An encoder that is idle may still be connected in the eyes of the ingest, which would refuse
    /// the replacement. One that keeps saying so is not believed for longer than it keeps a
    /// publisher that vanished.
    async fn see_gone(&self, progress: &FailoverProgress) {
        let Some(observed) = self.observed(progress) else {
            return;
        };
        let idle_timeout = self.record().destination.idle_timeout;
        let limit = idle_timeout.unwrap_or(self.cx.config.failover.fence_deadline);
        let mut seen = observed.watched.follow();
        let over = |seen: &Arc<crate::ingest::Seen>| {
            seen.failing.is_some() || self.says(&observed, seen) == Says::Gone
        };
        // Running into the limit is an answer, too.
        let _ = tokio::time::timeout(limit, seen.wait_for(over)).await;
    }

    /// An encoder that cannot be told to stop is waited for until the ingest forgot it, or until
    /// it can be told after all.
    async fn outwait_ingest(
        &self,
        progress: &FailoverProgress,
        from: Option<&Arc<Encoder>>,
    ) -> Advance {
        let idle_timeout = self.record().destination.idle_timeout;
        let last_seen = from.and_then(|encoder| encoder.snapshot().last_seen_at);
        let gone_at = idle_timeout.map(|span| last_seen.unwrap_or(progress.evidence_at).plus(span));
        let observed = self.observed(progress);
        let began = self.cx.clock.instant();
        let mut dropped = None;
        loop {
            if let Some(observed) = &observed {
                self.drop_old(observed, &mut dropped).await;
            }
            if self.is_gone(observed.as_ref(), gone_at) {
                return Ok(FailoverPhase::Start);
            }
            if gone_at.is_none() {
                self.hopes(progress, observed.as_ref(), began)?;
            }
            self.nap(observed.as_ref(), gone_at).await;
            if let Some(encoder) = from.filter(|encoder| encoder.snapshot().is_reachable())
                && stop_and_confirm(encoder, self.cx.config.failover.fence_deadline)
                    .await
                    .is_ok()
            {
                self.see_gone(progress).await;
                return Ok(FailoverPhase::Start);
            }
        }
    }

    /// Asks the ingest to end the connection of whoever publishes, and again if that comes back.
    async fn drop_old(&self, observed: &Observed<'_>, last: &mut Option<Instant>) {
        let now = self.cx.clock.instant();
        let retry = self.cx.config.failover.fence_retry;
        let recent = |at: Instant| now.saturating_duration_since(at) < retry;
        if last.is_some_and(recent) {
            return;
        }
        *last = Some(now);
        match observed.watched.drop_publishers(&observed.target).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => {
                tracing::warn!(stream = %self.record().id, %error, "old publisher not dropped");
            }
        }
    }

    fn is_gone(&self, observed: Option<&Observed<'_>>, gone_at: Option<Timestamp>) -> bool {
        let passed = gone_at.is_some_and(|at| self.cx.clock.now() >= at);
        passed || observed.is_some_and(|o| self.says(o, &o.watched.seen()) == Says::Gone)
    }

    fn says(&self, observed: &Observed<'_>, seen: &crate::ingest::Seen) -> Says {
        let now = self.cx.clock.instant();
        let recent = seen.looked.is_some_and(|at| at.instant > observed.since);
        if !recent || !is_fresh(seen, now, &self.cx.config.ingest) {
            return Says::Nothing;
        }
        match seen.trace(&observed.target) {
            Some(trace) if trace.present.is_none() => Says::Gone,
            Some(_) => Says::Present,
            None => Says::Nothing,
        }
    }

    /// Whether waiting may still lead somewhere when no idle timeout ends it.
    fn hopes(
        &self,
        progress: &FailoverProgress,
        observed: Option<&Observed<'_>>,
        began: Instant,
    ) -> Result<(), Setback> {
        let fail = |reason: &str| {
            Err(Setback::Failed(format!(
                "{} cannot be stopped and the ingest refuses a second publisher; {reason}",
                progress.from
            )))
        };
        let Some(observed) = observed else {
            return fail(
                "without destination.idle_timeout_seconds there is no telling when it is gone",
            );
        };
        let waited = self.cx.clock.instant().saturating_duration_since(began);
        match self.says(observed, &observed.watched.seen()) {
            Says::Present if waited >= STILL_THERE => fail("the ingest still has its connection"),
            Says::Nothing if waited >= self.cx.config.failover.fence_deadline => {
                fail("its witness says nothing, and destination.idle_timeout_seconds is not known")
            }
            _ => Ok(()),
        }
    }

    /// Waits for a look, or until it is time to try the encoder again.
    async fn nap(&self, observed: Option<&Observed<'_>>, gone_at: Option<Timestamp>) {
        let retry = self.cx.config.failover.fence_retry;
        let left = gone_at.map_or(retry, |at| at.since(self.cx.clock.now()).min(retry));
        match observed {
            Some(observed) => {
                let mut seen = observed.watched.follow();
                // Running into the limit is the other way to wake up.
                let _ = tokio::time::timeout(left, seen.changed()).await;
            }
            None => tokio::time::sleep(left).await,
        }
    }
}

/// What a witness says of the old publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Gone,
    Present,
    Nothing,
}
