//! What clients see of a stream, and what they are told as it happens.

use super::actor::Actor;
use crate::fleet::EncoderSnapshot;
use crate::model::{
    BackupReadiness, EncoderId, EventKind, FailoverPhase, FailoverProgress, IngestReport, Issue,
    IssueCode, Severity, StreamCondition, StreamErrorReport, StreamFailoverReport,
    StreamHealthReport, StreamRecord, StreamState, StreamView, Subject, Timestamp, Verdict,
};
use crate::validate::validate_config;

impl Actor {
    /// Publishes the view, and an event when something changed or one is due.
    pub(super) fn publish(&mut self) {
        let primary = self.cx.fleet.find(&self.record().primary.encoder_id);
        let snapshot = primary.map(|encoder| encoder.snapshot());
        let now = self.cx.clock.now();
        let backup = self.readiness();
        let problems = self.problems.values().cloned().collect();
        let mut health = health(self.record(), snapshot.as_deref(), &backup, problems, now);
        add_ingest(&mut health, self.ingest_report());
        let view = StreamView {
            record: self.record().clone(),
            revision: self.saved.revision().0,
            backup,
            warnings: validate_config(&self.record().config).warnings,
            last_config_sync: self.spare.synced_at(),
            health,
        };
        let last = self.last_view();
        let changed = differs(&last, &view);
        let due = self.cx.clock.instant() >= self.next_report && view.record.state.is_active();
        if changed || due {
            self.next_report = self.cx.clock.instant() + self.cx.config.watch.report_interval;
            self.tell(EventKind::StreamHealth(Box::new(view.health.clone())));
        }
        self.observed = None;
        self.set_view(view);
    }

    /// Tells clients. What a device showed is news until the view was published or a failover
    /// entered a phase; what follows are consequences of the manager's own acts.
    fn tell(&self, kind: EventKind) {
        let subject = Subject::Stream(self.record().id.clone());
        let (events, now) = (&self.cx.events, self.cx.clock.now());
        events.publish_observed(subject, now, kind, self.observed);
    }

    pub(super) fn tell_error(&self, code: &IssueCode, message: &str) {
        self.tell_error_of(self.record().primary.encoder_id.clone(), code, message);
    }

    pub(super) fn tell_error_of(&self, encoder: EncoderId, code: &IssueCode, message: &str) {
        self.tell(EventKind::StreamError(StreamErrorReport {
            stream_id: self.record().id.clone(),
            encoder_id: Some(encoder),
            code: code.to_string(),
            severity: Severity::Critical,
            message: message.to_owned(),
        }));
    }

    /// Tells that a failover entered a phase. The text is the new address for players when it
    /// completed, and the reason when it failed.
    pub(super) fn tell_phase(
        &mut self,
        progress: &FailoverProgress,
        phase: FailoverPhase,
        text: Option<String>,
    ) {
        let failed = phase == FailoverPhase::Failed;
        let (message, rtmp_url) = if failed { (text, None) } else { (None, text) };
        self.tell(EventKind::StreamFailover(StreamFailoverReport {
            stream_id: self.record().id.clone(),
            incident_id: progress.incident_id.clone(),
            phase,
            from: progress.from.clone(),
            to: progress.to.clone(),
            reason: progress.reason.clone(),
            elapsed: self.cx.clock.now().since(progress.evidence_at),
            phases: progress.timings.clone(),
            rtmp_url,
            message,
        }));
        self.observed = None;
    }
}

/// The view before anything was looked at.
pub(super) fn first_view(record: &StreamRecord, revision: u64, now: Timestamp) -> StreamView {
    let backup = BackupReadiness {
        encoder_id: record
            .backup
            .as_ref()
            .map(|backup| backup.encoder_id.clone()),
        ready: false,
        reasons: vec!["being configured".to_owned()],
    };
    StreamView {
        revision,
        warnings: validate_config(&record.config).warnings,
        last_config_sync: None,
        health: health(record, None, &backup, Vec::new(), now),
        backup,
        record: record.clone(),
    }
}

fn health(
    record: &StreamRecord,
    primary: Option<&EncoderSnapshot>,
    backup: &BackupReadiness,
    problems: Vec<Issue>,
    now: Timestamp,
) -> StreamHealthReport {
    let status = primary
        .and_then(|snapshot| snapshot.status.clone())
        .unwrap_or_default();
    let assessed = primary
        .map(|snapshot| snapshot.assessment.clone())
        .unwrap_or_default();
    let mut issues = problems;
    if record.state.is_active() {
        issues.extend(assessed.issues);
    }
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    StreamHealthReport {
        stream_id: record.id.clone(),
        status: condition(record, primary, &issues),
        health_score: assessed.health,
        encoder_id: record.primary.encoder_id.clone(),
        cpu_usage: status.system.cpu_percent,
        memory_usage: status.system.memory_percent,
        temperature: status.system.temperature,
        dropped_frames: status.output.dropped_frames,
        bitrate: status.output.bitrate,
        fps: status.output.fps,
        ingest: None,
        backup: backup.clone(),
        issues,
        updated_at: now,
    }
}

/// Adds what the ingest measured, where the device measures nothing itself.
fn add_ingest(health: &mut StreamHealthReport, ingest: Option<IngestReport>) {
    if let Some(ingest) = ingest.as_ref().filter(|ingest| ingest.receiving) {
        health.bitrate = health.bitrate.or(ingest.bitrate);
        health.fps = health.fps.or(ingest.fps);
    }
    health.ingest = ingest;
}

fn condition(
    record: &StreamRecord,
    primary: Option<&EncoderSnapshot>,
    issues: &[Issue],
) -> StreamCondition {
    let streaming = primary.is_some_and(EncoderSnapshot::is_streaming);
    let faulty =
        primary.is_some_and(|p| matches!(p.assessment.verdict, Verdict::Failing | Verdict::Silent));
    match record.state {
        StreamState::Failed | StreamState::Stopped => StreamCondition::Failed,
        StreamState::FailingOver => StreamCondition::Failing,
        StreamState::Degraded if !streaming => StreamCondition::Failed,
        StreamState::Degraded => StreamCondition::Failing,
        _ if faulty => StreamCondition::Failing,
        StreamState::Live if streaming && issues.iter().all(|i| i.severity == Severity::Info) => {
            StreamCondition::Healthy
        }
        _ => StreamCondition::Degraded,
    }
}

/// Whether clients should hear of the new view at once.
fn differs(old: &StreamView, new: &StreamView) -> bool {
    fn codes(view: &StreamView) -> impl Iterator<Item = (&str, Severity)> {
        view.health
            .issues
            .iter()
            .map(|issue| (issue.code.as_str(), issue.severity))
    }
    fn arrival(view: &StreamView) -> Option<(bool, Option<&EncoderId>)> {
        let ingest = view.health.ingest.as_ref();
        ingest.map(|ingest| (ingest.receiving, ingest.encoder_id.as_ref()))
    }
    arrival(old) != arrival(new)
        || old.record.state != new.record.state
        || old.record.primary != new.record.primary
        || old.record.config != new.record.config
        || old.record.adaptation != new.record.adaptation
        || old.backup != new.backup
        || old.health.status != new.health.status
        || !codes(old).eq(codes(new))
}
