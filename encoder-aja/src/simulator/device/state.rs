//! Everything one device knows, moved by commands and time.
//!
//! Nothing here reads a clock or waits: [`State::advance`] performs what has become due, in order,
//! and [`State::next_wake`] tells when to come back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::conditions::alarm_of;
use super::heat::Heat;
use super::medium::Medium;
use super::outlet::Outlet;
use super::power::Power;
use super::presets::PresetUnit;
use super::record::{RecordPhase, RecordUnit};
use super::stream::{StreamPhase, StreamUnit};
use super::values::Values;
use crate::simulator::catalogue::{ParameterIndex, catalogue};
use crate::simulator::config::{Signal, SimulatorConfig};
use crate::simulator::faults::{ActiveFaults, FaultKind};

#[derive(Debug)]
pub(in crate::simulator) struct State {
    pub(super) config: Arc<SimulatorConfig>,
    pub(super) values: Values,
    pub(super) faults: ActiveFaults,
    pub(super) fault_alarms: BTreeSet<ParameterIndex>,
    pub(super) stream: StreamUnit,
    pub(super) record: RecordUnit,
    pub(super) presets: PresetUnit,
    pub(super) power: Power,
    pub(super) heat: Heat,
    pub(super) medium: Medium,
    pub(super) signal: Signal,
    /// Session cookies and their last use.
    pub(super) sessions: HashMap<String, Instant>,
    /// Grows when open network connections must end.
    pub(super) generation: u32,
    /// How streams leave.
    #[cfg_attr(
        not(feature = "media"),
        expect(dead_code, reason = "nothing leaves without real media")
    )]
    pub(super) outlet: Outlet,
    /// Wakes the device's task; whoever takes or sends its stream holds it too.
    pub(super) wake: Arc<Notify>,
    pub(super) made: Instant,
    /// The wall clock when the device was made, in Unix seconds.
    pub(super) made_at: u64,
}

/// Something that happens by itself when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    FaultEnds,
    BootDone,
    GoSilent,
    PowerUp,
    RebootAgain,
    TooHot,
    StreamStarts,
    StreamGivenUp,
    StreamStops,
    StreamRetries,
    RecordStarts,
    RecordStops,
    MediumFull,
    PresetDone,
}

impl State {
    pub(super) fn new(
        config: Arc<SimulatorConfig>,
        wake: Arc<Notify>,
        outlet: Outlet,
        now: Instant,
        made_at: u64,
    ) -> Self {
        let mut state = Self {
            values: Values::new(config.assumptions.event_queue),
            faults: ActiveFaults::default(),
            fault_alarms: BTreeSet::new(),
            stream: StreamUnit::default(),
            record: RecordUnit::default(),
            presets: PresetUnit::default(),
            power: Power::Off,
            heat: Heat::resting_at(config.thermal.idle, now),
            medium: Medium::new(&config.media),
            signal: config.signal.clone(),
            sessions: HashMap::new(),
            generation: 0,
            outlet,
            wake,
            made: now,
            made_at,
            config,
        };
        state.apply_configured_values();
        state.power_up(now);
        // Working copies do not survive a start, so that configured ones come once more.
        state.apply_configured_values();
        if !state.config.cold_start {
            state.finish_boot(now);
        }
        state
    }

    fn apply_configured_values(&mut self) {
        let config = Arc::clone(&self.config);
        for (id, value) in &config.values {
            match catalogue().find(id) {
                Some(index) => self.values.put(index, value.clone()),
                None => tracing::warn!(parameter = %id, "a HELO has no such parameter"),
            }
        }
    }

    /// Performs everything due until `now`, and brings the readings up to date.
    pub(super) fn advance(&mut self, now: Instant) {
        self.follow_publication(now);
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            self.perform(due, at);
            self.settle(at);
        }
        self.settle(now);
        self.sample(now);
    }

    /// When to advance next, even if nobody asks for anything.
    pub(super) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let due = self.next_due().map(|(at, _)| at);
        let tick = self.is_ticking(now).then(|| now + self.config.timing.tick);
        due.into_iter().chain(tick).min()
    }

    /// What decides the next wake, apart from the passing of time.
    pub(super) fn schedule(&self, now: Instant) -> (Option<Instant>, bool) {
        (self.next_due().map(|(at, _)| at), self.is_ticking(now))
    }

    fn is_ticking(&self, now: Instant) -> bool {
        let moving =
            self.stream.since.is_some() || self.record.since.is_some() || self.heat.is_moving(now);
        let rules = &self.config.assumptions;
        let observed = !self.values.observers.is_empty();
        moving && (observed || self.values.connections.has_listener(now, rules))
    }

    fn next_due(&self) -> Option<(Instant, Due)> {
        let stream = match self.stream.phase {
            StreamPhase::Starting { due } => Some((due, Due::StreamStarts)),
            StreamPhase::Connecting { due, .. } => Some((due, Due::StreamGivenUp)),
            StreamPhase::Stopping { due } => Some((due, Due::StreamStops)),
            StreamPhase::Failing { retry } => retry.map(|due| (due, Due::StreamRetries)),
            _ => None,
        };
        let record = match self.record.phase {
            RecordPhase::Starting { due } => Some((due, Due::RecordStarts)),
            RecordPhase::Stopping { due } => Some((due, Due::RecordStops)),
            RecordPhase::Recording => self.medium.full_at().map(|due| (due, Due::MediumFull)),
            _ => None,
        };
        let preset = self
            .presets
            .task
            .as_ref()
            .map(|task| (task.due, Due::PresetDone));
        let fault = self.faults.next_end().map(|due| (due, Due::FaultEnds));
        let candidates = [stream, record, preset, fault, self.next_power_change()];
        candidates.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn next_power_change(&self) -> Option<(Instant, Due)> {
        match self.power {
            Power::Booting { until } => Some((until, Due::BootDone)),
            Power::Leaving { at, .. } => Some((at, Due::GoSilent)),
            Power::Silent { until } => Some((until, Due::PowerUp)),
            Power::Off => None,
            Power::Up { since } => {
                let hot = self.heat.reaches(self.config.thermal.shutdown);
                let again = self.faults.kinds().find_map(|kind| match kind {
                    FaultKind::RebootLoop { up } => Some(since + *up),
                    _ => None,
                });
                let hot = hot.map(|at| (at, Due::TooHot));
                let again = again.map(|at| (at, Due::RebootAgain));
                hot.into_iter().chain(again).min_by_key(|(at, _)| *at)
            }
        }
    }

    fn perform(&mut self, due: Due, at: Instant) {
        match due {
            Due::FaultEnds => self.faults.expire(at),
            Due::BootDone => self.finish_boot(at),
            Due::GoSilent => self.go_silent(at),
            Due::PowerUp => self.power_up(at),
            Due::RebootAgain => self.reboot(at),
            Due::TooHot => self.shut_down_hot(at),
            Due::StreamStarts => self.finish_start(at),
            Due::StreamGivenUp => self.give_up_stream(at),
            Due::StreamStops => self.rest_stream(at),
            Due::StreamRetries => self.retry_stream(at),
            Due::RecordStarts => self.begin_recording(at),
            Due::RecordStops => self.rest_recording(at),
            Due::MediumFull => {
                self.set_alarm("Media_Full_Alarm", true);
                self.fail_recording(at, 4);
            }
            Due::PresetDone => self.finish_preset(at),
        }
    }

    /// Raises an alarm, or clears it unless a fault raises it as well.
    pub(super) fn set_alarm(&mut self, id: &str, raised: bool) {
        let index = catalogue().named(id);
        let by_a_fault = || {
            self.faults
                .kinds()
                .filter_map(alarm_of)
                .any(|alarm| alarm == index)
        };
        let raised = raised || by_a_fault();
        self.set_alarm_at(index, raised);
    }

    pub(super) fn set_alarm_at(&mut self, index: ParameterIndex, raised: bool) {
        let Some(alarm) = &catalogue().parameter(index).alarm else {
            return;
        };
        let active = match raised {
            true => self.config.assumptions.active_alarm_value,
            false => 0,
        };
        self.values.put(index, alarm.message(active).to_base64());
    }

    /// The unit's clock in Unix seconds.
    pub(super) fn system_seconds(&self, at: Instant) -> u64 {
        self.made_at + at.saturating_duration_since(self.made).as_secs()
    }
}

/// `DD:HH:MM:SS`
pub(super) fn day_clock(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, hours, minutes) = (hours / 24, hours % 24, minutes % 60);
    format!("{days:02}:{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_count_days() {
        let length = Duration::from_secs(2 * 86_400 + 3 * 3600 + 4 * 60 + 5);
        assert_eq!(day_clock(length), "02:03:04:05");
    }
}
