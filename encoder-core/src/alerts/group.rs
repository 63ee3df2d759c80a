//! Alerts with one cause, which are told as one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cause::{self, AlertFacts, BookEntry};
use super::config::AlertsConfig;
use super::notice::NoticeAlert;
use crate::model::{AlertGroupId, AlertId, AlertState, Severity, Timestamp};

/// An alert in a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) told: NoticeAlert,
    identity: BTreeSet<String>,
    /// When it joined.
    noticed: Timestamp,
    /// Its first notice may wait until then for a wider cause to be found.
    patient_until: Option<Timestamp>,
    /// Whether it names a wider cause itself.
    wide: bool,
    /// Whether it was over when it was first heard of.
    was_event: bool,
}

/// What was told of a group last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) severity: Severity,
    pub(crate) at: Timestamp,
    pub(crate) sinks: BTreeSet<String>,
    pub(crate) covers: BTreeSet<String>,
}

/// Alerts with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: AlertGroupId,
    began: Timestamp,
    members: BTreeMap<AlertId, Member>,
    covers: BTreeSet<String>,
    pub(crate) told: Option<Told>,
}

impl Group {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            id: AlertGroupId::generate(),
            began: now,
            members: BTreeMap::new(),
            covers: BTreeSet::new(),
            told: None,
        }
    }

    /// Whether an alert is a symptom of what the group is about, or explains it.
    pub(crate) fn belongs(
        &self,
        entry: &BookEntry,
        facts: &AlertFacts,
        config: &AlertsConfig,
        now: Timestamp,
    ) -> bool {
        if now.since(self.began) > config.group_window || self.is_over() {
            return false;
        }
        let explains = cause::covers(entry, facts);
        let mut mine = self.members.values().flat_map(|member| &member.identity);
        let identity = cause::identity(entry);
        !identity.is_disjoint(&self.covers) || mine.any(|touch| explains.contains(touch))
    }

    pub(crate) fn add(
        &mut self,
        entry: &BookEntry,
        facts: &AlertFacts,
        config: &AlertsConfig,
        now: Timestamp,
    ) {
        self.cover(entry, facts);
        let patient = cause::may_have_wider_cause(entry, facts);
        let publisher = entry.alert.stream_id.as_ref();
        let member = Member {
            identity: cause::identity(entry),
            noticed: now,
            patient_until: patient.then(|| now.plus(config.wait.cause)),
            wide: cause::is_wide(entry),
            was_event: entry.alert.state == AlertState::Resolved,
            told: NoticeAlert {
                alert: entry.alert.clone(),
                site: cause::site(entry, facts),
                published_by: publisher.and_then(|id| facts.publisher(id)).cloned(),
            },
        };
        self.members.insert(entry.alert.alert_id.clone(), member);
    }

    /// What a stream moved to is not to blame, so only its first alert covers an encoder; and
    /// after the first notice only a wider cause covers more.
    fn cover(&mut self, entry: &BookEntry, facts: &AlertFacts) {
        if self.told.is_some() && !cause::is_wide(entry) {
            return;
        }
        let covers = cause::covers(entry, facts);
        if cause::identity(entry).is_disjoint(&self.covers) {
            self.covers.extend(cause::blamed(entry, facts));
        }
        self.covers.extend(covers);
    }

    /// Takes news of a member; whether it is one.
    pub(crate) fn update(&mut self, entry: &BookEntry) -> bool {
        let known = self.members.get_mut(&entry.alert.alert_id);
        known.is_some_and(|member| {
            member.told.alert.clone_from(&entry.alert);
            true
        })
    }

    /// Takes everything of another group in.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.began = self.began.min(other.began);
        self.members.extend(other.members);
        self.covers.extend(other.covers);
        self.told = match (self.told.take(), other.told) {
            (Some(mut mine), Some(other)) => {
                mine.severity = mine.severity.max(other.severity);
                mine.at = mine.at.max(other.at);
                mine.sinks.extend(other.sinks);
                mine.covers.extend(other.covers);
                Some(mine)
            }
            (mine, other) => mine.or(other),
        };
    }

    /// Whether everything is over.
    pub(crate) fn is_over(&self) -> bool {
        !self.members.values().any(|member| member.told.is_open())
    }

    /// What need not be told again once these alerts of it are told.
    pub(crate) fn covered(&self, alerts: &[NoticeAlert]) -> BTreeSet<String> {
        let members = alerts
            .iter()
            .filter_map(|told| self.members.get(&told.alert.alert_id));
        let own = members.flat_map(|member| member.identity.iter().cloned());
        self.covers.iter().cloned().chain(own).collect()
    }

    /// Everything that belongs to it, the probable cause first.
    pub(crate) fn alerts(&self, wanted: impl Fn(&Member) -> bool) -> Vec<NoticeAlert> {
        let mut members: Vec<_> = self.members.values().filter(|m| wanted(m)).collect();
        members.sort_by_key(|member| {
            let alert = &member.told.alert;
            // That errors are many says less than where they come from.
            let vague = alert.category == "error";
            let narrow = (!member.wide, alert.stream_id.is_some(), vague);
            (narrow, std::cmp::Reverse(alert.severity), member.noticed)
        });
        members.iter().map(|member| member.told.clone()).collect()
    }

    /// When the first notice is due, going by these alerts; `None` without any.
    pub(crate) fn due(
        &self,
        config: &AlertsConfig,
        wanted: impl Fn(&Member) -> bool,
    ) -> Option<Timestamp> {
        let members: Vec<_> = self.members.values().filter(|m| wanted(m)).collect();
        let ready = |member: &&Member| {
            let wait = config.wait.of(member.told.alert.severity);
            member.noticed.plus(wait)
        };
        let due = members.iter().map(ready).min()?;
        if members.iter().any(|member| member.wide) {
            return Some(due);
        }
        let patient = members.iter().filter_map(|member| member.patient_until);
        Some(patient.min().map_or(due, |until| until.max(due)))
    }

    /// When an update is due: something is worse than what was told, or of something else.
    pub(crate) fn update_due(
        &self,
        config: &AlertsConfig,
        wanted: impl Fn(&Member) -> bool,
    ) -> Option<Timestamp> {
        let told = self.told.as_ref()?;
        let news = |member: &Member| {
            let worse = member.told.alert.severity > told.severity;
            member.told.is_open() && (worse || member.identity.is_disjoint(&told.covers))
        };
        self.due(config, |member| wanted(member) && news(member))
    }

    /// When it is told again.
    pub(crate) fn repeat_due(
        &self,
        config: &AlertsConfig,
        wanted: impl Fn(&Member) -> bool,
    ) -> Option<Timestamp> {
        let told = self.told.as_ref()?;
        let firing =
            |member: &&Member| member.told.alert.state == AlertState::Firing && wanted(member);
        let firing = self.members.values().filter(firing);
        let worst = firing.map(|member| member.told.alert.severity).max()?;
        Some(told.at.plus(config.repeat.of(worst)?))
    }

    /// Whether it never was anything but over.
    pub(crate) fn is_event(&self) -> bool {
        self.members.values().all(|member| member.was_event)
    }

    /// Notes that it was told.
    pub(crate) fn tell(
        &mut self,
        severity: Severity,
        sinks: &BTreeSet<String>,
        covers: &BTreeSet<String>,
        at: Timestamp,
    ) {
        let told = self.told.get_or_insert_with(|| Told {
            severity,
            at,
            sinks: BTreeSet::new(),
            covers: BTreeSet::new(),
        });
        told.severity = told.severity.max(severity);
        told.at = told.at.max(at);
        told.sinks.extend(sinks.iter().cloned());
        told.covers.extend(covers.iter().cloned());
    }
}
