//! What an event says about trouble.

use super::escalate::FailedRecovery;
use crate::model::{
    Alert, AlertState, EncoderId, Event, EventKind, FailoverPhase, Issue, StreamErrorReport,
    StreamFailoverReport, StreamId, issue_code,
};

/// Codes of the alerts that come from this analysis, and are not trouble of their own.
pub(super) const OWN_ALERTS: [&str; 2] = ["error_escalated", "site_suspect"];

/// Something that was reported, before it is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Issue code, alarm code or error kind.
    pub code: String,
    /// One line.
    pub message: String,
}

impl Finding {
    /// A finding.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    fn of(issue: &Issue) -> Self {
        Self::new(issue.code.as_str(), &issue.message)
    }
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// Everything that is wrong with an encoder now.
    Encoder(EncoderId, Vec<Finding>),
    /// Everything that is wrong with a stream on that encoder now.
    Stream(StreamId, EncoderId, Vec<Finding>),
    /// Something went wrong once.
    Once(StreamId, Option<EncoderId>, Finding),
    /// A failover or a repair failed.
    FailedRecovery(FailedRecovery),
    /// An alert about neither an encoder nor a stream is there, or is over.
    Alert(String, Option<Finding>),
    /// Nothing about trouble.
    Nothing,
}

impl Told {
    pub(super) fn by(event: &Event) -> Self {
        match &event.kind {
            EventKind::HealthUpdate(report) => {
                let found = report.issues.iter().map(Finding::of).collect();
                Self::Encoder(report.encoder_id.clone(), found)
            }
            EventKind::StreamHealth(report) => {
                let found = report.issues.iter().map(Finding::of).collect();
                Self::Stream(report.stream_id.clone(), report.encoder_id.clone(), found)
            }
            EventKind::StreamError(report) => by_error(report, event),
            EventKind::StreamFailover(report) => by_failover(report, event),
            EventKind::Alert(alert) => by_alert(alert),
        }
    }
}

fn by_error(report: &StreamErrorReport, event: &Event) -> Told {
    if report.code == issue_code::REPAIR_FAILED {
        return Told::FailedRecovery(FailedRecovery {
            at: event.timestamp,
            stream_id: report.stream_id.clone(),
            encoder_ids: report.encoder_id.iter().cloned().collect(),
        });
    }
    let finding = Finding::new(&report.code, &report.message);
    Told::Once(report.stream_id.clone(), report.encoder_id.clone(), finding)
}

fn by_failover(report: &StreamFailoverReport, event: &Event) -> Told {
    if report.phase != FailoverPhase::Failed {
        return Told::Nothing;
    }
    Told::FailedRecovery(FailedRecovery {
        at: event.timestamp,
        stream_id: report.stream_id.clone(),
        encoder_ids: vec![report.from.clone(), report.to.clone()],
    })
}

/// Alerts about encoders and streams come from issues that were heard of already.
fn by_alert(alert: &Alert) -> Told {
    let has_subject = alert.encoder_id.is_some() || alert.stream_id.is_some();
    // Several targets share a code, and none of them causes trouble on an encoder.
    let is_certificate = alert.category == "certificate";
    if has_subject || is_certificate || OWN_ALERTS.contains(&alert.code.as_str()) {
        return Told::Nothing;
    }
    let holds = alert.state != AlertState::Resolved;
    let finding = holds.then(|| Finding::new(&alert.code, &alert.description));
    Told::Alert(alert.code.clone(), finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Severity, Subject, Timestamp};

    #[test]
    fn repair_that_failed_is_a_failed_recovery_and_other_errors_are_not() {
        let told = |code: &str| {
            let (stream, encoder) = (StreamId::generate(), EncoderId::try_new("helo-1").unwrap());
            let report = StreamErrorReport {
                stream_id: stream.clone(),
                encoder_id: Some(encoder.clone()),
                code: code.to_owned(),
                severity: Severity::Critical,
                message: "restart_in_place on helo-1: failed".to_owned(),
            };
            let told = Told::by(&Event {
                id: 1,
                sequence: 1,
                timestamp: Timestamp::from_millis(5),
                subject: Subject::Stream(stream),
                observed: None,
                kind: EventKind::StreamError(report),
            });
            match told {
                Told::FailedRecovery(failed) => Some(failed.encoder_ids == [encoder]),
                _ => None,
            }
        };
        assert_eq!(told(issue_code::REPAIR_FAILED), Some(true));
        assert_eq!(told(issue_code::STREAM_FAILING), None);
    }
}
