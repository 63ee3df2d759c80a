//! How a failover ends: with the replacement as primary, or where it began.

use std::time::Duration;

use crate::model::{
    Assignment, DrillReturn, EncoderId, FailoverOrder, FailoverPhase, FailoverProgress,
    FailoverSummary, PhaseTiming, Severity, StreamState, TimelineEntry, Timestamp, Trigger,
    issue_code,
};
use crate::streams::actor::Actor;
use crate::streams::timeline::{self, Note};

/// Past failovers that a record keeps: more than any cap per hour that makes sense.
const KEPT_HISTORY: usize = 64;

impl Actor {
    /// Makes the replacement the primary, in one write.
    pub(super) async fn complete(&mut self, progress: FailoverProgress) {
        let now = self.cx.clock.now();
        let planned = progress.trigger != Trigger::Automatic;
        if planned {
            // At once, because the disk may take longer than the old encoder to come back.
            self.silence(&progress);
        }
        let old = Assignment::new(progress.from.clone(), progress.from_slot);
        let changed_address =
            self.record().url(progress.from_slot) != self.record().url(progress.to_slot);
        let record = &mut self.saved.record;
        record.primary = Assignment::new(progress.to.clone(), progress.to_slot);
        if record
            .backup
            .as_ref()
            .is_some_and(|backup| backup.encoder_id == progress.to)
        {
            record.backup = None;
        }
        record.failover = None;
        if let Some(change) = progress.change.as_deref() {
            record.config = change.config.clone();
            record.adaptation = change.adaptation.clone();
        }
        self.ingest.restart(now);
        let record = &mut self.saved.record;
        record.live_at.get_or_insert(now);
        record.drill = progress.return_to.clone().map(|encoder_id| DrillReturn {
            encoder_id,
            not_before: now.plus(self.cx.config.failover.drill_dwell),
            incident_id: progress.incident_id.clone(),
        });
        self.add_fence(old, Some(progress.incident_id.clone()), planned);
        let summary = self.remember(&progress, true);
        self.spare.forget();
        self.problems.clear();
        self.refused = None;
        self.set_state_quietly(StreamState::Live);
        self.save().await;
        self.measure_start(&progress.to, now);
        self.hold();
        self.follow();
        let url = changed_address.then(|| self.record().url(progress.to_slot).to_owned());
        self.tell_phase(&progress, FailoverPhase::Completed, url);
        let message = format!("{} took over from {}", progress.to, progress.from);
        let note = self.new_note("failover_completed", Severity::Warning, message);
        self.timeline
            .add(note.incident(&progress.incident_id).phases(summary.timings));
        self.publish();
    }

    fn measure_start(&mut self, id: &EncoderId, now: Timestamp) {
        let commanded = self.starting_since.take();
        let encoder = self.cx.fleet.find(id);
        if let (Some(commanded), Some(encoder)) = (commanded, encoder) {
            let streaming_at = encoder.snapshot().stream_state_at.unwrap_or(now);
            if streaming_at > commanded {
                encoder.record_start(streaming_at.since(commanded));
            }
        }
    }

    /// Leaves the stream where it was. The replacement may have started, so it is fenced.
    pub(super) async fn give_up(
        &mut self,
        mut progress: FailoverProgress,
        elapsed: Duration,
        reason: String,
    ) {
        progress.timings.push(PhaseTiming {
            phase: progress.phase,
            elapsed,
        });
        self.cancel_measurement();
        let record = &mut self.saved.record;
        record.failover = None;
        if record
            .backup
            .as_ref()
            .is_some_and(|backup| backup.encoder_id == progress.to)
        {
            record.backup = None;
        }
        if matches!(
            progress.phase,
            FailoverPhase::Start | FailoverPhase::Confirm
        ) {
            let part = Assignment::new(progress.to.clone(), progress.to_slot);
            self.add_fence(part, Some(progress.incident_id.clone()), false);
        }
        let summary = self.remember(&progress, false);
        self.spare.forget();
        self.starting_since = None;
        let starting = self.record().live_at.is_none();
        self.set_state_quietly(if starting {
            StreamState::Starting
        } else {
            StreamState::Degraded
        });
        let fenced =
            progress.order == FailoverOrder::FenceFirst && progress.phase != FailoverPhase::Fence;
        if fenced || starting {
            // The old encoder was stopped for nothing, or never came up: it is due again.
            self.starting_since = Some(progress.decided_at);
        }
        self.save().await;
        self.hold();
        self.follow();
        self.raise(issue_code::FAILOVER_FAILED, Severity::Critical, &reason);
        self.tell_phase(&progress, FailoverPhase::Failed, Some(reason.clone()));
        let note = self.new_note("failover_failed", Severity::Critical, reason);
        self.timeline
            .add(note.incident(&progress.incident_id).phases(summary.timings));
        self.publish();
    }

    /// Adds the end of the last failover to the timeline, when a crash came between the record and
    /// the timeline.
    pub(in crate::streams) async fn complete_timeline(&mut self) {
        let Some(last) = self.record().history.last().cloned() else {
            return;
        };
        let read = timeline::read(self.cx.store.as_ref(), &self.record().id).await;
        let Ok(entries) = read else { return };
        let (transition, severity) = if last.succeeded {
            ("failover_completed", Severity::Warning)
        } else {
            ("failover_failed", Severity::Critical)
        };
        let incident = Some(&last.incident_id);
        let known = |entry: &&TimelineEntry| {
            entry.incident_id.as_ref() == incident && entry.transition == transition
        };
        // A drill is two failovers of one incident.
        let past = |past: &&FailoverSummary| {
            Some(&past.incident_id) == incident && past.succeeded == last.succeeded
        };
        let ended = self.record().history.iter().filter(past).count();
        if entries.iter().filter(known).count() >= ended {
            return;
        }
        let message = format!("from {} to {}; noted after a restart", last.from, last.to);
        let stream = self.record().id.clone();
        let note = Note::new(&stream, last.finished_at, transition, severity, message);
        self.timeline
            .add(note.incident(&last.incident_id).phases(last.timings));
    }

    fn remember(&mut self, progress: &FailoverProgress, succeeded: bool) -> FailoverSummary {
        let summary = FailoverSummary {
            incident_id: progress.incident_id.clone(),
            trigger: progress.trigger,
            reason: progress.reason.clone(),
            from: progress.from.clone(),
            to: progress.to.clone(),
            finished_at: self.cx.clock.now(),
            succeeded,
            timings: progress.timings.clone(),
            interruption: None,
        };
        self.cx.metrics.observe_failover(&summary);
        let history = &mut self.saved.record.history;
        history.push(summary.clone());
        if history.len() > KEPT_HISTORY {
            history.remove(0);
        }
        summary
    }
}
