//! Notices: what sinks are told, and how far that is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Alert, AlertGroupId, AlertState, EncoderId, NoticeId, Severity, Timestamp};

/// What a notice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeKind {
    /// Something began.
    Firing,
    /// It got worse, or wider.
    Update,
    /// It lasts, and nobody has acknowledged it.
    Reminder,
    /// It is over.
    Resolved,
    /// It happened, and was over at once.
    Event,
    /// Notices that were over the rate, in one.
    Digest,
    /// Somebody tries the sink.
    Test,
}

impl NoticeKind {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Update => "update",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
            Self::Event => "event",
            Self::Digest => "digest",
            Self::Test => "test",
        }
    }
}

/// An alert as it is told: with the place that routes and silences go by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeAlert {
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
    /// The site of its encoder, of its stream's encoder, or the one it is about.
    #[serde(default)]
    pub site: Option<String>,
    /// Who published the stream when the alert opened.
    #[serde(default)]
    pub published_by: Option<EncoderId>,
}

impl NoticeAlert {
    /// The encoder concerned: its own, or the one that published its stream.
    pub fn encoder(&self) -> Option<&EncoderId> {
        self.alert
            .encoder_id
            .as_ref()
            .or(self.published_by.as_ref())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.alert.state != AlertState::Resolved
    }
}

/// One message about alerts with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its name; the same in every attempt, so that receivers can tell a repeated delivery.
    pub notice_id: NoticeId,
    /// What it is for.
    pub kind: NoticeKind,
    /// The group of alerts; `None` for digests, tests and what mirrors get.
    pub group_id: Option<AlertGroupId>,
    /// The worst severity in it.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The alerts, the probable cause first.
    pub alerts: Vec<NoticeAlert>,
    /// What a digest sums up, oldest first.
    #[serde(default)]
    pub summary: Vec<DigestEntry>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A notice in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestEntry {
    /// The notice.
    pub notice_id: NoticeId,
    /// What it was for.
    pub kind: NoticeKind,
    /// Its title.
    pub title: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Notice {
    /// Something for trying a sink.
    pub fn test(now: Timestamp) -> Self {
        Self {
            notice_id: NoticeId::generate(),
            kind: NoticeKind::Test,
            group_id: None,
            severity: Severity::Info,
            title: "Test notice: this sink can be reached".to_owned(),
            alerts: Vec::new(),
            summary: Vec::new(),
            created_at: now,
        }
    }

    /// Whether it says that something is over, and nothing else.
    pub(crate) fn is_end(&self) -> bool {
        let ends = |entry: &DigestEntry| entry.kind == NoticeKind::Resolved;
        match self.kind {
            NoticeKind::Digest => self.summary.iter().all(ends),
            kind => kind == NoticeKind::Resolved,
        }
    }
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Over the rate; waits for a digest.
    Held,
    /// Waits for its turn or its next attempt.
    Pending,
    /// The sink took it.
    Sent,
    /// Told by a digest.
    Digested,
    /// The sink did not take it; kept for retrying by hand.
    DeadLetter,
}

/// A notice on its way to one sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; `None` at once.
    pub next_at: Option<Timestamp>,
    /// When it was sent, digested or given up.
    pub finished_at: Option<Timestamp>,
    /// What the sink said last, in one line without secrets.
    pub error: Option<String>,
    /// The digest that told it.
    pub digest: Option<NoticeId>,
}

impl DeliveryRecord {
    pub(crate) const fn new(state: DeliveryState) -> Self {
        Self {
            state,
            attempts: 0,
            next_at: None,
            finished_at: None,
            error: None,
            digest: None,
        }
    }

    /// Whether nothing happens to it by itself any more.
    pub fn is_finished(&self) -> bool {
        !matches!(self.state, DeliveryState::Held | DeliveryState::Pending)
    }
}

/// A notice with its deliveries: a record of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// The notice.
    #[serde(flatten)]
    pub notice: Notice,
    /// Its deliveries by sink.
    pub deliveries: BTreeMap<String, DeliveryRecord>,
    /// What need not be told again after it.
    #[serde(default)]
    pub(crate) covers: BTreeSet<String>,
}

impl NoticeRecord {
    /// Whether all deliveries are finished.
    pub fn is_finished(&self) -> bool {
        self.deliveries.values().all(DeliveryRecord::is_finished)
    }

    /// Whether a sink did not take it.
    pub fn is_dead_letter(&self) -> bool {
        let mut all = self.deliveries.values();
        all.any(|delivery| delivery.state == DeliveryState::DeadLetter)
    }
}
