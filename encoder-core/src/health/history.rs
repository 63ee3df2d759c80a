//! What was observed of one encoder, bounded in size.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::driver::StatusChange;
use crate::error::ErrorKind;
use crate::model::{
    DeviceStreamState, EncoderStatus, MediumReadings, Reboot, RebootReport, Timestamp,
};
use crate::monitor::reboots::{RebootConfig, RestartTrace};
use crate::monitor::storage::MediaSince;

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
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            contacts: 120,
            temperatures: 120,
            loads: 120,
        }
    }
}

/// What became of one request to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOutcome {
    /// It answered.
    Answered {
        /// Time to answer.
        latency: Duration,
    },
    /// The device spoke by itself through its event feed.
    Spoke,
    /// It failed.
    Failed {
        /// How.
        kind: ErrorKind,
    },
}

impl ContactOutcome {
    /// Whether the device gave any sign of life, even a wrong answer.
    pub const fn is_alive(self) -> bool {
        match self {
            Self::Answered { .. } | Self::Spoke => true,
            Self::Failed { kind } => !matches!(
                kind,
                ErrorKind::DeviceUnreachable | ErrorKind::DeadlineExceeded
            ),
        }
    }
}

/// One request, or one word of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it ended.
    pub at: Instant,
    /// What became of it.
    pub outcome: ContactOutcome,
}

impl Contact {
    /// Whether the manager asked; false when the device spoke by itself.
    pub const fn is_request(&self) -> bool {
        !matches!(self.outcome, ContactOutcome::Spoke)
    }

    /// Time to answer, where there was one.
    pub const fn latency(&self) -> Option<Duration> {
        match self.outcome {
            ContactOutcome::Answered { latency } => Some(latency),
            _ => None,
        }
    }

    /// How it failed, where it did.
    pub const fn failure(&self) -> Option<ErrorKind> {
        match self.outcome {
            ContactOutcome::Failed { kind } => Some(kind),
            _ => None,
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
        let used = status.media.iter().filter_map(MediumReadings::used_percent);
        Self {
            at,
            cpu_percent: status.system.cpu_percent,
            memory_percent: status.system.memory_percent,
            storage_percent: used.max_by(f64::total_cmp),
        }
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
        self.contacts.push_back(Contact { at, outcome });
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

    /// Notes that the device's feed broke.
    pub fn record_feed_lost(&mut self) {
        self.restarts.lost_contact();
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
