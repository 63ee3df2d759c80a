//! Error analysis.

use std::collections::BTreeMap;

use crate::monitor::errors::{
    AutomatedAction, Correlation, ErrorAnalysis, Escalation, Impact, MatchedPattern, Occurrence,
    RootCause, SuggestedAction, Window,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Page, Time, name};

/// What is wrong, what it has in common, what is probably behind it, and what was done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorAnalysisDto {
    /// When it was put together.
    pub timestamp: Time,
    /// Patterns with errors that last, worst first.
    pub patterns: Vec<MatchedPatternDto>,
    /// What errors have in common, by window.
    pub correlations: Vec<ErrorWindowDto>,
    /// Whom it concerns.
    pub impact: ErrorImpactDto,
    /// What is probably behind it, best first.
    pub root_causes: Vec<RootCauseDto>,
    /// What a person can do.
    pub suggested_actions: Vec<SuggestedActionDto>,
    /// What the manager did, newest first.
    pub automated_actions: Vec<AutomatedActionDto>,
    /// What repeats too often.
    pub escalations: Vec<EscalationDto>,
    /// Errors that last or are remembered, newest first.
    pub history: Page<OccurrenceDto>,
}

impl ErrorAnalysisDto {
    /// The analysis, with a page of its history.
    pub fn new(analysis: ErrorAnalysis, history: Page<OccurrenceDto>) -> Self {
        fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
            items.into_iter().map(U::from).collect()
        }
        Self {
            timestamp: analysis.timestamp.into(),
            patterns: all(analysis.patterns),
            correlations: all(analysis.correlations),
            impact: analysis.impact.into(),
            root_causes: all(analysis.root_causes),
            suggested_actions: all(analysis.suggested_actions),
            automated_actions: all(analysis.automated_actions),
            escalations: all(analysis.escalations),
            history,
        }
    }
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

/// The name of an error on the wire.
fn error_id(number: u64) -> String {
    format!("err_{number:012}")
}

/// A pattern with errors that last.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MatchedPatternDto {
    /// Its id, for example `network_timeout`.
    pub pattern: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub category: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// What it does to the viewer or the operator.
    pub impact: String,
    /// Errors that last.
    pub open: usize,
    /// Since when the oldest lasts.
    pub since: Time,
    /// The encoders concerned.
    pub encoder_ids: Vec<String>,
    /// The streams concerned.
    pub stream_ids: Vec<String>,
}

impl From<MatchedPattern> for MatchedPatternDto {
    fn from(found: MatchedPattern) -> Self {
        Self {
            pattern: found.pattern,
            title: found.title,
            category: found.category,
            severity: found.severity.as_str().to_owned(),
            impact: found.impact,
            open: found.open,
            since: found.since.into(),
            encoder_ids: texts(found.encoder_ids),
            stream_ids: texts(found.stream_ids),
        }
    }
}

/// What was found in one window.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorWindowDto {
    /// How far back it reaches.
    pub window_seconds: u64,
    /// Errors in it.
    pub occurrences: usize,
    /// Groups of errors that share something, most telling first.
    pub correlations: Vec<CorrelationDto>,
}

impl From<Window> for ErrorWindowDto {
    fn from(window: Window) -> Self {
        let found = window.correlations.into_iter();
        Self {
            window_seconds: window.seconds,
            occurrences: window.occurrences,
            correlations: found.map(CorrelationDto::from).collect(),
        }
    }
}

/// Errors of one pattern that share something.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CorrelationDto {
    /// The pattern.
    pub pattern: String,
    /// What they share: `site`, `destination`, `source` (a label) or `firmware`.
    pub factor: String,
    /// Which one.
    pub value: String,
    /// Encoders (for destinations: attempts to publish) that are affected and share it.
    pub affected: usize,
    /// All that share it.
    pub exposed: usize,
    /// `affected / exposed`, 0 to 1.
    pub support: f64,
    /// Support divided by the share of all that are affected; 1 is chance.
    pub lift: f64,
    /// Time between the first and the last beginning.
    pub spread_seconds: f64,
    /// The encoders.
    pub encoder_ids: Vec<String>,
}

impl From<Correlation> for CorrelationDto {
    fn from(found: Correlation) -> Self {
        Self {
            pattern: found.pattern,
            factor: found.factor.to_string(),
            value: found.value,
            affected: found.affected,
            exposed: found.exposed,
            support: found.support,
            lift: found.lift,
            spread_seconds: found.spread_seconds,
            encoder_ids: found.encoder_ids,
        }
    }
}

/// Whom the errors that last concern.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorImpactDto {
    /// Encoders.
    pub encoder_ids: Vec<String>,
    /// Active streams.
    pub stream_ids: Vec<String>,
    /// Active streams that should have a ready backup, and have none.
    pub unprotected_stream_ids: Vec<String>,
    /// Always `null`: the manager is not in the way of the media.
    pub viewers: Option<u64>,
}

impl From<Impact> for ErrorImpactDto {
    fn from(impact: Impact) -> Self {
        Self {
            encoder_ids: texts(impact.encoder_ids),
            stream_ids: texts(impact.stream_ids),
            unprotected_stream_ids: texts(impact.unprotected_stream_ids),
            viewers: impact.viewers,
        }
    }
}

/// A candidate for what is behind the errors.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RootCauseDto {
    /// Kind and name, such as `site:north`; `manager` has no name.
    pub cause: String,
    /// `encoder`, `source`, `site`, `destination`, `firmware` or `manager`.
    pub kind: String,
    /// 0 to 1; comparable among candidates, and no probability.
    pub score: f64,
    /// Whether any of its errors lasts.
    pub active: bool,
    /// How many of those that it could affect are affected.
    pub affected: usize,
    /// How many it could affect.
    pub exposed: usize,
    /// Patterns that point at it.
    pub patterns: Vec<String>,
    /// What speaks for it.
    pub evidence_for: Vec<String>,
    /// What speaks against it.
    pub evidence_against: Vec<String>,
    /// Encoders with these errors.
    pub encoder_ids: Vec<String>,
    /// Streams with these errors.
    pub stream_ids: Vec<String>,
    /// The errors that it would explain.
    pub error_ids: Vec<String>,
}

impl From<RootCause> for RootCauseDto {
    fn from(cause: RootCause) -> Self {
        Self {
            cause: cause.cause,
            kind: cause.kind.to_string(),
            score: cause.score,
            active: cause.active,
            affected: cause.affected,
            exposed: cause.exposed,
            patterns: cause.scores.into_keys().collect(),
            evidence_for: cause.evidence_for,
            evidence_against: cause.evidence_against,
            encoder_ids: texts(cause.encoder_ids),
            stream_ids: texts(cause.stream_ids),
            error_ids: cause.occurrences.into_iter().map(error_id).collect(),
        }
    }
}

/// What a person can do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SuggestedActionDto {
    /// The pattern it is for.
    pub pattern: String,
    /// What to do.
    pub action: String,
}

impl From<SuggestedAction> for SuggestedActionDto {
    fn from(suggested: SuggestedAction) -> Self {
        Self {
            pattern: suggested.pattern,
            action: suggested.action,
        }
    }
}

/// What the manager did, as a stream's timeline tells it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AutomatedActionDto {
    /// When it was over.
    pub timestamp: Time,
    /// The stream.
    pub stream_id: String,
    /// The incident it belongs to.
    pub incident_id: Option<String>,
    /// What, for example `failover` or `restart_in_place`.
    pub action: String,
    /// `succeeded` or `failed`.
    pub outcome: String,
    /// One line for people.
    pub message: String,
}

impl From<AutomatedAction> for AutomatedActionDto {
    fn from(act: AutomatedAction) -> Self {
        Self {
            timestamp: act.at.into(),
            stream_id: act.stream_id.to_string(),
            incident_id: act.incident_id.map(|id| id.to_string()),
            action: act.action,
            outcome: act.outcome.to_owned(),
            message: act.message,
        }
    }
}

/// Errors that are too many to be left to themselves.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EscalationDto {
    /// The cause, or `pattern:…` and `stream:…` when the errors have no common one.
    pub cause: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// Similar errors in the window, of the pattern that has most.
    pub similar_errors: u32,
    /// Recoveries that failed.
    pub failed_recoveries: u32,
    /// The patterns concerned.
    pub patterns: Vec<String>,
    /// Since when it is escalated.
    pub since: Time,
    /// One line for people.
    pub message: String,
    /// The errors.
    pub error_ids: Vec<String>,
}

impl From<Escalation> for EscalationDto {
    fn from(raised: Escalation) -> Self {
        Self {
            cause: raised.cause,
            severity: raised.severity.as_str().to_owned(),
            similar_errors: raised.similar_errors,
            failed_recoveries: raised.failed_recoveries,
            patterns: raised.patterns.into_iter().collect(),
            since: raised.since.into(),
            message: raised.message,
            error_ids: raised.occurrences.into_iter().map(error_id).collect(),
        }
    }
}

/// One error, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OccurrenceDto {
    /// Its name; later errors have higher ones.
    pub error_id: String,
    /// The pattern that recognised it.
    pub pattern: String,
    /// Issue code, alarm code or error kind.
    pub code: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// One line for people, as reported last.
    pub message: String,
    /// The encoder.
    pub encoder_id: Option<String>,
    /// Its site.
    pub site: Option<String>,
    /// Its driver.
    pub driver: Option<String>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The stream.
    pub stream_id: Option<String>,
    /// Where the stream goes, without its key.
    pub destination: Option<String>,
    /// When it was seen first.
    pub first_seen: Time,
    /// When it was seen last.
    pub last_seen: Time,
    /// When it was over; `null` while it lasts.
    pub ended_at: Option<Time>,
    /// How often it began.
    pub count: u32,
}

impl From<Occurrence> for OccurrenceDto {
    fn from(known: Occurrence) -> Self {
        let place = known.place;
        Self {
            error_id: error_id(known.number),
            pattern: known.pattern,
            code: known.code,
            severity: name(&known.severity),
            message: known.message,
            encoder_id: place.encoder_id.map(|id| id.to_string()),
            site: place.site,
            driver: place.driver,
            firmware: place.firmware,
            labels: place.labels,
            stream_id: place.stream_id.map(|id| id.to_string()),
            destination: place.destination,
            first_seen: known.first_seen.into(),
            last_seen: known.last_seen.into(),
            ended_at: known.ended_at.map(Time),
            count: known.count,
        }
    }
}
