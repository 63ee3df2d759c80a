//! What the word of a witness means for a stream. Pure.

use std::time::Instant;

use super::identify::{Identity, identify};
use super::trace::{Growth, Moment, Seen};
use crate::config::IngestConfig;
use crate::model::{EncoderId, PublishTarget, Timestamp};

/// A silence that young may wait for this many close looks.
const CLOSE_LOOKS: u32 = 5;

/// What a witness says of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Testimony {
    /// Nothing: there is no witness, it cannot be asked, or has not looked for long enough.
    #[default]
    Unknown,
    /// Media arrives, or nothing has been missing for long enough.
    Received,
    /// Nothing has arrived since then, which is too long ago.
    Missing(Timestamp),
}

/// Whether what was seen is recent enough to mean anything. After a failed look it is not.
pub(crate) fn is_fresh(seen: &Seen, now: Instant, config: &IngestConfig) -> bool {
    let limit = config.poll_interval * 2 + config.timeout;
    let recent = |looked: Moment| now.saturating_duration_since(looked.instant) <= limit;
    seen.failing.is_none() && seen.looked.is_some_and(recent)
}

/// What is said of a target at which media is expected since `expected`: since its encoder says
/// that it streams, and is the one that should.
///
/// Only looks count: nothing is missing before a look at the end of `missing_after` found nothing.
pub(crate) fn testify(
    seen: &Seen,
    target: &PublishTarget,
    expected: Timestamp,
    now: Instant,
    config: &IngestConfig,
) -> Testimony {
    if !is_fresh(seen, now, config) {
        return Testimony::Unknown;
    }
    let (Some(looked), Some(trace)) = (seen.looked, seen.trace(target)) else {
        return Testimony::Unknown;
    };
    let last = trace.grown.map(|grown| grown.found.at);
    let since = expected
        .max(trace.watched_since.at)
        .max(last.unwrap_or(expected));
    if looked.at.since(since) >= config.missing_after {
        Testimony::Missing(since)
    } else if trace.is_receiving(looked, config.missing_after) {
        Testimony::Received
    } else {
        Testimony::Unknown
    }
}

/// Whether an ingest that misses one stream has to be suspected itself: it should receive several
/// and receives none of them.
///
/// Streams end a look apart when an ingest stops receiving, so one that grew within the last half
/// of `missing_after` is needed to clear it.
pub(crate) fn is_suspect(
    seen: &Seen,
    expected: &[(PublishTarget, Timestamp)],
    config: &IngestConfig,
) -> bool {
    let Some(looked) = seen.looked else {
        return false;
    };
    let due = expected
        .iter()
        .filter(|(_, since)| looked.at.since(*since) >= config.missing_after);
    let arrives = |(target, _): &(PublishTarget, Timestamp)| {
        seen.trace(target)
            .is_some_and(|trace| trace.is_receiving(looked, config.missing_after / 2))
    };
    due.count() > 1 && !expected.iter().any(arrives)
}

/// Whether the media of a silent encoder still arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnAir {
    /// It does.
    Yes,
    /// It does not, or nobody can tell.
    #[default]
    No,
    /// The second look since the silence began is due at once.
    NotYetKnown,
}

/// Whether media of the encoder still arrives although it answers nobody since `silent`.
///
/// What arrived must have been counted, and all of it after the silence began: an ingest keeps the
/// connection of a dead encoder for a while, and may find late what was sent before. A publisher
/// that is known to be somebody else is none of this encoder's media.
pub(crate) fn on_air(
    seen: &Seen,
    target: &PublishTarget,
    encoder: &EncoderId,
    fleet: &[Identity],
    silent: Instant,
    now: Instant,
    config: &IngestConfig,
) -> OnAir {
    let (Some(looked), Some(trace)) = (seen.looked, seen.trace(target)) else {
        return OnAir::No;
    };
    if !is_fresh(seen, now, config) || !may_be(trace.publishers(), encoder, fleet) {
        return OnAir::No;
    }
    let arrives = |grown: &Growth| {
        let recent = looked.since(grown.found) < config.missing_after;
        recent && grown.counted && grown.after.instant >= silent
    };
    if trace.grown.as_ref().is_some_and(arrives) {
        return OnAir::Yes;
    }
    let looked_twice = seen.before.is_some_and(|before| before.instant >= silent);
    let patience = config.moving_interval * CLOSE_LOOKS;
    if !looked_twice && now.saturating_duration_since(silent) < patience {
        OnAir::NotYetKnown
    } else {
        OnAir::No
    }
}

/// Whether one of the publishers may be the encoder. Of nobody identified, nobody is excluded.
pub(crate) fn may_be(
    publishers: &[super::Publisher],
    encoder: &EncoderId,
    fleet: &[Identity],
) -> bool {
    let meant: Vec<_> = publishers.iter().map(|p| identify(p, fleet)).collect();
    meant.iter().all(Vec::is_empty) || meant.iter().any(|ids| ids.contains(encoder))
}

/// The encoder that publishes, when all publishers together can only be one.
pub(crate) fn publisher_of(
    publishers: &[super::Publisher],
    fleet: &[Identity],
) -> Option<EncoderId> {
    let mut meant: Vec<_> = publishers.iter().flat_map(|p| identify(p, fleet)).collect();
    meant.dedup();
    let [encoder] = meant.as_slice() else {
        return None;
    };
    Some(encoder.clone())
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
