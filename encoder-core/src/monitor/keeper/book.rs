//! What is remembered of one encoder's recordings. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::described;
use crate::model::{
    ClosedFile, DeviceRecordState, EncoderStatus, MediumReport, MediumState, RecordingSwitch,
    SwitchOutcome, Timestamp, alarm_code,
};
use crate::monitor::storage::{
    Decision, PastSwitch, RecordingPhase, SpaceSamples, growth, primary, state_of,
};
use crate::trend::TrendConfig;

/// Switches that are remembered.
const KEPT: usize = 20;

/// A recording, from when it was first seen.
#[derive(Clone, Debug)]
struct Running {
    since: Instant,
    wall: Timestamp,
    /// The kind of its medium, and the free bytes first and last seen there.
    medium: Option<(String, u64, u64)>,
    ended: Option<Instant>,
}

/// A switch to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) trouble: MediumState,
    /// Whether the recorder runs and must be stopped.
    pub(super) stop: bool,
    seconds: std::time::Duration,
    bytes: Option<u64>,
}

impl Plan {
    /// The entry of the history once it is over.
    pub(super) fn ended(
        &self,
        at: Timestamp,
        outcome: SwitchOutcome,
        detail: &str,
    ) -> RecordingSwitch {
        let closed_file = ClosedFile {
            duration: self.seconds,
            bytes: self.bytes,
        };
        let (from, to) = (&self.from, &self.to);
        let what = match outcome {
            SwitchOutcome::Switched => format!("recording moved from {from} to {to}"),
            SwitchOutcome::Proposed => format!("recording would move from {from} to {to}"),
            _ => format!("recording did not move from {from} to {to}"),
        };
        let who = if self.stop {
            "was stopped"
        } else {
            "had stopped"
        };
        let trouble = self.trouble.as_str();
        let file = described(closed_file);
        RecordingSwitch {
            at,
            from: from.clone(),
            to: to.clone(),
            reason: self.trouble,
            stopped_recording: self.stop,
            closed_file,
            outcome,
            message: format!("{what}: {from} is {trouble}, the recorder {who}, {file}; {detail}"),
        }
    }
}

/// The memory of one encoder.
#[derive(Debug, Default)]
pub(super) struct Book {
    running: Option<Running>,
    broken_off: bool,
    busy: bool,
    space: BTreeMap<String, SpaceSamples>,
    past: Vec<PastSwitch>,
    switches: VecDeque<RecordingSwitch>,
    decision: Option<Decision>,
}

impl Book {
    /// Takes a status; false while a switch is under way, when nothing is decided.
    pub(super) fn observe(&mut self, at: Instant, wall: Timestamp, status: &EncoderStatus) -> bool {
        use DeviceRecordState as State;
        if self.busy {
            return false;
        }
        match status.record_state {
            State::Recording => self.goes_on(at, wall, status),
            State::Failing | State::FailingIdle => self.break_off(at),
            State::Idle if status.alarm(alarm_code::RECORDING_FAILED).is_some() => {
                self.break_off(at);
            }
            // A recording that a restart ended is the device's to resume.
            State::Idle | State::Initialising | State::ShuttingDown => self.forget_recording(),
            State::Unknown => {}
        }
        true
    }

    fn goes_on(&mut self, at: Instant, wall: Timestamp, status: &EncoderStatus) {
        let medium = primary(&status.media);
        let seen = medium.and_then(|medium| Some((medium.kind.clone()?, medium.free_bytes?)));
        if self.running.is_none() || self.broken_off {
            self.broken_off = false;
            self.space.clear();
            self.running = Some(Running {
                since: at,
                wall,
                medium: None,
                ended: None,
            });
        }
        if let (Some(running), Some((kind, free))) = (&mut self.running, seen) {
            match &mut running.medium {
                Some((known, _, last)) if *known == kind => *last = free,
                _ => running.medium = Some((kind, free, free)),
            }
        }
        for medium in &status.media {
            if let Some(free) = medium.free_bytes {
                let space = self.space.entry(medium.slot.clone()).or_default();
                space.note(at, free);
            }
        }
    }

    fn break_off(&mut self, at: Instant) {
        if let Some(running) = &mut self.running {
            running.ended.get_or_insert(at);
            self.broken_off = true;
        }
    }

    /// The recording ended on purpose.
    pub(super) fn forget_recording(&mut self) {
        if !self.busy {
            self.running = None;
            self.broken_off = false;
        }
    }

    pub(super) fn phase(&self) -> RecordingPhase {
        match &self.running {
            None => RecordingPhase::Idle,
            Some(_) if self.broken_off => RecordingPhase::BrokenOff,
            Some(_) => RecordingPhase::Running,
        }
    }

    pub(super) fn past(&self) -> &[PastSwitch] {
        &self.past
    }

    /// Keeps the decision; true when it is the one already made, and was not carried out then.
    pub(super) fn decided(&mut self, decision: Decision) -> bool {
        let proposed = self.switches.back();
        let proposed = proposed.is_some_and(|last| last.outcome == SwitchOutcome::Proposed);
        let same = self.decision.as_ref() == Some(&decision);
        self.decision = Some(decision);
        same && proposed
    }

    pub(super) fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// What is to be carried out, if anything is.
    pub(super) fn plan(&self, now: Instant, decision: Decision) -> Option<Plan> {
        let (from, to, trouble, stop) = match decision {
            Decision::Switch { from, to, trouble } => (from, to, trouble, false),
            Decision::StopAndSwitch { from, to, trouble } => (from, to, trouble, true),
            Decision::Keep | Decision::Tell { .. } => return None,
        };
        let running = self.running.as_ref()?;
        let ended = running.ended.unwrap_or(now);
        // The last reading is from before the end, so the file is at least that large.
        let written = |(_, first, last): &(String, u64, u64)| first.checked_sub(*last);
        Some(Plan {
            from,
            to,
            trouble,
            stop,
            seconds: ended.saturating_duration_since(running.since),
            bytes: running
                .medium
                .as_ref()
                .and_then(written)
                .filter(|bytes| *bytes > 0),
        })
    }

    pub(super) fn begin(&mut self) {
        self.busy = true;
    }

    /// Remembers what would have been done.
    pub(super) fn propose(&mut self, switch: RecordingSwitch) {
        if self.switches.len() >= KEPT {
            self.switches.pop_front();
        }
        self.switches.push_back(switch);
    }

    /// A switch is over. What the device shows next begins a recording anew.
    pub(super) fn end(&mut self, at: Instant, switch: RecordingSwitch) {
        self.busy = false;
        let succeeded = matches!(
            switch.outcome,
            SwitchOutcome::Switched | SwitchOutcome::NotResumed
        );
        if succeeded {
            self.running = None;
            self.broken_off = false;
        }
        if self.past.len() >= KEPT {
            self.past.remove(0);
        }
        self.past.push(PastSwitch {
            at,
            from: switch.from.clone(),
            to: switch.to.clone(),
            succeeded,
        });
        self.propose(switch);
    }

    pub(super) fn recording_since(&self) -> Option<Timestamp> {
        let running = self.running.as_ref().filter(|_| !self.broken_off);
        running.map(|running| running.wall)
    }

    pub(super) fn switches(&self) -> Vec<RecordingSwitch> {
        self.switches.iter().cloned().collect()
    }

    pub(super) fn media(&self, status: &EncoderStatus, low_percent: f64) -> Vec<MediumReport> {
        let trend = TrendConfig::default();
        let report = |medium: &crate::model::MediumReadings| MediumReport {
            used_percent: medium.used_percent(),
            state: state_of(medium, status, low_percent),
            growth: self
                .space
                .get(&medium.slot)
                .and_then(|space| growth(&trend, &space.samples())),
            readings: medium.clone(),
        };
        status.media.iter().map(report).collect()
    }
}
