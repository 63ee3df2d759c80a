//! Which conditions hold, and the alerts about them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::advice::suggestions;
use super::cause::BookEntry;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Alert, AlertId, AlertState, EncoderId, Issue, Severity, StreamId, Subject, Timestamp,
};

mod restore;

/// A condition must be gone for this long before its alert resolves.
const CALM: Duration = Duration::from_secs(10);

/// What was open before a restart is not gone for this long, because nothing is known of the
/// fleet at first.
const GRACE: Duration = Duration::from_secs(30);

/// A condition: what, on which stream or encoder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    code: String,
    stream: Option<StreamId>,
    encoder: Option<EncoderId>,
    /// What it is about, when it is neither a stream nor an encoder, for example `site:north`.
    about: Option<String>,
}

/// A condition that a monitor found, about something that is neither a stream nor an encoder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// What it is about, for example `site:north`; together with the code it is the condition.
    pub(crate) about: String,
    /// Category of the alert.
    pub(crate) category: &'static str,
    /// What is wrong.
    pub(crate) issue: Issue,
    /// What can be done.
    pub(crate) suggested_actions: Vec<String>,
    /// Whom it concerns.
    pub(crate) concerns: Vec<Subject>,
}

#[derive(Debug)]
struct Open {
    alert: Alert,
    concerns: Vec<Subject>,
    gone_since: Option<Timestamp>,
    /// Taken from the store, and not seen since.
    kept_until: Option<Timestamp>,
}

impl Open {
    fn note_gone(&mut self, now: Timestamp) {
        if self.kept_until.is_none_or(|until| now >= until) {
            self.gone_since.get_or_insert(now);
        }
    }
}

/// All alerts. Not shared; whoever owns it serialises access.
#[derive(Debug)]
pub(crate) struct AlertBook {
    open: BTreeMap<Condition, Open>,
    resolved: Vec<BookEntry>,
    /// Resolved alerts that are remembered.
    limit: usize,
    changed: BTreeSet<AlertId>,
    /// Told whenever something must be written and may have to be told.
    news: Arc<Notify>,
}

impl Default for AlertBook {
    fn default() -> Self {
        Self::new(500)
    }
}

impl AlertBook {
    /// An empty book that remembers so many resolved alerts.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: BTreeMap::new(),
            resolved: Vec::new(),
            limit,
            changed: BTreeSet::new(),
            news: Arc::default(),
        }
    }

    fn mark(&mut self, id: AlertId) {
        self.changed.insert(id);
        self.news.notify_one();
    }

    /// Takes everything that is wrong with a subject now; returns the alerts that changed.
    pub(crate) fn observe(
        &mut self,
        subject: &Subject,
        issues: &[Issue],
        now: Timestamp,
    ) -> Vec<Alert> {
        let mut changed = Vec::new();
        let serious = issues
            .iter()
            .filter(|issue| issue.severity >= Severity::Warning);
        let mut present = Vec::new();
        for issue in serious {
            let condition = Condition::new(issue, subject);
            changed.extend(self.note(condition.clone(), issue));
            present.push(condition);
        }
        for (condition, open) in &mut self.open {
            if condition.concerns(subject) && !present.contains(condition) {
                open.note_gone(now);
            }
        }
        changed.extend(self.settle(now));
        changed
    }

    /// Takes everything that the error analysis finds now; returns the alerts that changed.
    pub(crate) fn observe_standing(&mut self, found: &[Standing], now: Timestamp) -> Vec<Alert> {
        let mut changed = Vec::new();
        let mut present = Vec::new();
        for standing in found {
            let condition = Condition {
                code: standing.issue.code.to_string(),
                stream: None,
                encoder: None,
                about: Some(standing.about.clone()),
            };
            if let Some(mut alert) = self.note(condition.clone(), &standing.issue) {
                standing.category.clone_into(&mut alert.category);
                alert
                    .suggested_actions
                    .clone_from(&standing.suggested_actions);
                if let Some(open) = self.open.get_mut(&condition) {
                    open.alert = alert.clone();
                    open.concerns.clone_from(&standing.concerns);
                }
                changed.push(alert);
            }
            present.push(condition);
        }
        for (condition, open) in &mut self.open {
            if condition.about.is_some() && !present.contains(condition) {
                open.note_gone(now);
            }
        }
        changed.extend(self.settle(now));
        changed
    }

    /// Opens an alert, or makes a known one worse. Returns it when clients should hear of it.
    fn note(&mut self, condition: Condition, issue: &Issue) -> Option<Alert> {
        if let Some(open) = self.open.get_mut(&condition) {
            (open.gone_since, open.kept_until) = (None, None);
            let worse = issue.severity > open.alert.severity;
            open.alert.severity = open.alert.severity.max(issue.severity);
            open.alert.description.clone_from(&issue.message);
            if worse {
                let alert = open.alert.clone();
                self.mark(alert.alert_id.clone());
                return Some(alert);
            }
            return None;
        }
        let alert = condition.open(issue);
        self.mark(alert.alert_id.clone());
        self.open.insert(
            condition,
            Open {
                alert: alert.clone(),
                concerns: Vec::new(),
                gone_since: None,
                kept_until: None,
            },
        );
        Some(alert)
    }

    /// Keeps something that happened, and is over: an alert that is resolved from the start.
    pub(crate) fn tell(&mut self, subject: &Subject, issue: &Issue, now: Timestamp) -> Alert {
        let mut alert = Condition::new(issue, subject).open(issue);
        alert.state = AlertState::Resolved;
        alert.resolved_at = Some(now);
        self.keep_resolved(BookEntry {
            alert: alert.clone(),
            about: None,
            concerns: Vec::new(),
        });
        alert
    }

    fn keep_resolved(&mut self, entry: BookEntry) {
        self.mark(entry.alert.alert_id.clone());
        self.resolved.push(entry);
        let excess = self.resolved.len().saturating_sub(self.limit);
        let gone = self.resolved.drain(..excess);
        self.changed.extend(gone.map(|entry| entry.alert.alert_id));
    }

    /// Forgets what was resolved before then.
    pub(crate) fn forget_before(&mut self, earliest: Timestamp) {
        let is_old =
            |entry: &mut BookEntry| entry.alert.resolved_at.is_some_and(|at| at < earliest);
        let gone = self.resolved.extract_if(.., is_old);
        self.changed.extend(gone.map(|entry| entry.alert.alert_id));
    }

    /// Resolves what has been gone for long enough; returns what was resolved.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Vec<Alert> {
        let over = |open: &Open| {
            open.gone_since
                .is_some_and(|since| now.since(since) >= CALM)
        };
        let ended: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| over(open))
            .map(|(c, _)| c.clone())
            .collect();
        let mut changed = Vec::new();
        for condition in ended {
            if let Some(open) = self.open.remove(&condition) {
                let mut alert = open.alert;
                alert.state = AlertState::Resolved;
                alert.resolved_at = open.gone_since;
                changed.push(alert.clone());
                self.keep_resolved(BookEntry {
                    alert,
                    about: condition.about,
                    concerns: open.concerns,
                });
            }
        }
        changed
    }

    /// Somebody takes an alert on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] when it is resolved already.
    pub(crate) fn acknowledge(&mut self, id: &AlertId) -> Result<Alert> {
        let known = self
            .open
            .values_mut()
            .find(|open| open.alert.alert_id == *id);
        if let Some(open) = known {
            open.alert.state = AlertState::Acknowledged;
            let alert = open.alert.clone();
            self.mark(alert.alert_id.clone());
            return Ok(alert);
        }
        let (kind, message) = if self
            .resolved
            .iter()
            .any(|entry| entry.alert.alert_id == *id)
        {
            (ErrorKind::Conflict, "the alert is resolved already")
        } else {
            (ErrorKind::NotFound, "no such alert")
        };
        Err(Error::new(kind, message).with_context("alert", id))
    }

    /// All alerts, newest first.
    pub(crate) fn all(&self) -> Vec<Alert> {
        let open = self.open.values().map(|open| open.alert.clone());
        let resolved = self.resolved.iter().map(|entry| entry.alert.clone());
        let mut all: Vec<_> = open.chain(resolved).collect();
        all.sort_by(|a, b| {
            b.started_at
                .cmp(&a.started_at)
                .then(b.alert_id.cmp(&a.alert_id))
        });
        all
    }
}

impl Condition {
    fn new(issue: &Issue, subject: &Subject) -> Self {
        let (stream, encoder) = match subject {
            Subject::Stream(id) => (Some(id.clone()), None),
            Subject::Encoder(id) => (None, Some(id.clone())),
            Subject::Alerts => (None, None),
        };
        Self {
            code: issue.code.to_string(),
            stream,
            encoder,
            about: None,
        }
    }

    fn concerns(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Stream(id) => self.stream.as_ref() == Some(id),
            Subject::Encoder(id) => self.encoder.as_ref() == Some(id),
            Subject::Alerts => false,
        }
    }

    fn open(&self, issue: &Issue) -> Alert {
        let (category, name) = match (&self.stream, &self.encoder) {
            (Some(stream), _) => ("stream", stream.to_string()),
            (None, Some(encoder)) => ("encoder", encoder.to_string()),
            (None, None) => {
                let about = self.about.as_deref().unwrap_or("manager");
                ("manager", about.replace(':', " "))
            }
        };
        Alert {
            alert_id: AlertId::generate(),
            category: category.to_owned(),
            severity: issue.severity,
            state: AlertState::Firing,
            encoder_id: self.encoder.clone(),
            stream_id: self.stream.clone(),
            summary: format!("{name}: {}", self.code.replace('_', " ")),
            code: self.code.clone(),
            description: issue.message.clone(),
            suggested_actions: suggestions(&self.code),
            started_at: issue.since,
            resolved_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn issue(severity: Severity) -> Issue {
        let since = Timestamp::from_millis(0);
        Issue::new("device_silent", severity, "no answer", since)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn subject() -> Subject {
        Subject::Encoder(EncoderId::try_new("helo-1").unwrap())
    }

    #[test]
    fn flapping_condition_is_one_alert() {
        let mut book = AlertBook::default();
        let first = book.observe(&subject(), &[issue(Severity::Warning)], at(0));
        assert_eq!(first.len(), 1);
        for second in 1..9 {
            let issues: &[Issue] = if second % 2 == 0 {
                &[issue(Severity::Warning)]
            } else {
                &[]
            };
            assert_eq!(book.observe(&subject(), issues, at(second)), []);
        }
        assert_eq!(book.all().len(), 1);
    }

    #[test]
    fn alert_resolves_when_its_condition_is_gone_for_good() {
        let mut book = AlertBook::default();
        book.observe(&subject(), &[issue(Severity::Warning)], at(0));
        assert_eq!(book.observe(&subject(), &[], at(5)), []);
        let resolved = book.settle(at(15));
        assert_eq!(resolved[0].state, AlertState::Resolved);
        assert_eq!(resolved[0].resolved_at, Some(at(5)));
        let again = book.observe(&subject(), &[issue(Severity::Warning)], at(20));
        assert_ne!(again[0].alert_id, resolved[0].alert_id);
    }

    #[test]
    fn acknowledged_alert_stays_so_until_it_resolves() {
        let mut book = AlertBook::default();
        let id = book.observe(&subject(), &[issue(Severity::Warning)], at(0))[0]
            .alert_id
            .clone();
        assert_eq!(
            book.acknowledge(&id).unwrap().state,
            AlertState::Acknowledged
        );
        assert_eq!(
            book.observe(&subject(), &[issue(Severity::Warning)], at(1)),
            []
        );
        assert_eq!(
            book.observe(&subject(), &[issue(Severity::Critical)], at(2))
                .len(),
            1
        );
        book.observe(&subject(), &[], at(3));
        book.settle(at(60));
        assert_eq!(
            book.acknowledge(&id).unwrap_err().kind(),
            ErrorKind::Conflict
        );
    }

    #[test]
    fn information_is_no_alert_and_subjects_do_not_mix() {
        let mut book = AlertBook::default();
        assert_eq!(
            book.observe(&subject(), &[issue(Severity::Info)], at(0)),
            []
        );
        book.observe(&subject(), &[issue(Severity::Warning)], at(0));
        let other = Subject::Encoder(EncoderId::try_new("helo-2").unwrap());
        book.observe(&other, &[], at(1));
        assert_eq!(book.settle(at(60)), []);
    }
}
