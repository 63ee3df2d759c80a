//! What systems get that group and pace by themselves: every alert, as soon as it changes. Pure.

use std::collections::BTreeMap;

use super::cause::{self, AlertFacts, BookEntry};
use super::notice::{Notice, NoticeAlert, NoticeKind};
use crate::model::{AlertId, NoticeId, Severity, Timestamp};

/// An alert with its place.
pub(crate) fn placed(entry: &BookEntry, facts: &AlertFacts) -> NoticeAlert {
    let stream = entry.alert.stream_id.as_ref();
    NoticeAlert {
        alert: entry.alert.clone(),
        site: cause::site(entry, facts),
        published_by: stream.and_then(|id| facts.publisher(id)).cloned(),
    }
}

/// The open alerts that mirrors know of. After a restart these are all that were open: the
/// mirrors are told of them at the next interval anyway.
#[derive(Debug, Default)]
pub(crate) struct Mirrored(BTreeMap<AlertId, NoticeAlert>);

impl Mirrored {
    pub(crate) fn restore(&mut self, open: impl IntoIterator<Item = NoticeAlert>) {
        let by_id = |told: NoticeAlert| (told.alert.alert_id.clone(), told);
        self.0 = open.into_iter().map(by_id).collect();
    }

    /// Takes all open alerts that nobody silenced, and what became of the others. Returns what
    /// changed.
    pub(crate) fn look(
        &mut self,
        shown: &[NoticeAlert],
        ended: impl Fn(&AlertId) -> Option<NoticeAlert>,
    ) -> Vec<NoticeAlert> {
        let mut changed = Vec::new();
        for told in shown {
            let known = self.0.insert(told.alert.alert_id.clone(), told.clone());
            if known.is_none_or(|known| known.alert.severity != told.alert.severity) {
                changed.push(told.clone());
            }
        }
        self.0.retain(|id, known| {
            let Some(mut end) = ended(id) else {
                return true;
            };
            // Its labels are those that it was told with.
            end.site.clone_from(&known.site);
            end.published_by.clone_from(&known.published_by);
            changed.push(end);
            false
        });
        changed
    }
}

/// Puts alerts that changed into one notice.
pub(crate) fn notice(alerts: Vec<NoticeAlert>, now: Timestamp) -> Notice {
    let open = alerts.iter().any(NoticeAlert::is_open);
    let worst = alerts.iter().map(|told| told.alert.severity).max();
    let many = if alerts.len() == 1 { "alert" } else { "alerts" };
    Notice {
        notice_id: NoticeId::generate(),
        kind: if open {
            NoticeKind::Firing
        } else {
            NoticeKind::Resolved
        },
        group_id: None,
        severity: worst.unwrap_or(Severity::Info),
        title: format!("{} {many} changed", alerts.len()),
        alerts,
        summary: Vec::new(),
        created_at: now,
    }
}
