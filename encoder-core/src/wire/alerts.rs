//! Notices, sinks and silences on the wire.

use std::collections::BTreeMap;

use crate::alerts::{AlertMatcher, DeliveryRecord, DigestEntry, NoticeRecord, Silence, SinkReport};
use crate::model::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{AlertDto, Fields, Time, name};
use crate::error::Result;

/// A notice with its deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationDto {
    /// Its id; the same in every attempt.
    pub notice_id: String,
    /// `firing`, `update`, `reminder`, `resolved`, `event`, `digest` or `test`.
    pub kind: String,
    /// The group of alerts with one cause; `null` for digests and what Alertmanagers get.
    pub group_id: Option<String>,
    /// The worst severity in it.
    pub severity: String,
    /// One line.
    pub title: String,
    /// The alerts as they were told, the probable cause first.
    pub alerts: Vec<AlertDto>,
    /// What a digest sums up.
    pub summary: Vec<DigestEntryDto>,
    /// When it was written.
    pub created_at: Time,
    /// Its deliveries by sink.
    pub deliveries: BTreeMap<String, DeliveryDto>,
}

impl From<NoticeRecord> for NotificationDto {
    fn from(record: NoticeRecord) -> Self {
        let NoticeRecord {
            notice, deliveries, ..
        } = record;
        Self {
            notice_id: notice.notice_id.to_string(),
            kind: notice.kind.as_str().to_owned(),
            group_id: notice.group_id.map(String::from),
            severity: notice.severity.as_str().to_owned(),
            title: notice.title,
            alerts: notice
                .alerts
                .into_iter()
                .map(|told| told.alert.into())
                .collect(),
            summary: notice.summary.into_iter().map(Into::into).collect(),
            created_at: notice.created_at.into(),
            deliveries: deliveries
                .into_iter()
                .map(|(sink, delivery)| (sink, delivery.into()))
                .collect(),
        }
    }
}

/// A notice in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DigestEntry)]
pub struct DigestEntryDto {
    /// The notice.
    pub notice_id: String,
    /// What it was for.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// When it was written.
    pub created_at: Time,
}

impl From<DigestEntry> for DigestEntryDto {
    fn from(entry: DigestEntry) -> Self {
        Self {
            notice_id: entry.notice_id.to_string(),
            kind: entry.kind.as_str().to_owned(),
            title: entry.title,
            created_at: entry.created_at.into(),
        }
    }
}

/// A notice on its way to one sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertDelivery)]
pub struct DeliveryDto {
    /// `held` for a digest, `pending`, `sent`, `digested` or `dead_letter`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Time>,
    /// When it was sent, digested or given up.
    pub finished_at: Option<Time>,
    /// What the sink said last.
    pub error: Option<String>,
    /// The digest that told it.
    pub digest_id: Option<String>,
}

impl From<DeliveryRecord> for DeliveryDto {
    fn from(record: DeliveryRecord) -> Self {
        Self {
            state: name(&record.state),
            attempts: record.attempts,
            next_at: record.next_at.map(Time),
            finished_at: record.finished_at.map(Time),
            error: record.error,
            digest_id: record.digest.map(String::from),
        }
    }
}

/// A sink, and how it is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertSink)]
pub struct SinkDto {
    /// Its name.
    pub name: String,
    /// `alertmanager`, `webhook`, `email` or `telegram`.
    pub kind: String,
    /// Deliveries that wait.
    pub waiting: usize,
    /// Dead letters that can be retried.
    pub dead_letters: usize,
    /// When it last took a notice.
    pub last_sent_at: Option<Time>,
    /// What it said to the latest attempt, if that failed.
    pub last_error: Option<String>,
}

impl From<SinkReport> for SinkDto {
    fn from(report: SinkReport) -> Self {
        Self {
            name: report.name,
            kind: report.kind.to_owned(),
            waiting: report.waiting,
            dead_letters: report.dead_letters,
            last_sent_at: report.last_sent_at.map(Time),
            last_error: report.last_error,
        }
    }
}

/// All sinks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertSinks)]
pub struct SinksDto {
    /// By name.
    pub items: Vec<SinkDto>,
}

/// What a sink answered to a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SinkTest)]
pub struct SinkTestDto {
    /// The sink.
    pub sink: String,
    /// Whether it took the test notice.
    pub delivered: bool,
    /// What it said otherwise.
    pub error: Option<String>,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Silence)]
pub struct SilenceDto {
    /// Its id.
    pub silence_id: String,
    /// `pending`, `active` or `ended`.
    pub state: String,
    /// Which alerts.
    #[serde(rename = "match")]
    pub matches: MatcherDto,
    /// From when.
    pub from: Time,
    /// Until when.
    pub until: Time,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub created_at: Time,
}

/// Which alerts: those that match every list; an empty one matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertMatcher)]
pub struct MatcherDto {
    /// `info`, `warning`, `critical`.
    pub severity: Vec<String>,
    /// For example `stream` or `encoder`.
    pub category: Vec<String>,
    /// For example `device_silent`.
    pub code: Vec<String>,
    /// Encoders; their own alerts, and those of streams that they publish.
    pub encoder: Vec<String>,
    /// Streams.
    pub stream: Vec<String>,
    /// Sites.
    pub site: Vec<String>,
}

impl From<AlertMatcher> for MatcherDto {
    fn from(matches: AlertMatcher) -> Self {
        let severity = matches.severity.iter();
        Self {
            severity: severity.map(|one| one.as_str().to_owned()).collect(),
            category: matches.category,
            code: matches.code,
            encoder: matches.encoder.into_iter().map(String::from).collect(),
            stream: matches.stream.into_iter().map(String::from).collect(),
            site: matches.site,
        }
    }
}

impl SilenceDto {
    /// The silence as it is now.
    pub fn new(silence: Silence, now: Timestamp) -> Self {
        Self {
            state: name(&silence.state(now)),
            silence_id: silence.silence_id.to_string(),
            matches: silence.matches.into(),
            from: silence.from.into(),
            until: silence.until.into(),
            created_by: silence.created_by,
            reason: silence.reason,
            created_at: silence.created_at.into(),
        }
    }
}

/// Silences, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Silences)]
pub struct SilencesDto {
    /// The silences.
    pub items: Vec<SilenceDto>,
}

/// The body of `POST /api/monitoring/silences`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SilenceRequest)]
pub struct SilenceRequestDoc {
    /// Which alerts; at least one list must hold something.
    #[serde(rename = "match")]
    matches: MatcherDto,
    /// From when; now if left out.
    from: Option<Time>,
    /// Until when.
    until: Time,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// By whom; the name of the API key if left out.
    #[schema(min_length = 1, max_length = 500)]
    created_by: Option<String>,
}

/// Reads a wish for silence.
///
/// # Errors
/// [`ValidationFailed`](crate::ErrorKind::ValidationFailed) with every fault of form, or with every rule that is broken.
pub fn silence_request(body: Value, asker: &str, now: Timestamp) -> Result<Silence> {
    let mut fields = Fields::of(body)?;
    let matches = fields.required::<AlertMatcher>("match");
    let from = fields.optional("from").unwrap_or(now);
    let until = fields.required::<Timestamp>("until");
    let reason = fields.required::<String>("reason");
    let by = fields.optional::<String>("created_by");
    let by = by.unwrap_or_else(|| asker.to_owned());
    let wish = matches.zip(until).zip(reason);
    let ((matches, until), reason) = fields.finish(wish)?;
    Silence::try_new(matches, (from, until), by, reason, now)
}
