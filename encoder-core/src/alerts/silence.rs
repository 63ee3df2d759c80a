//! Silences: alerts that nobody is told of for a while. Pure.

use serde::{Deserialize, Serialize};

use super::cause::AlertFacts;
use super::matcher::AlertMatcher;
use super::notice::NoticeAlert;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{SilenceId, Timestamp, Violation};

/// Longest text about a silence.
const MAX_TEXT: usize = 500;

/// Where a silence is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceState {
    /// It begins later.
    Pending,
    /// It holds.
    Active,
    /// It is over.
    Ended,
}

/// Alerts that nobody is told of for a while. They open and resolve as ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its name.
    pub silence_id: SilenceId,
    /// Which alerts.
    #[serde(rename = "match")]
    pub matches: AlertMatcher,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Silence {
    /// A silence, checked.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every violation: nothing matched, an end that is over
    /// or before the beginning, no name, no reason, or texts that are too long.
    pub fn try_new(
        matches: AlertMatcher,
        (from, until): (Timestamp, Timestamp),
        created_by: impl Into<String>,
        reason: impl Into<String>,
        now: Timestamp,
    ) -> Result<Self> {
        let (created_by, reason) = (created_by.into(), reason.into());
        let text = |text: &str| !text.trim().is_empty() && text.len() <= MAX_TEXT;
        let length = "must be 1 to 500 characters";
        let rules = [
            (!matches.is_empty(), "match", "must name at least one thing"),
            (until > from, "until", "must be after `from`"),
            (until > now, "until", "must be in the future"),
            (text(&created_by), "created_by", length),
            (text(&reason), "reason", length),
        ];
        let violations: Vec<_> = rules
            .into_iter()
            .filter(|(holds, ..)| !holds)
            .map(|(_, field, message)| Violation::new(field, "out_of_range", message))
            .collect();
        if !violations.is_empty() {
            let message = "the silence breaks rules";
            let error = Error::new(ErrorKind::ValidationFailed, message);
            return Err(error.with_violations(violations));
        }
        Ok(Self {
            silence_id: SilenceId::generate(),
            matches,
            from,
            until,
            created_by,
            reason,
            created_at: now,
        })
    }

    /// Where it is in its life.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now >= self.until {
            SilenceState::Ended
        } else if now < self.from {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    /// Whether it keeps an alert from being told.
    pub fn mutes(&self, alert: &NoticeAlert, now: Timestamp) -> bool {
        self.state(now) == SilenceState::Active && self.matches.matches(alert)
    }
}

/// Whether an alert is told to nobody now: a silence holds, or its encoder is in maintenance.
pub(crate) fn is_muted<'a>(
    alert: &NoticeAlert,
    silences: impl IntoIterator<Item = &'a Silence>,
    facts: &AlertFacts,
    now: Timestamp,
) -> bool {
    let encoder = alert.alert.encoder_id.as_ref();
    encoder.is_some_and(|id| facts.in_maintenance(id))
        || silences
            .into_iter()
            .any(|silence| silence.mutes(alert, now))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, of_encoder};
    use super::*;
    use crate::model::{EncoderId, Severity};

    fn of_helo(name: &str) -> AlertMatcher {
        AlertMatcher {
            encoder: vec![EncoderId::try_new(name).unwrap()],
            ..AlertMatcher::default()
        }
    }

    #[test]
    fn silence_holds_between_its_ends_for_what_it_matches() {
        let span = (at(10), at(20));
        let silence = Silence::try_new(of_helo("helo-1"), span, "ann", "cabling", at(0)).unwrap();
        let one = of_encoder("device_silent", Severity::Critical, "helo-1");
        let two = of_encoder("device_silent", Severity::Critical, "helo-2");
        let muted: Vec<_> = [9, 10, 19, 20]
            .map(|second| silence.mutes(&one, at(second)))
            .into();
        assert_eq!(muted, [false, true, true, false]);
        assert!(!silence.mutes(&two, at(15)));
    }

    #[test]
    fn every_fault_of_a_silence_is_told() {
        let nothing = AlertMatcher::default();
        let error = Silence::try_new(nothing, (at(5), at(5)), "", " ", at(9)).unwrap_err();
        let fields: Vec<_> = error
            .violations()
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        assert_eq!(fields, ["match", "until", "until", "created_by", "reason"]);
    }

    #[test]
    fn maintenance_mutes_the_encoder_and_nobody_else() {
        let mut facts = AlertFacts::default();
        let one = of_encoder("device_silent", Severity::Critical, "helo-1");
        let two = of_encoder("device_silent", Severity::Critical, "helo-2");
        facts.set_encoder("helo-1", None, true);
        facts.set_encoder("helo-2", None, false);
        assert!(is_muted(&one, [], &facts, at(0)));
        assert!(!is_muted(&two, [], &facts, at(0)));
    }
}
