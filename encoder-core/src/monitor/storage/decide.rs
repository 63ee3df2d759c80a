//! Whether a recording goes on elsewhere. Pure.

use std::time::{Duration, Instant};

use super::config::{StorageConfig, SwitchMode};
use super::medium::{primary, state_of};
use crate::model::{EncoderStatus, MediumReadings, MediumState};

/// What is recording, as observed over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordingPhase {
    /// Nobody let it record, or it was told to stop.
    #[default]
    Idle,
    /// It records.
    Running,
    /// It recorded, and stopped or failed without being told to.
    BrokenOff,
}

/// An attempt to move a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSwitch {
    /// When it ended.
    pub at: Instant,
    /// The medium that was left.
    pub from: String,
    /// The medium that was gone to.
    pub to: String,
    /// Whether that one became ready.
    pub succeeded: bool,
}

/// Everything the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Settings.
    pub config: &'a StorageConfig,
    /// The use in percent from which on a medium is low.
    pub low_percent: f64,
    /// The present moment.
    pub now: Instant,
    /// What the device says.
    pub status: &'a EncoderStatus,
    /// What is recording.
    pub phase: RecordingPhase,
    /// Whether the device can be told to change its medium.
    pub can_switch: bool,
    /// Attempts so far, in any order.
    pub past: &'a [PastSwitch],
}

/// What to do about a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing.
    Keep,
    /// The medium takes no more, and nothing can be done about it.
    Tell {
        /// What is wrong with the medium.
        trouble: MediumState,
        /// Why nothing is done, in one line.
        reason: String,
    },
    /// The recorder has stopped by itself: choose the medium and start again.
    Switch {
        /// The former medium.
        from: String,
        /// The other medium.
        to: String,
        /// What is wrong with the former one.
        trouble: MediumState,
    },
    /// The recorder runs and loses pictures: stop it, which closes the file, choose the medium,
    /// and start again.
    StopAndSwitch {
        /// The former medium.
        from: String,
        /// The other medium.
        to: String,
        /// What is wrong with the former one.
        trouble: MediumState,
    },
}

/// Decides. A recording is moved for a reason only: its medium ended it, or does not keep up. It
/// goes to the first medium that is not held down and, as far as the device tells, ready and with
/// room, at most so often as the budget allows.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let Some((from, trouble)) = trouble(facts) else {
        return Decision::Keep;
    };
    let tell = |reason: String| Decision::Tell { trouble, reason };
    if facts.config.switch == SwitchMode::Off {
        return tell("moving recordings is switched off".to_owned());
    }
    if !facts.can_switch {
        return tell("the device cannot be told to record elsewhere".to_owned());
    }
    if let Err(reason) = affordable(facts) {
        return tell(reason);
    }
    match choose(facts, &from) {
        Err(reason) => tell(reason),
        Ok(to) if facts.phase == RecordingPhase::Running => {
            Decision::StopAndSwitch { from, to, trouble }
        }
        Ok(to) => Decision::Switch { from, to, trouble },
    }
}

/// The medium recorded to and why it will not do; `None` when there is nothing to do.
fn trouble(facts: &Facts<'_>) -> Option<(String, MediumState)> {
    let medium = primary(&facts.status.media)?;
    let state = state_of(medium, facts.status, facts.low_percent)?;
    let ended = facts.phase == RecordingPhase::BrokenOff
        && matches!(
            state,
            MediumState::Absent
                | MediumState::Full
                | MediumState::Slow
                | MediumState::Unwritable
                | MediumState::Damaged
        );
    let lags = facts.phase == RecordingPhase::Running && state == MediumState::Slow;
    let name = medium.kind.clone().unwrap_or_else(|| medium.slot.clone());
    (ended || lags).then_some((name, state))
}

fn affordable(facts: &Facts<'_>) -> Result<(), String> {
    let window = facts.config.switch_window;
    let recent = facts
        .past
        .iter()
        .filter(|past| within(past, window, facts.now));
    let spent = recent.count();
    let allowed = usize::try_from(facts.config.max_switches).unwrap_or(usize::MAX);
    if spent < allowed {
        return Ok(());
    }
    let minutes = window.as_secs() / 60;
    Err(format!(
        "moved {spent} times within {minutes} min, which is the budget"
    ))
}

fn within(past: &PastSwitch, window: Duration, now: Instant) -> bool {
    now.saturating_duration_since(past.at) < window
}

/// The medium to go to, or why there is none.
fn choose(facts: &Facts<'_>, from: &str) -> Result<String, String> {
    let shown = |kind: &str| {
        let mut media = facts.status.media.iter();
        media.find(|medium| medium.kind.as_deref() == Some(kind))
    };
    let second = facts.status.media.iter().filter_map(|m| m.kind.as_deref());
    let listed = facts.config.destinations.iter().map(String::as_str);
    let mut rejected = Vec::new();
    for kind in listed.chain(second).filter(|kind| *kind != from) {
        match objection(facts, kind, shown(kind)) {
            None => return Ok(kind.to_owned()),
            Some(objection) => {
                let line = format!("{kind} {objection}");
                if !rejected.contains(&line) {
                    rejected.push(line);
                }
            }
        }
    }
    if rejected.is_empty() {
        return Err("no other medium is known: list some in storage.destinations".to_owned());
    }
    Err(format!("no other medium will do: {}", rejected.join(", ")))
}

fn objection(facts: &Facts<'_>, kind: &str, shown: Option<&MediumReadings>) -> Option<String> {
    let state = shown.and_then(|medium| state_of(medium, facts.status, facts.low_percent));
    if let Some(state) = state.filter(|state| !state.takes_recordings()) {
        return Some(format!("is {}", state.as_str()));
    }
    let unfit = |past: &&PastSwitch| past.from == kind || (past.to == kind && !past.succeeded);
    let held = facts
        .past
        .iter()
        .filter(unfit)
        .any(|past| within(past, facts.config.hold_down, facts.now));
    held.then(|| "was left or not ready a short while ago".to_owned())
}
