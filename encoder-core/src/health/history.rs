//! What was observed of one encoder, bounded in size.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::memory::{ConnectionMemory, ContactSummary, HourOfDay, Outage, SUMMARY_INTERVAL};
use crate::driver::StatusChange;
use crate::model::{
    DeviceStreamState, EncoderStatus, MediumReadings, Reboot, RebootReport, Reconnects, Timestamp,
    seconds,
};
use crate::monitor::reboots::{RebootConfig, RestartTrace};
use crate::monitor::storage::MediaSince;

mod contact;

pub use contact::{Contact, ContactOutcome};

/// Equal temperatures closer together than this are one measurement.
const TEMPERATURE_SPACING: Duration = Duration::from_secs(1);

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HistoryConfig {
    /// Requests that are remembered for latency and error rate.
    pub contacts: usize,
    /// Temperatures that are remembered for the trend.
    pub temperatures: usize,
    /// Loads of processor, memory and media that are remembered.
    pub loads: usize,
    /// Outages that are remembered, each with its beginning and end. Default 64.
    pub outages: usize,
    /// Summaries of requests that are remembered. Default 120: an hour.
    pub summaries: usize,
    /// How long a stretch of requests one summary stands for. Default 30 s.
    #[serde(rename = "summary_interval_seconds", with = "seconds")]
    pub summary_interval: Duration,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            contacts: 120,
            temperatures: 120,
            loads: 120,
            outages: 64,
            summaries: 120,
            summary_interval: SUMMARY_INTERVAL,
        }
    }
}

/// How full the machine inside the device was, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// When it was read.
    pub at: Instant,
    /// Processor load.
    pub cpu_percent: Option<f64>,
    /// Memory in use.
    pub memory_percent: Option<f64>,
    /// Use of the fullest medium.
    pub storage_percent: Option<f64>,
}

impl Load {
    fn of(at: Instant, status: &EncoderStatus) -> Self {
        Self {
            at,
            cpu_percent: status.system.cpu_percent,
            memory_percent: status.system.memory_percent,
            storage_percent: status.fullest_percent(),
        }
    }
}

impl EncoderStatus {
    /// Use of the fullest medium in percent; `None` when no medium tells.
    pub fn fullest_percent(&self) -> Option<f64> {
        let used = self.media.iter().filter_map(MediumReadings::used_percent);
        used.max_by(f64::total_cmp)
    }
}

impl MediumReadings {
    /// Used space in percent; `None` for a medium that is not there or does not tell.
    pub fn used_percent(&self) -> Option<f64> {
        if self.mounted == Some(false) {
            return None;
        }
        let of_bytes = || match (self.free_bytes, self.total_bytes) {
            (Some(free), Some(total)) if total > 0 => Some(100.0 * free as f64 / total as f64),
            _ => None,
        };
        let free = self.free_percent.map(f64::from).or_else(of_bytes)?;
        Some((100.0 - free).clamp(0.0, 100.0))
    }
}

/// Everything observed of one encoder. Written by its watcher, read by policies.
///
/// `intended` says whether the encoder is meant to be publishing now; without it a policy could
/// not tell a resting device from one that fell off air.
#[derive(Clone, Debug)]
pub struct History {
    config: HistoryConfig,
    anchor: (Instant, Timestamp),
    contacts: VecDeque<Contact>,
    memory: ConnectionMemory,
    status: Option<EncoderStatus>,
    stream_state_since: Option<Instant>,
    alarms_since: BTreeMap<String, Instant>,
    input_lost_since: Option<Instant>,
    temperatures: VecDeque<(Instant, f64)>,
    loads: VecDeque<Load>,
    publishing_intended_since: Option<Instant>,
    streamed_since_intended: bool,
    restarts: RestartTrace,
    media_since: MediaSince,
}

impl History {
    /// An empty history. `now` and `wall` are the same moment on both clocks.
    pub fn new(config: HistoryConfig, now: Instant, wall: Timestamp) -> Self {
        Self {
            config,
            anchor: (now, wall),
            contacts: VecDeque::new(),
            memory: ConnectionMemory::default(),
            status: None,
            stream_state_since: None,
            alarms_since: BTreeMap::new(),
            input_lost_since: None,
            temperatures: VecDeque::new(),
            loads: VecDeque::new(),
            publishing_intended_since: None,
            streamed_since_intended: false,
            restarts: RestartTrace::default(),
            media_since: MediaSince::default(),
        }
    }

    /// Forgets requests and keeps the status: a replacement is judged by what it does as such.
    /// Outages and summaries stay, since no verdict comes from them.
    pub fn start_afresh(&mut self) {
        self.contacts.clear();
    }

    /// Notes a request or a word of the device.
    pub fn record_contact(&mut self, at: Instant, outcome: ContactOutcome) {
        if !outcome.is_alive() {
            self.restarts.lost_contact();
        }
        if self.contacts.len() >= self.config.contacts.max(1) {
            self.contacts.pop_front();
        }
        let contact = Contact { at, outcome };
        self.contacts.push_back(contact);
        let wall = self.wall(at);
        self.memory.observe(&self.config, &contact, wall);
    }

    /// Notes that the device's event feed is lost.
    pub fn record_feed_lost(&mut self) {
        self.memory.feed_lost();
        self.restarts.lost_contact();
    }

    /// Notes that the device's event feed is up; after a loss that is a reconnect.
    pub fn record_feed_up(&mut self, at: Instant) {
        self.memory.feed_up(at);
    }

    /// Notes the whole status.
    pub fn record_status(&mut self, at: Instant, status: EncoderStatus) {
        if self.stream_state() != Some(status.stream_state) {
            self.stream_state_since = Some(at);
        }
        let streams = status.stream_state == DeviceStreamState::Streaming;
        self.streamed_since_intended |= streams && self.publishing_intended_since.is_some();
        let active = |code: &String| status.alarms.iter().any(|alarm| alarm.code == *code);
        self.alarms_since.retain(|code, _| active(code));
        for alarm in &status.alarms {
            self.alarms_since.entry(alarm.code.clone()).or_insert(at);
        }
        match &status.input {
            Some(input) if !input.present => {
                self.input_lost_since = self.input_lost_since.or(Some(at))
            }
            _ => self.input_lost_since = None,
        }
        if let Some(celsius) = status.system.temperature {
            self.record_temperature(at, celsius.0);
        }
        self.record_load(Load::of(at, &status));
        self.restarts.observe(at, self.status.as_ref(), &status);
        self.media_since.observe(at, &status.media);
        self.status = Some(status);
    }

    /// Notes one change. Ignored before the first status, which carries it anyway.
    pub fn record_change(&mut self, at: Instant, change: StatusChange) {
        if let Some(mut status) = self.status.clone() {
            status.apply(change);
            self.record_status(at, status);
        }
    }

    /// Notes whether the encoder is meant to be publishing.
    pub fn intend_publishing(&mut self, at: Instant, intended: bool) {
        self.publishing_intended_since = if intended {
            self.publishing_intended_since.or(Some(at))
        } else {
            None
        };
        self.streamed_since_intended &= intended;
    }

    fn record_temperature(&mut self, at: Instant, celsius: f64) {
        // Events that say nothing about the temperature repeat the last one.
        let repeated = |&(last, value): &(Instant, f64)| {
            value == celsius && at.saturating_duration_since(last) < TEMPERATURE_SPACING
        };
        if self.temperatures.back().is_some_and(repeated) {
            return;
        }
        if self.temperatures.len() >= self.config.temperatures.max(1) {
            self.temperatures.pop_front();
        }
        self.temperatures.push_back((at, celsius));
    }

    fn record_load(&mut self, load: Load) {
        if self.loads.len() >= self.config.loads.max(1) {
            self.loads.pop_front();
        }
        self.loads.push_back(load);
    }

    /// Requests and words of the device, oldest first.
    pub fn contacts(
        &self,
    ) -> impl DoubleEndedIterator<Item = &Contact> + ExactSizeIterator + Clone {
        self.contacts.iter()
    }

    /// Stretches without an answer, oldest first.
    pub fn outages(&self) -> impl DoubleEndedIterator<Item = &Outage> + ExactSizeIterator {
        self.memory.outages.iter()
    }

    /// Requests in short, oldest first; what came after the last one is not in it.
    pub fn summaries(
        &self,
    ) -> impl DoubleEndedIterator<Item = &ContactSummary> + ExactSizeIterator {
        self.memory.summaries.iter()
    }

    /// The hours of the day in UTC; `None` before the first one is over.
    pub fn hours(&self) -> Option<&[HourOfDay; 24]> {
        self.memory.hours.as_deref()
    }

    /// How often the connection came back.
    pub fn reconnects(&self) -> Reconnects {
        let (event_feed, after_silence) = self.memory.returns;
        Reconnects {
            event_feed,
            after_silence,
            last_at: self.memory.last_return.map(|at| self.wall(at)),
        }
    }

    /// The latest status.
    pub fn status(&self) -> Option<&EncoderStatus> {
        self.status.as_ref()
    }

    /// The latest stream state.
    pub fn stream_state(&self) -> Option<DeviceStreamState> {
        self.status.as_ref().map(|status| status.stream_state)
    }

    /// Since when the stream state is what it is.
    pub fn stream_state_since(&self) -> Option<Instant> {
        self.stream_state_since
    }

    /// Since when the alarm of that code is active.
    pub fn alarm_since(&self, code: &str) -> Option<Instant> {
        self.alarms_since.get(code).copied()
    }

    /// Since when the medium in that slot is mounted, ready or full as it is now.
    pub fn media_since(&self, slot: &str) -> Option<Instant> {
        self.media_since.of(slot)
    }

    /// The device's restarts.
    pub fn restarts(&self) -> &RestartTrace {
        &self.restarts
    }

    /// The device's restarts as they are told.
    pub fn reboot_report(&self, config: &RebootConfig, now: Instant) -> RebootReport {
        let restarts = self.restarts.restarts();
        let until = self.restarts.distrusted_until(config, now);
        RebootReport {
            is_loop: until.is_some(),
            trusted_at: until.map(|until| self.wall(until)),
            recent: restarts
                .map(|restart| Reboot {
                    at: self.wall(restart.at),
                    evidence: restart.evidence.clone(),
                })
                .collect(),
        }
    }

    /// Since when there has been no input signal.
    pub fn input_lost_since(&self) -> Option<Instant> {
        self.input_lost_since
    }

    /// Temperatures in °C, oldest first.
    pub fn temperatures(&self) -> impl DoubleEndedIterator<Item = (Instant, f64)> + '_ {
        self.temperatures.iter().copied()
    }

    /// Loads, oldest first.
    pub fn loads(&self) -> impl DoubleEndedIterator<Item = &Load> {
        self.loads.iter()
    }

    /// Whether a status read since the encoder is meant to be publishing showed it streaming.
    /// Before that it is still starting; afterwards an idle device fell off air.
    pub fn streamed_since_intended(&self) -> bool {
        self.streamed_since_intended
    }

    /// Since when the encoder is meant to be publishing; `None` when it is not.
    pub fn publishing_intended_since(&self) -> Option<Instant> {
        self.publishing_intended_since
    }

    /// The last sign of life.
    pub fn last_alive(&self) -> Option<Instant> {
        self.contacts
            .iter()
            .rev()
            .find(|contact| contact.outcome.is_alive())
            .map(|c| c.at)
    }

    /// Failures without a sign of life since the last one, oldest first.
    pub fn silence(&self) -> impl Iterator<Item = &Contact> {
        let alive = self
            .contacts
            .iter()
            .rposition(|contact| contact.outcome.is_alive());
        self.contacts
            .iter()
            .skip(alive.map_or(0, |position| position + 1))
    }

    /// A monotonic moment as wall-clock time.
    pub fn wall(&self, moment: Instant) -> Timestamp {
        let (instant, timestamp) = self.anchor;
        match moment.checked_duration_since(instant) {
            Some(later) => timestamp.plus(later),
            None => timestamp.minus(instant.saturating_duration_since(moment)),
        }
    }
}
