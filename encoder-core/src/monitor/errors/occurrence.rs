//! One trouble of one encoder or stream, from its beginning to its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::Place;
use crate::model::{EncoderId, Severity, Timestamp};

/// Beginnings that are remembered of one occurrence; its count goes on.
const KEPT_ONSETS: usize = 32;

/// A trouble that a pattern recognised. It lasts as long as the condition is reported, and goes on
/// when the condition is back soon after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Number of the occurrence; grows with every new one.
    pub number: u64,
    /// Id of the pattern.
    pub pattern: String,
    /// Issue code, alarm code or error kind that was matched first.
    pub code: String,
    /// How bad, as the pattern says.
    pub severity: Severity,
    /// One line, as it was reported last.
    pub message: String,
    /// Where it happened, as it was at the beginning.
    #[serde(flatten)]
    pub place: Place,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// When it was over; `None` while it lasts.
    pub ended_at: Option<Timestamp>,
    /// How often it began.
    pub count: u32,
    /// When it began, the latest times.
    pub onsets: Vec<Timestamp>,
}

impl Occurrence {
    /// Its name on the wire.
    pub fn id(&self) -> String {
        format!("err_{:012}", self.number)
    }

    /// Whether it lasts.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether it lasts, or was seen within `span` before `now`.
    pub fn is_recent(&self, now: Timestamp, span: Duration) -> bool {
        self.is_open() || self.last_seen >= now.minus(span)
    }

    /// How often it began within `span` before `now`.
    pub fn onsets_within(&self, now: Timestamp, span: Duration) -> u32 {
        let earliest = now.minus(span);
        self.onsets.iter().filter(|at| **at >= earliest).count() as u32
    }

    /// When it began last.
    pub fn last_onset(&self) -> Timestamp {
        self.onsets.last().copied().unwrap_or(self.first_seen)
    }

    pub(super) fn begin_again(&mut self, now: Timestamp) {
        self.ended_at = None;
        self.count = self.count.saturating_add(1);
        if self.onsets.len() >= KEPT_ONSETS {
            self.onsets.remove(0);
        }
        self.onsets.push(now);
    }
}

/// Which occurrences are wanted; `None` means any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorQuery {
    /// Not over before this moment.
    pub from: Option<Timestamp>,
    /// Not begun after this moment.
    pub to: Option<Timestamp>,
    /// Id of the pattern.
    pub pattern: Option<String>,
    /// The encoder concerned.
    pub encoder_id: Option<EncoderId>,
    /// The site concerned.
    pub site: Option<String>,
    /// The destination, without a key.
    pub destination: Option<String>,
    /// How bad, exactly.
    pub severity: Option<Severity>,
}

impl ErrorQuery {
    /// Whether the occurrence is wanted.
    pub fn wants(&self, occurrence: &Occurrence) -> bool {
        fn is<T: PartialEq>(wanted: &Option<T>, value: Option<&T>) -> bool {
            wanted.as_ref().is_none_or(|wanted| Some(wanted) == value)
        }
        let place = &occurrence.place;
        let ended = occurrence.ended_at;
        self.from
            .is_none_or(|from| ended.is_none_or(|ended| ended >= from))
            && self.to.is_none_or(|to| occurrence.first_seen <= to)
            && is(&self.pattern, Some(&occurrence.pattern))
            && is(&self.encoder_id, place.encoder_id.as_ref())
            && is(&self.site, place.site.as_ref())
            && is(&self.destination, place.destination.as_ref())
            && is(&self.severity, Some(&occurrence.severity))
    }
}
