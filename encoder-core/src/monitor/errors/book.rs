//! All occurrences: opened when a matched condition appears, counted when it is back, closed when
//! it is gone. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::config::ErrorsConfig;
use super::facts::{Facts, Place};
use super::findings::{Finding, Told};
use super::keep::page_of;
use super::occurrence::{ErrorQuery, Occurrence};
use super::pattern::{Pattern, Patterns};
use crate::model::{EncoderId, StreamId, Timestamp};

/// An error that is told as an event and as an issue within this time is told twice.
const SAME_NEWS: Duration = Duration::from_secs(2);

/// How far the stored `last_seen` of an occurrence that lasts may be behind.
const STORED_EVERY: Duration = Duration::from_secs(60);

/// Who reports a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reporter {
    Encoder(EncoderId),
    Stream(StreamId),
    Alert(String),
}

/// Occurrences with everything that keeps them apart. Not shared; whoever owns it serialises
/// access.
#[derive(Debug)]
pub struct ErrorBook {
    config: ErrorsConfig,
    patterns: Arc<Patterns>,
    occurrences: BTreeMap<u64, Occurrence>,
    /// Which occurrence each reporter keeps open, by pattern.
    reports: BTreeMap<Reporter, BTreeMap<String, u64>>,
    next: u64,
    changed_pages: BTreeSet<u64>,
    /// Occurrences of an earlier process, which go on uncounted.
    interrupted: BTreeSet<u64>,
    stored_at: HashMap<u64, Timestamp>,
    /// Beginnings that nobody has counted yet, by pattern.
    begun: Vec<String>,
}

impl ErrorBook {
    /// An empty book.
    pub fn new(config: ErrorsConfig, patterns: Arc<Patterns>) -> Self {
        Self {
            config,
            patterns,
            occurrences: BTreeMap::new(),
            reports: BTreeMap::new(),
            next: 1,
            changed_pages: BTreeSet::new(),
            interrupted: BTreeSet::new(),
            stored_at: HashMap::new(),
            begun: Vec::new(),
        }
    }

    /// The patterns.
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Takes everything that is wrong with an encoder now. Nothing begins at an encoder that the
    /// facts do not know, such as one in maintenance.
    pub fn observe_encoder(
        &mut self,
        id: &EncoderId,
        found: &[Finding],
        facts: &Facts,
        now: Timestamp,
    ) {
        let reporter = Reporter::Encoder(id.clone());
        let known = facts.encoders.contains_key(id);
        let place = || known.then(|| facts.at_encoder(id));
        self.observe(reporter, "health_update", found, now, place);
    }

    /// Takes everything that is wrong with a stream now, which that encoder publishes.
    pub fn observe_stream(
        &mut self,
        id: &StreamId,
        encoder: &EncoderId,
        found: &[Finding],
        facts: &Facts,
        now: Timestamp,
    ) {
        let reporter = Reporter::Stream(id.clone());
        self.leave_other_encoders(&reporter, encoder, now);
        let known = facts.streams.contains_key(id);
        let place = || known.then(|| facts.at_stream(id, Some(encoder)));
        self.observe(reporter, "stream_health", found, now, place);
    }

    /// Takes an error of a stream that was told once.
    pub fn observe_once(&mut self, finding: &Finding, event: &str, place: Place, now: Timestamp) {
        let patterns = Arc::clone(&self.patterns);
        let Some(pattern) = patterns.find(event, &finding.code, &finding.message) else {
            return;
        };
        if let Some(number) = self.joinable(&pattern.id, &place, now) {
            let within = self.config.repeat_within;
            let occurrence = self.known(number);
            let news = now.since(occurrence.last_seen) > SAME_NEWS.min(within);
            if !occurrence.is_open() && news {
                occurrence.begin_again(now);
                occurrence.ended_at = Some(now);
                self.begun.push(pattern.id.clone());
            }
            self.known(number).last_seen = now;
            self.touch(number);
            return;
        }
        let number = self.open(pattern, finding, place, now);
        self.known(number).ended_at = Some(now);
    }

    pub(super) fn observe_alert(&mut self, code: &str, found: Option<Finding>, now: Timestamp) {
        let reporter = Reporter::Alert(code.to_owned());
        let found: Vec<_> = found.into_iter().collect();
        self.observe(reporter, "alert", &found, now, || Some(Place::default()));
    }

    /// Whether the news would open an occurrence, or join one.
    pub(super) fn would_open(&self, told: &Told) -> bool {
        let (reporter, event, found) = match told {
            Told::Encoder(id, found) => (Reporter::Encoder(id.clone()), "health_update", found),
            Told::Stream(id, _, found) => (Reporter::Stream(id.clone()), "stream_health", found),
            _ => return true,
        };
        let reports = self.reports.get(&reporter);
        let stays = |number: &u64| match (told, self.occurrences.get(number)) {
            (Told::Stream(_, encoder, _), Some(known)) => {
                known.place.encoder_id.as_ref() == Some(encoder)
            }
            (_, known) => known.is_some(),
        };
        let is_reported = |id: &str| reports.and_then(|r| r.get(id)).is_some_and(stays);
        found.iter().any(|finding| {
            let pattern = self.patterns.find(event, &finding.code, &finding.message);
            pattern.is_some_and(|pattern| !is_reported(&pattern.id))
        })
    }

    fn observe(
        &mut self,
        reporter: Reporter,
        event: &str,
        found: &[Finding],
        now: Timestamp,
        place: impl Fn() -> Option<Place>,
    ) {
        let patterns = Arc::clone(&self.patterns);
        let before = self.reports.remove(&reporter).unwrap_or_default();
        let mut present = BTreeMap::new();
        for finding in found {
            let matched = patterns.find(event, &finding.code, &finding.message);
            let Some(pattern) = matched.filter(|p| !present.contains_key(&p.id)) else {
                continue;
            };
            let number = match before.get(&pattern.id) {
                Some(number) if self.occurrences.contains_key(number) => *number,
                _ => match place() {
                    Some(place) => self.join_or_open(pattern, finding, place, now),
                    None => continue,
                },
            };
            self.see(number, finding, now);
            present.insert(pattern.id.clone(), number);
        }
        let gone = before.iter().filter(|(id, _)| !present.contains_key(*id));
        let gone: Vec<_> = gone.map(|(_, number)| *number).collect();
        if !present.is_empty() {
            self.reports.insert(reporter, present);
        }
        for number in gone {
            self.close_unreported(number, now);
        }
    }

    fn join_or_open(
        &mut self,
        pattern: &Pattern,
        finding: &Finding,
        place: Place,
        now: Timestamp,
    ) -> u64 {
        let Some(number) = self.joinable(&pattern.id, &place, now) else {
            return self.open(pattern, finding, place, now);
        };
        let interrupted = self.interrupted.remove(&number);
        let occurrence = self.known(number);
        if occurrence.place.stream_id.is_none() {
            occurrence.place = place;
        }
        if occurrence.is_open() {
            return number;
        }
        let told_twice = now.since(occurrence.last_onset()) <= SAME_NEWS
            && occurrence.ended_at == Some(occurrence.last_onset());
        if interrupted || told_twice {
            occurrence.ended_at = None;
        } else {
            occurrence.begin_again(now);
            self.begun.push(pattern.id.clone());
        }
        self.touch(number);
        number
    }

    /// The occurrence of that pattern at that place that lasts or ended only just.
    fn joinable(&self, pattern: &str, place: &Place, now: Timestamp) -> Option<u64> {
        let earliest = now.minus(self.config.repeat_within);
        let fits = |occurrence: &&Occurrence| {
            let there = &occurrence.place;
            let same_stream = there.stream_id == place.stream_id
                || (there.encoder_id.is_some()
                    && (there.stream_id.is_none() || place.stream_id.is_none()));
            occurrence.pattern == pattern
                && there.encoder_id == place.encoder_id
                && same_stream
                && (occurrence.is_open() || occurrence.last_seen >= earliest)
        };
        let mut latest = self.occurrences.values().rev();
        latest.find(fits).map(|occurrence| occurrence.number)
    }

    fn open(&mut self, pattern: &Pattern, finding: &Finding, place: Place, now: Timestamp) -> u64 {
        let number = self.next;
        self.next += 1;
        let occurrence = Occurrence {
            number,
            pattern: pattern.id.clone(),
            code: finding.code.clone(),
            severity: pattern.severity,
            message: finding.message.clone(),
            place,
            first_seen: now,
            last_seen: now,
            ended_at: None,
            count: 1,
            onsets: vec![now],
        };
        self.occurrences.insert(number, occurrence);
        self.begun.push(pattern.id.clone());
        self.touch(number);
        self.forget_surplus();
        number
    }

    fn see(&mut self, number: u64, finding: &Finding, now: Timestamp) {
        let stored = self.stored_at.get(&number).copied();
        let occurrence = self.known(number);
        occurrence.last_seen = occurrence.last_seen.max(now);
        occurrence.message.clone_from(&finding.message);
        if stored.is_some_and(|at| now.since(at) >= STORED_EVERY) {
            self.touch(number);
        }
    }

    /// What a stream reported about another encoder is over with the move.
    fn leave_other_encoders(&mut self, reporter: &Reporter, encoder: &EncoderId, now: Timestamp) {
        let Some(reports) = self.reports.get_mut(reporter) else {
            return;
        };
        let occurrences = &self.occurrences;
        let mut left = Vec::new();
        reports.retain(|_, number| {
            let place = occurrences.get(number).map(|known| &known.place);
            let stays = place.is_some_and(|place| place.encoder_id.as_ref() == Some(encoder));
            if !stays {
                left.push(*number);
            }
            stays
        });
        for number in left {
            self.close_unreported(number, now);
        }
    }

    fn close_unreported(&mut self, number: u64, now: Timestamp) {
        let mut all = self.reports.values().flat_map(BTreeMap::values);
        if all.any(|reported| *reported == number) {
            return;
        }
        if let Some(occurrence) = self.occurrences.get_mut(&number) {
            occurrence.ended_at.get_or_insert(now);
            self.touch(number);
        }
    }

    /// Closes what encoders and streams reported that are gone, and forgets what is too old.
    pub fn settle(&mut self, facts: &Facts, now: Timestamp) {
        let is_gone = |reporter: &&Reporter| match reporter {
            Reporter::Encoder(id) => !facts.encoders.contains_key(id),
            Reporter::Stream(id) => !facts.streams.contains_key(id),
            Reporter::Alert(_) => false,
        };
        let gone: Vec<_> = self.reports.keys().filter(is_gone).cloned().collect();
        for reporter in gone {
            let numbers = self.reports.remove(&reporter).unwrap_or_default();
            for number in numbers.into_values() {
                self.close_unreported(number, now);
            }
        }
        let earliest = now.minus(self.config.history_retention);
        let is_old = |known: &&Occurrence| !known.is_open() && known.last_seen < earliest;
        let old = self.occurrences.values().take_while(is_old);
        let old: Vec<_> = old.map(|known| known.number).collect();
        old.into_iter().for_each(|number| self.forget(number));
    }

    fn forget_surplus(&mut self) {
        while self.occurrences.len() > self.config.history_limit.max(1) {
            let Some((number, _)) = self.occurrences.first_key_value() else {
                return;
            };
            self.forget(*number);
        }
    }

    fn forget(&mut self, number: u64) {
        self.occurrences.remove(&number);
        self.interrupted.remove(&number);
        self.stored_at.remove(&number);
        self.changed_pages.insert(page_of(number));
    }

    fn known(&mut self, number: u64) -> &mut Occurrence {
        let known = self.occurrences.get_mut(&number);
        known.expect("numbers of occurrences are taken from the book")
    }

    fn touch(&mut self, number: u64) {
        self.changed_pages.insert(page_of(number));
        if let Some(known) = self.occurrences.get(&number) {
            self.stored_at.insert(number, known.last_seen);
        }
    }

    /// All that are wanted, newest first.
    pub fn history(&self, query: &ErrorQuery) -> Vec<Occurrence> {
        let all = self.occurrences.values().rev();
        all.filter(|known| query.wants(known)).cloned().collect()
    }

    /// Those that last or were seen within `span`, oldest first.
    pub fn recent(&self, now: Timestamp, span: Duration) -> Vec<&Occurrence> {
        let all = self.occurrences.values();
        all.filter(|known| known.is_recent(now, span)).collect()
    }

    /// Those that last, oldest first.
    pub fn open_now(&self) -> impl Iterator<Item = &Occurrence> {
        self.occurrences.values().filter(|known| known.is_open())
    }

    pub(super) fn take_begun(&mut self) -> Vec<String> {
        std::mem::take(&mut self.begun)
    }

    pub(super) fn take_changed_pages(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.changed_pages)
    }

    /// Pages that could not be stored are tried again.
    pub(super) fn put_back_pages(&mut self, pages: BTreeSet<u64>) {
        self.changed_pages.extend(pages);
    }

    pub(super) fn numbered(&self, from: u64, to: u64) -> Vec<&Occurrence> {
        self.occurrences.range(from..to).map(|(_, o)| o).collect()
    }

    /// Takes up what an earlier process knew. What lasted then goes on when it is reported again.
    pub(super) fn restore(&mut self, stored: Vec<Occurrence>) {
        for mut occurrence in stored {
            let number = occurrence.number;
            if occurrence.is_open() {
                occurrence.ended_at = Some(occurrence.last_seen);
                self.interrupted.insert(number);
            }
            self.next = self.next.max(number + 1);
            self.occurrences.insert(number, occurrence);
        }
        self.forget_surplus();
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
