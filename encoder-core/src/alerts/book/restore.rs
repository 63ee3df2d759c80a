//! The book across a restart: what must be written, and what was.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{AlertBook, Condition, GRACE, Open};
use crate::alerts::cause::BookEntry;
use crate::model::{Alert, AlertId, AlertState, Timestamp};

impl AlertBook {
    /// Takes up what was stored. An alert that is open here as well keeps its stored name and
    /// state, so that nobody is told of it twice. What `is_known` does not know is over: its
    /// encoder or stream is gone. Anything else that nobody reports any more is over after a
    /// while.
    pub(crate) fn restore(
        &mut self,
        stored: Vec<BookEntry>,
        is_known: impl Fn(&Alert) -> bool,
        now: Timestamp,
    ) {
        let (open, over): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .partition(|entry| entry.alert.state != AlertState::Resolved);
        for entry in over {
            let id = &entry.alert.alert_id;
            if !self
                .resolved
                .iter()
                .any(|known| known.alert.alert_id == *id)
            {
                self.resolved.push(entry);
            }
        }
        self.resolved.sort_by_key(|entry| entry.alert.resolved_at);
        for entry in open {
            let condition = Condition::of(&entry);
            let known = is_known(&entry.alert);
            let seen = self.open.get(&condition);
            let severity = seen.map(|open| open.alert.severity);
            let restored = Open {
                kept_until: (known && seen.is_none()).then(|| now.plus(GRACE)),
                gone_since: match seen {
                    Some(open) => open.gone_since,
                    None => (!known).then_some(now),
                },
                concerns: entry.concerns,
                alert: Alert {
                    severity: severity
                        .map_or(entry.alert.severity, |s| s.max(entry.alert.severity)),
                    ..entry.alert
                },
            };
            self.open.insert(condition, restored);
        }
    }

    /// What must be written, or removed where nothing is left.
    pub(crate) fn take_changed(&mut self) -> Vec<(AlertId, Option<BookEntry>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let state = changed.map(|id| {
            let entry = self.entry(&id);
            (id, entry)
        });
        state.collect()
    }

    /// Told whenever something changed.
    pub(crate) fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Everything that holds.
    pub(crate) fn open_entries(&self) -> impl Iterator<Item = BookEntry> {
        self.open
            .iter()
            .map(|(condition, open)| condition.entry(open))
    }

    /// Everything that is over and remembered.
    pub(crate) fn resolved_entries(&self) -> impl Iterator<Item = &BookEntry> {
        self.resolved.iter()
    }

    /// An alert as it is now.
    pub(crate) fn entry(&self, id: &AlertId) -> Option<BookEntry> {
        let open = self
            .open
            .iter()
            .find(|(_, open)| open.alert.alert_id == *id);
        let open = open.map(|(condition, open)| condition.entry(open));
        let resolved = || {
            self.resolved
                .iter()
                .rev()
                .find(|entry| entry.alert.alert_id == *id)
        };
        open.or_else(|| resolved().cloned())
    }
}

impl Condition {
    fn of(entry: &BookEntry) -> Self {
        Self {
            code: entry.alert.code.clone(),
            stream: entry.alert.stream_id.clone(),
            encoder: entry.alert.encoder_id.clone(),
            about: entry.about.clone(),
        }
    }

    fn entry(&self, open: &Open) -> BookEntry {
        BookEntry {
            alert: open.alert.clone(),
            about: self.about.clone(),
            concerns: open.concerns.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::at;
    use crate::model::{EncoderId, Issue, Severity, Subject};

    fn subject() -> Subject {
        Subject::Encoder(EncoderId::try_new("helo-1").unwrap())
    }

    fn silent() -> Issue {
        Issue::new("device_silent", Severity::Critical, "no answer", at(0))
    }

    fn stored() -> (AlertBook, Vec<BookEntry>) {
        let mut book = AlertBook::default();
        book.observe(&subject(), &[silent()], at(0));
        let written = book.take_changed();
        let entries = written.into_iter().filter_map(|(_, entry)| entry);
        let entries = entries.collect();
        (book, entries)
    }

    #[test]
    fn restored_alert_goes_on_under_its_name() {
        let (before, entries) = stored();
        let mut book = AlertBook::default();
        book.restore(entries, |_| true, at(100));
        assert_eq!(book.observe(&subject(), &[silent()], at(101)), []);
        assert_eq!(book.all(), before.all());
    }

    #[test]
    fn restored_alert_is_not_over_before_the_fleet_is_known() {
        let (_, entries) = stored();
        let mut book = AlertBook::default();
        book.restore(entries, |_| true, at(100));
        assert_eq!(book.observe(&subject(), &[], at(101)), []);
        assert_eq!(book.settle(at(125)), []);
        book.observe(&subject(), &[], at(131));
        assert_eq!(book.settle(at(141)).len(), 1);
    }

    #[test]
    fn alert_of_an_encoder_that_is_gone_is_over() {
        let (_, entries) = stored();
        let mut book = AlertBook::default();
        book.restore(entries, |_| false, at(100));
        assert_eq!(book.settle(at(110)).len(), 1);
    }

    #[test]
    fn what_opened_here_meanwhile_takes_the_stored_name() {
        let (before, entries) = stored();
        let mut book = AlertBook::default();
        book.observe(&subject(), &[silent()], at(50));
        book.restore(entries, |_| true, at(100));
        assert_eq!(book.all()[0].alert_id, before.all()[0].alert_id);
        assert_eq!(book.all().len(), 1);
    }
}
