//! Who may publish: what an ingest is told about somebody who wants to.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::actor::Actor;
use super::command::Command;
use super::handle::Streams;
use crate::ingest::{
    Identity, PublishAttempt, PublishDenial, PublishVerdict, Watched, authorize, is_fresh,
};
use crate::model::{
    EncoderId, EventKind, IngestSlot, Personality, Secret, Severity, StreamErrorReport, StreamId,
    StreamRecord, Subject, issue_code,
};

/// Characters of a generated stream key: 24 letters and digits are 142 bits.
const KEY_LENGTH: usize = 24;

/// Denials of one kind that follow each other within this are told once: a device that is kept
/// off tries again every second.
const REPETITION: Duration = Duration::from_secs(10);

/// A denial for the timeline.
#[derive(Debug)]
pub(super) struct Denied {
    denial: PublishDenial,
    message: String,
}

type Kind = (StreamId, Option<EncoderId>, &'static str);

/// Which denials were told lately.
#[derive(Debug, Default)]
pub(super) struct Denials(Mutex<BTreeMap<Kind, Instant>>);

impl Denials {
    /// Whether a denial is news, which it is not again for a while then.
    fn is_news(&self, kind: Kind, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.saturating_duration_since(*at) < REPETITION);
        let news = !told.contains_key(&kind);
        told.entry(kind).or_insert(now);
        news
    }
}

impl Streams {
    pub(crate) async fn authorize(&self, attempt: &PublishAttempt) -> PublishVerdict {
        let fleet = self.context.fleet.identities();
        let views = self.views();
        let records = views.iter().map(|view| &view.record);
        let unknown = self.context.config.ingest.unknown_publishers;
        let verdict = match authorize(attempt, records, &fleet, unknown) {
            Ok(grant) => {
                let dropped = self.make_way(grant.record, grant.entitled.as_ref(), attempt);
                PublishVerdict::Allow {
                    stream_id: grant.record.id.clone(),
                    dropped: dropped.await,
                    encoder_id: grant.entitled.map(|(encoder, _)| encoder),
                }
            }
            Err(refusal) => PublishVerdict::Deny {
                denial: refusal.denial,
                stream_id: refusal.record.map(|record| record.id.clone()),
                encoder_id: refusal.encoder,
                reason: refusal.reason,
            },
        };
        self.context.metrics.observe_authorization(verdict.as_str());
        self.tell_denial(&verdict, &fleet);
        verdict
    }

    /// Drops whoever publishes already, where the newcomer shall take over and the ingest might
    /// refuse it. Somebody who is not known to be an encoder of the fleet pushes nobody off whose
    /// media arrives, unless a replacement is due.
    async fn make_way(
        &self,
        record: &StreamRecord,
        entitled: Option<&(EncoderId, IngestSlot)>,
        attempt: &PublishAttempt,
    ) -> bool {
        if record.destination.personality != Personality::Takeover {
            return false;
        }
        let slot = entitled.map_or(record.primary.slot, |(_, slot)| *slot);
        let target = record.target(slot);
        let Some(watched) = self.context.ingest.covering(&target.url) else {
            return false;
        };
        let expected = entitled.is_some() || record.failover.is_some();
        if !self.is_in_the_way(watched, record, slot, expected) {
            return false;
        }
        match watched.drop_publishers(&target).await {
            Ok(()) => true,
            Err(error) => {
                let publisher = &attempt.publisher;
                tracing::warn!(stream = %record.id, ?publisher, %error, "nobody was dropped");
                false
            }
        }
    }

    fn is_in_the_way(
        &self,
        watched: &Watched,
        record: &StreamRecord,
        slot: IngestSlot,
        expected: bool,
    ) -> bool {
        let config = &self.context.config.ingest;
        let seen = watched.seen();
        let trace = seen.trace(&record.target(slot));
        let (Some(looked), Some(trace)) = (seen.looked, trace) else {
            return false;
        };
        is_fresh(&seen, self.context.clock.instant(), config)
            && trace.present.is_some()
            && (expected || !trace.is_receiving(looked, config.missing_after))
    }

    fn tell_denial(&self, verdict: &PublishVerdict, fleet: &[Identity]) {
        let PublishVerdict::Deny {
            denial,
            stream_id,
            encoder_id,
            reason,
        } = verdict
        else {
            return;
        };
        tracing::debug!(
            denial = denial.as_str(),
            reason,
            fleet = fleet.len(),
            "denied"
        );
        let Some(stream) = stream_id else { return };
        let kind = (stream.clone(), encoder_id.clone(), denial.as_str());
        let clock = &self.context.clock;
        if !self.denials.is_news(kind, clock.instant()) {
            return;
        }
        let message = format!("{}: {reason}", denial.as_str());
        let report = StreamErrorReport {
            stream_id: stream.clone(),
            encoder_id: encoder_id.clone(),
            code: issue_code::PUBLISHER_DENIED.to_owned(),
            severity: Severity::Warning,
            message: message.clone(),
        };
        let subject = Subject::Stream(stream.clone());
        let events = &self.context.events;
        events.publish(subject, clock.now(), EventKind::StreamError(report));
        if let Some(handle) = self.handles().get(stream) {
            let denied = Denied {
                denial: *denial,
                message,
            };
            // An actor that is over or too busy has no place for it; the event was sent.
            let _ = handle.commands.try_send(Command::Denied(denied).into());
        }
    }
}

impl Actor {
    /// Writes a denial into the timeline.
    pub(super) fn note_denial(&mut self, denied: Denied) {
        let note = self.new_note(
            issue_code::PUBLISHER_DENIED,
            Severity::Warning,
            denied.message,
        );
        let evidence = vec![format!("denial={}", denied.denial.as_str())];
        self.timeline.add(note.evidence(evidence, None));
    }
}

/// A key for a stream that was asked for without one.
pub(super) fn generate_key() -> Secret {
    use rand::RngExt;
    use rand::distr::Alphanumeric;
    let mut random = rand::rng();
    Secret::new(
        (0..KEY_LENGTH)
            .map(|_| char::from(random.sample(Alphanumeric)))
            .collect(),
    )
}
