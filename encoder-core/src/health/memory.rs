//! What is remembered of requests for longer than the requests themselves.
//!
//! Patterns need hours and days, and a thousand encoders must fit: so outages keep their ends,
//! answers become a summary of a few numbers, and hours a median for each day of the last week.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Contact, HistoryConfig};
use crate::model::Timestamp;
use crate::trend::median;

/// Days of the same hour that are remembered.
const DAYS: usize = 7;
/// Times to answer that one summary, and summaries that one hour, take their median from.
const GATHERED: usize = 256;
const HOUR_MILLIS: i64 = 3_600_000;

/// Requests without an answer in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When the first of them failed.
    pub began: Instant,
    /// The sign of life that ended it; `None` while it lasts.
    pub ended: Option<Instant>,
    /// How many there were.
    pub failures: u32,
}

/// Some seconds of requests as a few numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContactSummary {
    /// When the last of them ended.
    pub at: Instant,
    /// Median time to answer in milliseconds; `None` without any answer.
    pub latency_ms: Option<f64>,
    /// How many requests there were.
    pub requests: u32,
    /// How many of them failed.
    pub failed: u32,
}

impl ContactSummary {
    /// Share of failed requests.
    pub fn error_rate(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.requests.max(1))
    }
}

/// One hour of the day, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HourOfDay {
    medians: [f32; DAYS],
    days: u32,
}

impl HourOfDay {
    /// Median time to answer in milliseconds on each of the last days, at most a week of them.
    pub fn medians(&self) -> impl Iterator<Item = f64> + '_ {
        let known = usize::try_from(self.days).map_or(DAYS, |days| days.min(DAYS));
        self.medians[..known].iter().copied().map(f64::from)
    }

    fn push(&mut self, median: f64) {
        self.medians[self.days as usize % DAYS] = median as f32;
        self.days = self.days.saturating_add(1);
    }
}

/// The most recent values of a stretch, as many as a median needs.
#[derive(Clone, Debug, Default)]
struct Gathered {
    values: Vec<f32>,
    count: usize,
}

impl Gathered {
    fn push(&mut self, value: f64) {
        if self.values.len() < GATHERED {
            self.values.push(value as f32);
        } else {
            self.values[self.count % GATHERED] = value as f32;
        }
        self.count += 1;
    }

    fn take_median(&mut self) -> Option<f64> {
        let values = self.values.drain(..).map(f64::from).collect();
        self.count = 0;
        median(values)
    }
}

#[derive(Clone, Debug, Default)]
struct Stretch {
    began: Option<Instant>,
    latencies: Gathered,
    requests: u32,
    failed: u32,
}

/// The long memory of one connection, bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionMemory {
    pub(super) outages: VecDeque<Outage>,
    pub(super) summaries: VecDeque<ContactSummary>,
    pub(super) hours: Option<Box<[HourOfDay; 24]>>,
    /// Times the event feed came up again, and times it answered after silence.
    pub(super) returns: (u64, u64),
    pub(super) last_return: Option<Instant>,
    has_answered: bool,
    feed_is_lost: bool,
    stretch: Stretch,
    hour: Option<(i64, Gathered)>,
}

impl ConnectionMemory {
    pub(super) fn observe(&mut self, config: &HistoryConfig, contact: &Contact, wall: Timestamp) {
        self.observe_life(config, contact);
        if contact.is_request() {
            self.summarise(config, contact, wall);
        }
    }

    fn observe_life(&mut self, config: &HistoryConfig, contact: &Contact) {
        let open = self.outages.back_mut().filter(|last| last.ended.is_none());
        match (contact.outcome.is_alive(), open) {
            (true, Some(outage)) => {
                outage.ended = Some(contact.at);
                self.returns.1 += 1;
                self.last_return = Some(contact.at);
            }
            (false, Some(outage)) => outage.failures = outage.failures.saturating_add(1),
            // A device that never answered was never up.
            (false, None) if self.has_answered => {
                let outage = Outage {
                    began: contact.at,
                    ended: None,
                    failures: 1,
                };
                push(&mut self.outages, outage, config.outages);
            }
            _ => {}
        }
        self.has_answered |= contact.outcome.is_alive();
    }

    fn summarise(&mut self, config: &HistoryConfig, contact: &Contact, wall: Timestamp) {
        let stretch = &mut self.stretch;
        let began = *stretch.began.get_or_insert(contact.at);
        stretch.requests = stretch.requests.saturating_add(1);
        match contact.latency() {
            Some(latency) => stretch.latencies.push(latency.as_secs_f64() * 1000.0),
            None => stretch.failed = stretch.failed.saturating_add(1),
        }
        if contact.at.saturating_duration_since(began) < config.summary_interval {
            return;
        }
        let summary = ContactSummary {
            at: contact.at,
            latency_ms: stretch.latencies.take_median(),
            requests: std::mem::take(&mut stretch.requests),
            failed: std::mem::take(&mut stretch.failed),
        };
        stretch.began = None;
        push(&mut self.summaries, summary, config.summaries);
        if let Some(latency) = summary.latency_ms {
            self.note_hour(latency, wall);
        }
    }

    /// Gathers the hour's summaries, and closes the hour with the first one of another.
    fn note_hour(&mut self, latency: f64, wall: Timestamp) {
        let number = wall.as_millis().div_euclid(HOUR_MILLIS);
        let (current, gathered) = self
            .hour
            .get_or_insert_with(|| (number, Gathered::default()));
        if *current != number {
            let ended = usize::try_from(current.rem_euclid(24)).unwrap_or_default();
            if let Some(median) = gathered.take_median() {
                self.hours.get_or_insert_default()[ended].push(median);
            }
            *current = number;
        }
        gathered.push(latency);
    }

    pub(super) fn feed_lost(&mut self) {
        self.feed_is_lost = true;
    }

    pub(super) fn feed_up(&mut self, at: Instant) {
        if std::mem::take(&mut self.feed_is_lost) {
            self.returns.0 += 1;
            self.last_return = Some(at);
        }
    }
}

fn push<T>(memory: &mut VecDeque<T>, item: T, limit: usize) {
    if memory.len() >= limit.max(1) {
        memory.pop_front();
    }
    memory.push_back(item);
}

/// How long a stretch is by default.
pub(super) const SUMMARY_INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
