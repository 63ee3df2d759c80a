//! What a stream makes of its ingests: what it wants to know, and what it is told.

use std::time::Instant;

use tokio_stream::StreamMap;
use tokio_stream::wrappers::WatchStream;

use super::actor::Actor;
use super::decide::{Diagnosis, Fault, IngestFacts};
use crate::fleet::EncoderSnapshot;
use crate::ingest::{
    Interest, Meter, Moment, Move, OnAir, Seen, Testimony, Watched, Witnesses, is_fresh,
    is_suspect, on_air, publisher_of, testify,
};
use crate::model::{
    FailoverProgress, IngestReport, IngestSlot, IssueCode, Severity, StreamId, StreamRecord,
    StreamState, Timestamp, issue_code,
};
use std::sync::Arc;

/// What a stream follows of its ingests. Dropping it ends its interest in them.
#[derive(Debug)]
pub(super) struct Ingest {
    witnesses: Witnesses,
    stream: StreamId,
    pub(super) following: StreamMap<usize, WatchStream<Arc<Seen>>>,
    /// Since when the present primary is meant to be what arrives.
    since: Timestamp,
}

impl Ingest {
    pub(super) fn new(witnesses: &Witnesses, record: &StreamRecord, now: Timestamp) -> Self {
        let mut following = StreamMap::new();
        for (number, watched) in witnesses.all().iter().enumerate() {
            if is_concerned(watched, record) {
                let looks = WatchStream::from_changes(watched.follow());
                following.insert(number, looks);
            }
        }
        Self {
            witnesses: witnesses.clone(),
            stream: record.id.clone(),
            following,
            since: now,
        }
    }

    /// Another encoder, or the same one anew, is meant to be what arrives from now on.
    pub(super) const fn restart(&mut self, now: Timestamp) {
        self.since = now;
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.witnesses.forget(&self.stream);
    }
}

const SLOTS: [IngestSlot; 2] = [IngestSlot::Main, IngestSlot::Backup];

fn is_concerned(watched: &Watched, record: &StreamRecord) -> bool {
    SLOTS.iter().any(|slot| watched.covers(record.url(*slot)))
}

/// What a stream in that state wants to know of an ingest.
fn interest(
    watched: &Watched,
    record: &StreamRecord,
    primary: Option<&EncoderSnapshot>,
    since: Timestamp,
) -> Interest {
    if !record.state.is_active() {
        return Interest::default();
    }
    let targets = SLOTS.iter().map(|slot| record.target(*slot));
    let on_air = matches!(record.state, StreamState::Live | StreamState::Degraded);
    let due = primary
        .filter(|primary| on_air && primary.is_streaming())
        .and_then(|primary| primary.stream_state_at)
        .filter(|_| watched.covers(record.url(record.primary.slot)));
    Interest {
        targets: targets.filter(|t| watched.covers(&t.url)).collect(),
        expected: due.map(|at| (record.target(record.primary.slot), at.max(since))),
        restless: matches!(
            record.state,
            StreamState::Starting | StreamState::FailingOver
        ) || record.drill.is_some()
            || primary.is_some_and(|primary| primary.silent_since.is_some()),
    }
}

impl Actor {
    /// Says what is to be looked for, and takes what was measured.
    pub(super) fn tend_ingest(&mut self) {
        self.state_interest();
        self.tell_of_silent_witnesses();
        self.take_measured();
    }

    /// Says what is to be looked for from now on.
    pub(super) fn state_interest(&self) {
        if self.ingest.following.is_empty() {
            return;
        }
        let record = self.record();
        let primary = self.cx.fleet.find(&record.primary.encoder_id);
        let snapshot = primary.map(|encoder| encoder.snapshot());
        for watched in self.concerned() {
            let interest = interest(watched, record, snapshot.as_deref(), self.ingest.since);
            watched.interest(&record.id, interest);
        }
    }

    fn concerned(&self) -> impl Iterator<Item = &Arc<Watched>> {
        let numbered = self.cx.ingest.all().iter().enumerate();
        let follows = |number: &usize| self.ingest.following.contains_key(number);
        numbered
            .filter(move |(number, _)| follows(number))
            .map(|(_, watched)| watched)
    }

    /// The witness at the primary's address.
    pub(super) fn witness(&self) -> Option<&Arc<Watched>> {
        let record = self.record();
        self.cx.ingest.covering(record.url(record.primary.slot))
    }

    fn tell_of_silent_witnesses(&mut self) {
        let patience = self.cx.config.ingest.missing_after;
        let now = self.cx.clock.instant();
        let failing = |watched: &Arc<Watched>| {
            let seen = watched.seen();
            let (since, reason) = seen.failing.as_ref()?;
            let lasting = now.saturating_duration_since(since.instant) >= patience;
            let (name, at) = (watched.name(), since.at);
            lasting.then(|| format!("{name} says nothing since {at}: {reason}"))
        };
        let told: Vec<_> = self.concerned().filter_map(failing).collect();
        let code = issue_code::INGEST_WITNESS_SILENT;
        if told.is_empty() || !self.record().state.is_active() {
            self.problems.remove(code);
        } else {
            self.raise(code, Severity::Warning, &told.join("; "));
        }
    }

    /// What the ingest says about the primary, for the diagnosis.
    pub(super) fn ingest_facts(&self, primary: Option<&EncoderSnapshot>) -> Option<IngestFacts> {
        let watched = self.witness()?;
        let config = &self.cx.config.ingest;
        let record = self.record();
        let target = record.target(record.primary.slot);
        let (seen, now) = (watched.seen(), self.cx.clock.instant());
        let streams_since = primary.and_then(|primary| primary.stream_state_at);
        let testimony = streams_since.map_or(Testimony::Unknown, |at| {
            testify(&seen, &target, at.max(self.ingest.since), now, config)
        });
        let silent = primary.and_then(|primary| primary.silent_since);
        let expected = watched.expected();
        Some(IngestFacts {
            witness: watched.name().to_owned(),
            suspect: is_suspect(&seen, &expected, config).then_some(expected.len()),
            testimony,
            on_air: silent.map_or(OnAir::No, |silent| self.on_air_at(&seen, silent, now)),
            missing_after: config.missing_after,
        })
    }

    fn on_air_at(&self, seen: &Seen, silent: Instant, now: Instant) -> OnAir {
        let config = &self.cx.config.ingest;
        if !config.hold_while_received {
            return OnAir::No;
        }
        let record = self.record();
        let target = record.target(record.primary.slot);
        let fleet = self.cx.fleet.identities();
        let primary = &record.primary.encoder_id;
        on_air(seen, &target, primary, &fleet, silent, now, config)
    }

    /// What clients are told of what arrives at the primary's address.
    pub(super) fn ingest_report(&self) -> Option<IngestReport> {
        let config = &self.cx.config.ingest;
        let watched = self.witness().filter(|_| self.record().state.is_active())?;
        let seen = watched.seen();
        let looked = seen.looked?;
        if !is_fresh(&seen, self.cx.clock.instant(), config) {
            return None;
        }
        let trace = seen.trace(&self.record().target(self.record().primary.slot))?;
        let receiving = trace.is_receiving(looked, config.missing_after);
        let sighting = trace.present.as_ref();
        let told = |count: usize| (count > 0).then_some(count);
        Some(IngestReport {
            witness: watched.name().to_owned(),
            receiving,
            since: trace
                .began
                .filter(|_| receiving)
                .map(|grown| grown.found.at),
            bitrate: sighting.and_then(|s| s.bitrate),
            fps: sighting.and_then(|s| s.fps),
            resolution: sighting.and_then(|s| s.resolution),
            publishers: sighting.map_or(Some(0), |s| told(s.publishers.len())),
            encoder_id: sighting
                .and_then(|s| publisher_of(&s.publishers, &self.cx.fleet.identities())),
            connected_for_seconds: sighting
                .and_then(|s| s.connected_for)
                .map(|span| span.as_secs_f64()),
            seen_at: looked.at,
        })
    }

    /// Begins to measure what the ingest sees of a move.
    pub(super) fn measure(&self, progress: &FailoverProgress) {
        self.state_interest();
        let record = self.record();
        let from = record.target(progress.from_slot);
        let to = record.target(progress.to_slot);
        // Two ingests have two rhythms and no common moment to compare.
        let watched = self.cx.ingest.covering(&from.url);
        let Some(watched) = watched.filter(|watched| watched.covers(&to.url)) else {
            return;
        };
        let opened = Moment {
            instant: self.cx.clock.instant(),
            at: self.cx.clock.now(),
        };
        let what = Move {
            stream: record.id.clone(),
            incident: progress.incident_id.clone(),
            trigger: progress.trigger,
            from: (progress.from.clone(), from),
            to: (progress.to.clone(), to),
        };
        let fleet = self.cx.fleet.identities();
        watched.measure(Meter::new(what, fleet, &watched.seen(), opened));
    }

    /// A move that did not happen is not measured.
    pub(super) fn cancel_measurement(&self) {
        for watched in self.concerned() {
            watched.cancel_measurement(&self.record().id);
        }
    }

    fn take_measured(&mut self) {
        let id = self.record().id.clone();
        let done: Vec<_> = self
            .concerned()
            .flat_map(|watched| watched.take_measured(&id))
            .collect();
        for measured in done {
            let seen = measured.interruption;
            self.cx.metrics.observe_interruption(measured.trigger, seen);
            let mut history = self.saved.record.history.iter_mut().rev();
            let past = history
                .find(|past| past.incident_id == measured.incident && past.to == measured.to);
            if let Some(past) = past {
                past.interruption = Some(seen);
                self.saved.mark_dirty();
            }
            let message = format!(
                "the ingest received nothing for {} ms, give or take {} ms, until {} was there",
                seen.gap.as_millis(),
                seen.resolution.as_millis(),
                measured.to
            );
            let note = self.new_note("interruption_measured", Severity::Info, message);
            self.timeline
                .add(note.incident(&measured.incident).interruption(seen));
        }
    }

    /// Ends what was said of the ingest and is not so any more.
    pub(super) fn settle_ingest_problems(&mut self, diagnosis: &Diagnosis) {
        let holds = match diagnosis {
            Diagnosis::SilentOnAir => Some(issue_code::DEVICE_SILENT_ON_AIR),
            Diagnosis::IngestSuspect(_) => Some(issue_code::INGEST_SUSPECT),
            Diagnosis::Faulty(fault) => Some(fault.cause.as_str()),
            Diagnosis::OnAir | Diagnosis::Patience | Diagnosis::Isolated => None,
        };
        for code in [
            issue_code::DEVICE_SILENT_ON_AIR,
            issue_code::INGEST_SUSPECT,
            issue_code::INGEST_RECEIVES_NOTHING,
        ] {
            if holds != Some(code) {
                self.problems.remove(code);
            }
        }
    }

    /// Says what the device itself does not know.
    pub(super) fn tell_unreceived(&mut self, fault: &Fault) {
        let code = issue_code::INGEST_RECEIVES_NOTHING;
        if fault.cause.as_str() == code {
            self.raise(code, Severity::Critical, &fault.message);
        }
    }

    pub(super) fn suspect_ingest(&mut self, expected: usize) {
        let message = format!("the ingest receives none of {expected} streams; nothing is moved");
        let code = issue_code::INGEST_SUSPECT;
        let evidence = format!("streams_expected={expected}");
        self.tell_held(code, message, evidence, "ingest.missing_after_ms");
    }

    pub(super) fn silent_on_air(&mut self) {
        let primary = &self.record().primary.encoder_id;
        let message = format!(
            "{primary} does not answer, but the ingest still receives its stream; not moved"
        );
        let code = issue_code::DEVICE_SILENT_ON_AIR;
        let evidence = "bytes_in grows since the silence began".to_owned();
        self.tell_held(code, message, evidence, "ingest.hold_while_received");
    }

    fn tell_held(
        &mut self,
        code: &'static str,
        message: String,
        evidence: String,
        threshold: &str,
    ) {
        if self.raise(code, Severity::Critical, &message) {
            self.tell_error(&IssueCode::new(code), &message);
            let note = self.new_note(code, Severity::Critical, message);
            self.timeline
                .add(note.evidence(vec![evidence], Some(threshold.to_owned())));
        }
    }
}
