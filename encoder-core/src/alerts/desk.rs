//! Which notices are due: from alerts, by cause. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cause::{AlertFacts, BookEntry};
use super::config::AlertsConfig;
use super::group::{Group, Member};
use super::notice::{Notice, NoticeAlert, NoticeKind, NoticeRecord};
use super::route::{AlertRoute, sinks_for};
use super::silence::{Silence, is_muted};
use crate::model::{AlertGroupId, NoticeId, Severity, Timestamp};

/// A notice that is due, and whom it is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Due {
    pub(crate) notice: Notice,
    pub(crate) sinks: BTreeSet<String>,
    pub(crate) covers: BTreeSet<String>,
}

/// What a decision is made by, beside the alerts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) facts: &'a AlertFacts,
    pub(crate) silences: &'a [Silence],
    pub(crate) now: Timestamp,
}

impl View<'_> {
    fn shows(&self, alert: &NoticeAlert) -> bool {
        !is_muted(alert, self.silences, self.facts, self.now)
    }
}

/// Groups of alerts, and what was told of them.
#[derive(Debug)]
pub(crate) struct Desk {
    config: Arc<AlertsConfig>,
    routes: Vec<AlertRoute>,
    groups: BTreeMap<AlertGroupId, Group>,
    changed: BTreeSet<AlertGroupId>,
}

impl Desk {
    pub(crate) fn new(config: Arc<AlertsConfig>, routes: Vec<AlertRoute>) -> Self {
        Self {
            config,
            routes,
            groups: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Takes up what was stored. A notice is written before its group, so what the outbox says
    /// of a group counts as well.
    pub(crate) fn restore<'a>(
        &mut self,
        groups: impl IntoIterator<Item = Group>,
        outbox: impl IntoIterator<Item = &'a NoticeRecord>,
    ) {
        self.changed.clear();
        self.groups = groups.into_iter().map(|g| (g.id.clone(), g)).collect();
        for record in outbox {
            let (notice, id) = (&record.notice, record.notice.group_id.as_ref());
            let Some(group) = id.and_then(|id| self.groups.get_mut(id)) else {
                continue;
            };
            let sinks = record.deliveries.keys().cloned().collect();
            group.tell(notice.severity, &sinks, &record.covers, notice.created_at);
            if notice.is_end() || notice.kind == NoticeKind::Event {
                let id = group.id.clone();
                self.groups.remove(&id);
                self.changed.insert(id);
            }
        }
    }

    /// Takes news of an alert that is in a group; whether it is.
    pub(crate) fn refresh(&mut self, entry: &BookEntry) -> bool {
        let mut groups = self.groups.values_mut();
        let group = groups.find_map(|group| group.update(entry).then(|| group.id.clone()));
        let known = group.is_some();
        self.changed.extend(group);
        known
    }

    /// Takes an alert that is new or changed.
    pub(crate) fn take(&mut self, entry: &BookEntry, facts: &AlertFacts, now: Timestamp) {
        if self.refresh(entry) {
            return;
        }
        let config = Arc::clone(&self.config);
        let belongs = |group: &&Group| group.belongs(entry, facts, &config, now);
        let mut found: Vec<_> = self.groups.values().filter(belongs).collect();
        // What was told already stays the group; else the oldest.
        found.sort_by_key(|group| (group.told.is_none(), group.id.clone()));
        let mut ids = found
            .iter()
            .map(|group| group.id.clone())
            .collect::<Vec<_>>()
            .into_iter();
        let first = ids.next().and_then(|id| self.groups.remove(&id));
        let mut group = first.unwrap_or_else(|| Group::new(now));
        for id in ids {
            if let Some(other) = self.groups.remove(&id) {
                group.absorb(other);
            }
            self.changed.insert(id);
        }
        group.add(entry, facts, &config, now);
        self.changed.insert(group.id.clone());
        self.groups.insert(group.id.clone(), group);
    }

    /// The notices that are due now.
    pub(crate) fn look(&mut self, view: View<'_>) -> Vec<Due> {
        let mut all = Vec::new();
        let ids: Vec<_> = self.groups.keys().cloned().collect();
        for id in ids {
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            let over = group.is_over();
            let due = if over {
                ended(group, &self.config, &self.routes, view)
            } else {
                lasting(group, &self.config, &self.routes, view)
            };
            let waits = over && due.is_none() && waits_as_event(group, view);
            if due.is_some() || (over && !waits) {
                self.changed.insert(id.clone());
            }
            all.extend(due.filter(|due| !due.sinks.is_empty()));
            if over && !waits {
                self.groups.remove(&id);
            }
        }
        all
    }

    /// When to look again, unless something changes; silences and maintenance left aside.
    pub(crate) fn next_due(&self, view: View<'_>) -> Option<Timestamp> {
        let shown = |member: &Member| view.shows(&member.told);
        let of = |group: &Group| match &group.told {
            None => group.due(&self.config, shown),
            Some(_) => {
                let updated = group.update_due(&self.config, shown);
                let repeated = group.repeat_due(&self.config, shown);
                updated.into_iter().chain(repeated).min()
            }
        };
        self.groups.values().filter_map(of).min()
    }

    /// What must be written, or removed where nothing is left.
    pub(crate) fn take_changed(&mut self) -> Vec<(AlertGroupId, Option<Group>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let state = changed.map(|id| (id.clone(), self.groups.get(&id).cloned()));
        state.collect()
    }

    /// What could not be written.
    pub(crate) fn put_back(&mut self, id: AlertGroupId) {
        self.changed.insert(id);
    }
}

/// An event that nobody was told of yet, and may be.
fn waits_as_event(group: &Group, view: View<'_>) -> bool {
    group.told.is_none()
        && group.is_event()
        && !group.alerts(|member| view.shows(&member.told)).is_empty()
}

fn lasting(
    group: &mut Group,
    config: &AlertsConfig,
    routes: &[AlertRoute],
    view: View<'_>,
) -> Option<Due> {
    let shown = |member: &Member| member.told.is_open() && view.shows(&member.told);
    let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= view.now);
    let kind = if group.told.is_none() {
        is_due(group.due(config, shown)).then_some(NoticeKind::Firing)
    } else if is_due(group.update_due(config, shown)) {
        Some(NoticeKind::Update)
    } else {
        is_due(group.repeat_due(config, shown)).then_some(NoticeKind::Reminder)
    };
    Some(tell(group, kind?, group.alerts(shown), routes, view.now))
}

fn ended(
    group: &mut Group,
    config: &AlertsConfig,
    routes: &[AlertRoute],
    view: View<'_>,
) -> Option<Due> {
    if let Some(told) = &group.told {
        let (sinks, severity) = (told.sinks.clone(), told.severity);
        let mut notice = compose(
            group,
            NoticeKind::Resolved,
            group.alerts(|_| true),
            view.now,
        );
        notice.severity = severity;
        return Some(Due {
            notice,
            sinks,
            covers: BTreeSet::new(),
        });
    }
    let shown = |member: &Member| view.shows(&member.told);
    let due = group.due(config, shown)?;
    (group.is_event() && due <= view.now).then(|| {
        tell(
            group,
            NoticeKind::Event,
            group.alerts(shown),
            routes,
            view.now,
        )
    })
}

fn tell(
    group: &mut Group,
    kind: NoticeKind,
    alerts: Vec<NoticeAlert>,
    routes: &[AlertRoute],
    now: Timestamp,
) -> Due {
    let sinks = alerts.iter().flat_map(|alert| sinks_for(routes, alert));
    let sinks = sinks.collect();
    let covers = group.covered(&alerts);
    let notice = compose(group, kind, alerts, now);
    group.tell(notice.severity, &sinks, &covers, now);
    Due {
        notice,
        sinks,
        covers,
    }
}

fn compose(group: &Group, kind: NoticeKind, alerts: Vec<NoticeAlert>, now: Timestamp) -> Notice {
    let worst = alerts.iter().map(|told| told.alert.severity).max();
    Notice {
        notice_id: NoticeId::generate(),
        kind,
        group_id: Some(group.id.clone()),
        severity: worst.unwrap_or(Severity::Info),
        title: title(&alerts),
        alerts,
        summary: Vec::new(),
        created_at: now,
    }
}

/// The probable cause in one line, and how much else there is.
fn title(alerts: &[NoticeAlert]) -> String {
    let first = alerts
        .first()
        .map_or("", |told| told.alert.summary.as_str());
    match alerts.len().saturating_sub(1) {
        0 => first.to_owned(),
        1 => format!("{first} (and 1 symptom)"),
        more => format!("{first} (and {more} symptoms)"),
    }
}

#[cfg(test)]
mod tests;
