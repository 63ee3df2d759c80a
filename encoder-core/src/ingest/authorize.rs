//! Whether a publisher may publish: the second line of the guard against two at once. Pure.
//!
//! The first line stops an encoder that lost its stream. One that cannot be reached to be stopped
//! still has to ask the ingest, and the ingest asks here.

use url::Url;

use super::identify::{Identity, identify};
use super::{PublishAttempt, PublishDenial};
use crate::config::UnknownPublishers;
use crate::model::{
    EncoderId, FailoverOrder, FailoverPhase, FailoverProgress, IngestSlot, Personality, Protection,
    StreamRecord, StreamState, Trigger,
};

/// Somebody who may publish.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant<'a> {
    pub(crate) record: &'a StreamRecord,
    /// The encoder and its address; `None` when it cannot be told who it is.
    pub(crate) entitled: Option<(EncoderId, IngestSlot)>,
}

/// Somebody who may not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal<'a> {
    pub(crate) denial: PublishDenial,
    pub(crate) record: Option<&'a StreamRecord>,
    pub(crate) encoder: Option<EncoderId>,
    pub(crate) reason: String,
}

/// Decides about an attempt, given every stream and every encoder that is known.
///
/// Several streams may have one key at different addresses. Then those at the attempt's address
/// count, and where none is, all of them do.
pub(crate) fn authorize<'a>(
    attempt: &PublishAttempt,
    streams: impl IntoIterator<Item = &'a StreamRecord>,
    fleet: &[Identity],
    unknown: UnknownPublishers,
) -> Result<Grant<'a>, Refusal<'a>> {
    let named: Vec<_> = streams
        .into_iter()
        .filter(|record| record.stream_key == attempt.stream_key)
        .collect();
    let refuse = |denial, record, reason: &str| Refusal {
        denial,
        record,
        encoder: None,
        reason: reason.to_owned(),
    };
    let Some(last) = named.last().copied() else {
        let (denial, reason) = (PublishDenial::UnknownStreamKey, "no stream has this key");
        return Err(refuse(denial, None, reason));
    };
    let on =
        |record: &&&StreamRecord| record.state.is_active() && record.state != StreamState::Stopping;
    let active: Vec<_> = named.iter().filter(on).copied().collect();
    let here: Vec<_> = active
        .iter()
        .filter(|record| is_at(record, attempt))
        .copied()
        .collect();
    let mut first = None;
    for record in if here.is_empty() { active } else { here } {
        match judge(attempt, record, fleet, unknown) {
            Ok(grant) => return Ok(grant),
            Err(refusal) => {
                first.get_or_insert(refusal);
            }
        }
    }
    let reason = format!("the stream is {}", last.state);
    Err(first.unwrap_or_else(|| refuse(PublishDenial::StreamOver, Some(last), &reason)))
}

fn is_at(record: &StreamRecord, attempt: &PublishAttempt) -> bool {
    let Some(wanted) = attempt.url.as_deref().and_then(application) else {
        return true;
    };
    [IngestSlot::Main, IngestSlot::Backup]
        .into_iter()
        .any(|slot| application(record.url(slot)).as_ref() == Some(&wanted))
}

fn judge<'a>(
    attempt: &PublishAttempt,
    record: &'a StreamRecord,
    fleet: &[Identity],
    unknown: UnknownPublishers,
) -> Result<Grant<'a>, Refusal<'a>> {
    let candidates = identify(&attempt.publisher, fleet);
    let refuse = |denial, encoder, reason| Refusal {
        denial,
        record: Some(record),
        encoder,
        reason,
    };
    if candidates.is_empty() {
        return match unknown {
            UnknownPublishers::Allow => Ok(Grant {
                record,
                entitled: None,
            }),
            UnknownPublishers::Deny => {
                let reason = "the publisher is no encoder of the fleet".to_owned();
                Err(refuse(PublishDenial::UnknownPublisher, None, reason))
            }
        };
    }
    let mut objections = Vec::new();
    let mut misplaced = None;
    for candidate in &candidates {
        match entitlement(candidate, record) {
            Ok(slot) if fits(attempt, record, slot) => {
                return Ok(Grant {
                    record,
                    entitled: Some((candidate.clone(), slot)),
                });
            }
            Ok(_) => misplaced = Some(candidate.clone()),
            Err(objection) => objections.push(format!("{candidate} {objection}")),
        }
    }
    let single = (candidates.len() == 1).then(|| candidates[0].clone());
    Err(match misplaced {
        Some(encoder) => {
            let reason = format!("{encoder} belongs on the stream's other address");
            refuse(PublishDenial::WrongAddress, Some(encoder), reason)
        }
        None => {
            let denial = PublishDenial::EncoderNotEntitled;
            refuse(denial, single, objections.join("; "))
        }
    })
}

/// The address at which the encoder may publish the stream now, or why it may not.
fn entitlement(encoder: &EncoderId, record: &StreamRecord) -> Result<IngestSlot, &'static str> {
    if record
        .fences
        .iter()
        .any(|fence| fence.encoder_id == *encoder)
    {
        return Err("is fenced: it lost this stream");
    }
    if let Some(failover) = &record.failover {
        if failover.to == *encoder {
            return match failover.phase {
                FailoverPhase::Detect | FailoverPhase::Decide | FailoverPhase::Fence => {
                    Err("takes over when the old encoder is seen gone, not yet")
                }
                _ => Ok(failover.to_slot),
            };
        }
        if failover.from == *encoder && is_given_up(failover) {
            return Err("is being replaced");
        }
    }
    if record.primary.encoder_id == *encoder {
        return Ok(record.primary.slot);
    }
    match &record.backup {
        Some(backup) if backup.encoder_id == *encoder => match record.protection {
            Protection::Hot => Ok(backup.slot),
            _ => Err("is the backup, which publishes when it takes over and not before"),
        },
        _ => Err("has no part in this stream"),
    }
}

/// Whether the old encoder must stay away from now on, and not only when its replacement streams:
/// it is stopped first, or would push the replacement off their common address.
fn is_given_up(failover: &FailoverProgress) -> bool {
    failover.order == FailoverOrder::FenceFirst
        || (failover.trigger == Trigger::Automatic && failover.from_slot == failover.to_slot)
}

/// Whether the attempt is made at the address of that slot, as far as addresses tell slots apart.
fn fits(attempt: &PublishAttempt, record: &StreamRecord, slot: IngestSlot) -> bool {
    let apart = record.destination.personality == Personality::Separate
        || record.protection == Protection::Hot;
    if !apart || record.destination.backup_url.is_none() {
        return true;
    }
    let (asked, due) = (attempt.url.as_deref(), record.url(slot));
    match (asked.and_then(application), application(due)) {
        (Some(asked), Some(due)) => asked == due,
        _ => true,
    }
}

/// The application of an address: its path. The host is what the publisher dialled, which behind
/// address translation, a name or a balancer is not what the ingest or the stream calls it.
fn application(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(url.path().trim_matches('/').to_owned())
}

#[cfg(test)]
#[path = "authorize_tests.rs"]
mod tests;
