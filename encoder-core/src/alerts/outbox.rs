//! The outbox: every notice with its deliveries, and what is done with them next. Pure.
//!
//! A notice over the rate is in here as well, held, and leaves by a digest; so nothing is lost by
//! construction. The rates are counted from the records, and hold across a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::config::AlertsConfig;
use super::notice::{
    DeliveryRecord, DeliveryState, DigestEntry, Notice, NoticeAlert, NoticeKind, NoticeRecord,
};
use super::pace::{Lane, Pace, lane};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AlertId, NoticeId, Severity, Timestamp};

/// Entries and alerts that a digest lists; it counts the others.
const LISTED: usize = 50;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The sink took it.
    Sent,
    /// It did not, and may be asked again; after so long, if it said.
    Failed(String, Option<Duration>),
    /// It never will.
    Refused(String),
}

/// What a sink does next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// Deliver this.
    Deliver(Box<Notice>),
    /// Nothing before then.
    Wait(Timestamp),
    /// Nothing.
    Idle,
}

/// Every notice with its deliveries.
#[derive(Debug)]
pub(crate) struct Outbox {
    config: Arc<AlertsConfig>,
    records: BTreeMap<NoticeId, NoticeRecord>,
    pace: Pace,
    changed: BTreeSet<NoticeId>,
    /// Sinks that group and pace by themselves.
    mirrors: BTreeSet<String>,
}

impl Outbox {
    pub(crate) fn new(config: Arc<AlertsConfig>, mirrors: BTreeSet<String>) -> Self {
        Self {
            config,
            records: BTreeMap::new(),
            pace: Pace::default(),
            changed: BTreeSet::new(),
            mirrors,
        }
    }

    /// Takes up what was stored. A digest is written before what it sums up, so what it lists is
    /// told. What is on its way to a sink that is gone is a dead letter.
    pub(crate) fn restore(
        &mut self,
        records: impl IntoIterator<Item = NoticeRecord>,
        sinks: &BTreeSet<String>,
        now: Timestamp,
    ) {
        self.records.clear();
        self.changed.clear();
        self.pace = Pace::default();
        for record in records {
            for (sink, delivery) in &record.deliveries {
                if counts(delivery.state) && !self.mirrors.contains(sink) {
                    let lane = lane(sink, &record.notice);
                    self.pace.note(lane, record.notice.created_at);
                }
            }
            self.records.insert(record.notice.notice_id.clone(), record);
        }
        let digests: Vec<_> = self
            .records
            .values()
            .filter(|r| is_digest(r))
            .cloned()
            .collect();
        for digest in digests {
            self.mark_digested(&digest, now);
        }
        for record in self.records.values_mut() {
            let gone = record.deliveries.iter_mut();
            let gone = gone.filter(|(sink, d)| !sinks.contains(*sink) && !d.is_finished());
            for (_, delivery) in gone {
                delivery.state = DeliveryState::DeadLetter;
                delivery.error = Some("there is no sink of that name any more".to_owned());
                delivery.finished_at = Some(now);
                self.changed.insert(record.notice.notice_id.clone());
            }
        }
    }

    fn mark_digested(&mut self, digest: &NoticeRecord, now: Timestamp) {
        let id = &digest.notice.notice_id;
        for entry in digest.notice.summary.iter().map(|entry| &entry.notice_id) {
            let Some(told) = self.records.get_mut(entry) else {
                continue;
            };
            for sink in digest.deliveries.keys() {
                let held = told.deliveries.get_mut(sink);
                if let Some(held) = held.filter(|held| held.state == DeliveryState::Held) {
                    held.state = DeliveryState::Digested;
                    held.digest = Some(id.clone());
                    held.finished_at = Some(now);
                    self.changed.insert(entry.clone());
                }
            }
        }
    }

    /// Queues a notice for sinks, or holds it where it is over the rate. Returns the sinks that
    /// hold it.
    pub(crate) fn admit(
        &mut self,
        notice: Notice,
        sinks: &BTreeSet<String>,
        covers: BTreeSet<String>,
        now: Timestamp,
    ) -> Vec<String> {
        let mut held = Vec::new();
        let mut deliveries = BTreeMap::new();
        for sink in sinks {
            let state = self.admission(sink, &notice, now);
            if state == DeliveryState::Held {
                held.push(sink.clone());
            }
            deliveries.insert(sink.clone(), DeliveryRecord::new(state));
        }
        let id = notice.notice_id.clone();
        let record = NoticeRecord {
            notice,
            deliveries,
            covers,
        };
        self.records.insert(id.clone(), record);
        self.changed.insert(id);
        held
    }

    fn admission(&mut self, sink: &str, notice: &Notice, now: Timestamp) -> DeliveryState {
        if self.mirrors.contains(sink) {
            return DeliveryState::Pending;
        }
        let lane = lane(sink, notice);
        let waits = self.held().any(|(other, _)| other == lane);
        let room = self.pace.room_at(&lane, &self.config.rates, now);
        if waits || room != Some(now) {
            return DeliveryState::Held;
        }
        self.pace.note(lane, now);
        DeliveryState::Pending
    }

    fn held(&self) -> impl Iterator<Item = (Lane, &NoticeRecord)> {
        self.records.values().flat_map(|record| {
            let held = record.deliveries.iter();
            let held = held.filter(|(_, d)| d.state == DeliveryState::Held);
            held.map(move |(sink, _)| (lane(sink, &record.notice), record))
        })
    }

    /// Sums up what is held wherever there is room again. Returns the sinks that have news.
    pub(crate) fn digest(&mut self, now: Timestamp) -> BTreeSet<String> {
        let lanes: BTreeSet<_> = self.held().map(|(lane, _)| lane).collect();
        let mut sinks = BTreeSet::new();
        for lane in lanes {
            if self.pace.room_at(&lane, &self.config.rates, now) != Some(now) {
                continue;
            }
            let held: Vec<_> = self.held().filter(|(of, _)| *of == lane).collect();
            let held: Vec<_> = held.into_iter().map(|(_, record)| &record.notice).collect();
            let notice = sum_up(&held, lane.1, now);
            let delivery = DeliveryRecord::new(DeliveryState::Pending);
            let record = NoticeRecord {
                deliveries: [(lane.0.clone(), delivery)].into(),
                covers: BTreeSet::new(),
                notice,
            };
            let id = record.notice.notice_id.clone();
            self.mark_digested(&record, now);
            self.records.insert(id.clone(), record);
            self.changed.insert(id);
            sinks.insert(lane.0.clone());
            self.pace.note(lane, now);
        }
        sinks
    }

    /// When there is room for the next digest.
    pub(crate) fn digest_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let lanes: BTreeSet<_> = self.held().map(|(lane, _)| lane).collect();
        let rates = &self.config.rates;
        let room = lanes
            .iter()
            .filter_map(|lane| self.pace.room_at(lane, rates, now));
        room.min()
    }

    /// What a sink does next: the oldest delivery that may be tried. One that failed lets the
    /// others pass, but for a mirror, where the end of an alert must not overtake its beginning.
    /// What is not written yet is left alone unless it may be told all the same.
    pub(crate) fn next(&self, sink: &str, now: Timestamp, unwritten: bool) -> Next {
        let mut wait: Option<Timestamp> = None;
        for record in self.records.values() {
            if !unwritten && self.changed.contains(&record.notice.notice_id) {
                continue;
            }
            let delivery = record.deliveries.get(sink);
            let Some(delivery) = delivery.filter(|d| d.state == DeliveryState::Pending) else {
                continue;
            };
            match delivery.next_at.filter(|at| *at > now) {
                Some(at) if self.mirrors.contains(sink) => return Next::Wait(at),
                Some(at) => wait = Some(wait.map_or(at, |wait| wait.min(at))),
                None => return Next::Deliver(Box::new(record.notice.clone())),
            }
        }
        wait.map_or(Next::Idle, Next::Wait)
    }

    /// Takes what became of an attempt. Returns how the delivery stands.
    pub(crate) fn finish(
        &mut self,
        id: &NoticeId,
        sink: &str,
        outcome: Outcome,
        draw: f64,
        now: Timestamp,
    ) -> Option<DeliveryState> {
        let limits = &self.config.delivery;
        let delivery = self.records.get_mut(id)?.deliveries.get_mut(sink)?;
        delivery.attempts += 1;
        delivery.next_at = None;
        let last = delivery.attempts >= limits.attempts;
        let (state, error) = match outcome {
            Outcome::Sent => (DeliveryState::Sent, None),
            Outcome::Refused(error) => (DeliveryState::DeadLetter, Some(error)),
            Outcome::Failed(error, _) if last => (DeliveryState::DeadLetter, Some(error)),
            Outcome::Failed(error, asked) => {
                let pause = limits.pause(delivery.attempts, draw);
                delivery.next_at = Some(now.plus(pause.max(asked.unwrap_or_default())));
                (DeliveryState::Pending, Some(error))
            }
        };
        delivery.state = state;
        delivery.error = error;
        delivery.finished_at = (state != DeliveryState::Pending).then_some(now);
        self.changed.insert(id.clone());
        Some(state)
    }

    /// Tries the dead letters of a notice again, from the first attempt on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] when it has none.
    pub(crate) fn retry(
        &mut self,
        id: &NoticeId,
        sinks: &BTreeSet<String>,
    ) -> Result<NoticeRecord> {
        let Some(record) = self.records.get_mut(id) else {
            let error = Error::new(ErrorKind::NotFound, "no such notice");
            return Err(error.with_context("notice", id));
        };
        let mut any = false;
        for (sink, delivery) in &mut record.deliveries {
            if delivery.state == DeliveryState::DeadLetter && sinks.contains(sink) {
                *delivery = DeliveryRecord::new(DeliveryState::Pending);
                any = true;
            }
        }
        if !any {
            let message = "the notice has no dead letter for a sink that there is";
            return Err(Error::new(ErrorKind::Conflict, message).with_context("notice", id));
        }
        self.changed.insert(id.clone());
        Ok(record.clone())
    }

    /// All notices, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &NoticeRecord> {
        self.records.values()
    }

    /// Deliveries that wait, by sink.
    pub(crate) fn waiting(&self, sink: &str) -> usize {
        let of = self.records.values().filter_map(|r| r.deliveries.get(sink));
        of.filter(|delivery| !delivery.is_finished()).count()
    }

    /// Drops what is too old or too much; nothing that is still under way.
    pub(crate) fn prune(&mut self, now: Timestamp) {
        let earliest = now.minus(self.config.history_retention);
        let limits = [
            (false, self.config.history_limit),
            (true, self.config.dead_letter_limit),
        ];
        for (dead, limit) in limits {
            let finished = self.records.values().rev();
            let finished = finished.filter(|r| r.is_finished() && r.is_dead_letter() == dead);
            let excess = finished
                .enumerate()
                .filter(|(place, record)| *place >= limit || record.notice.created_at < earliest);
            let gone: Vec<_> = excess.map(|(_, r)| r.notice.notice_id.clone()).collect();
            for id in gone {
                self.records.remove(&id);
                self.changed.insert(id);
            }
        }
    }

    /// What must be written before anything else, or removed where nothing is left: first new
    /// digests and notices, then what they tell of.
    pub(crate) fn changed(&self) -> Vec<(NoticeId, Option<NoticeRecord>)> {
        let mut ids: Vec<_> = self.changed.iter().cloned().collect();
        ids.sort_by(|a, b| b.cmp(a));
        let state = ids.into_iter();
        state
            .map(|id| (id.clone(), self.records.get(&id).cloned()))
            .collect()
    }

    /// One of [`changed`](Self::changed).
    pub(crate) fn changed_one(&self, id: &NoticeId) -> Option<Option<NoticeRecord>> {
        let changed = self.changed.contains(id);
        changed.then(|| self.records.get(id).cloned())
    }

    /// Notes that a record is written as it was then.
    pub(crate) fn written(&mut self, id: &NoticeId, record: Option<&NoticeRecord>) {
        if self.records.get(id) == record {
            self.changed.remove(id);
        }
    }
}

fn is_digest(record: &NoticeRecord) -> bool {
    record.notice.kind == NoticeKind::Digest
}

/// Whether a delivery counts against the rate.
const fn counts(state: DeliveryState) -> bool {
    !matches!(state, DeliveryState::Held | DeliveryState::Digested)
}

fn sum_up(held: &[&Notice], severity: Severity, now: Timestamp) -> Notice {
    let entry = |notice: &&Notice| DigestEntry {
        notice_id: notice.notice_id.clone(),
        kind: notice.kind,
        title: notice.title.clone(),
        created_at: notice.created_at,
    };
    // The latest news of an alert counts.
    let alerts = held.iter().flat_map(|notice| &notice.alerts);
    let alerts: BTreeMap<AlertId, &NoticeAlert> = alerts
        .map(|told| (told.alert.alert_id.clone(), told))
        .collect();
    let alerts = alerts.into_values().take(LISTED).cloned();
    let many = if held.len() == 1 { "notice" } else { "notices" };
    let ended = held.iter().all(|notice| notice.is_end());
    let over = if ended { " of what is over" } else { "" };
    Notice {
        notice_id: NoticeId::generate(),
        kind: NoticeKind::Digest,
        group_id: None,
        severity,
        title: format!(
            "{} {severity} {many}{over} in one, over the rate",
            held.len(),
            severity = severity.as_str()
        ),
        alerts: alerts.collect(),
        summary: held.iter().map(entry).collect(),
        created_at: now,
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
