//! Devices that restart again and again.
//!
//! A HELO has no uptime, so a restart is told by what it leaves behind: the device's own word that
//! it starts up, an uptime or a count of link errors that went back, an alarm of a safe start.
//! Losing the session, or a stream that began anew, tells nothing alone: a network that failed for
//! a moment does both. Such signs are added to the evidence of a restart that is certain.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::health::{HealthPolicy, History};
use crate::model::{
    Assessment, DeviceStreamState, EncoderStatus, Issue, Severity, Verdict, issue_code, seconds,
};

/// Restarts that are remembered.
const KEPT: usize = 32;
/// Signs so soon after a restart belong to it.
const AFTERMATH: Duration = Duration::from_secs(5);
/// Alarms of a device that started up without its firmware or settings.
const SAFE_START: [&str; 2] = ["safe_boot_mode", "safeboot"];

/// When restarts are a loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RebootConfig {
    /// So many restarts within the window are a loop. Default 3.
    pub count: usize,
    /// The window; a device that then stays up for as long is trusted again. Default 300 s.
    #[serde(rename = "window_seconds", with = "seconds")]
    pub window: Duration,
}

impl Default for RebootConfig {
    fn default() -> Self {
        Self {
            count: 3,
            window: Duration::from_secs(300),
        }
    }
}

/// A restart, and what told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// When it was noticed.
    pub at: Instant,
    /// What told it.
    pub evidence: Vec<String>,
}

/// Restarts of one device, each counted once however many signs it gives.
#[derive(Clone, Debug, Default)]
pub struct RestartTrace {
    restarts: VecDeque<Restart>,
    total: u64,
    serial: Option<String>,
    /// Whether the device has not been seen up since the last restart.
    under_way: bool,
    /// Whether nothing came of the device for a while since the last status.
    session_lost: bool,
    uptime: Option<Duration>,
}

impl RestartTrace {
    /// Notes that the device's feed broke, or that a request failed.
    pub fn lost_contact(&mut self) {
        self.session_lost = true;
    }

    /// Takes a status after the one `before`.
    pub fn observe(&mut self, at: Instant, before: Option<&EncoderStatus>, now: &EncoderStatus) {
        let serial = now.identity.serial.as_ref();
        if serial.is_some() && self.serial.is_some() && serial != self.serial.as_ref() {
            // Another unit: what the former one did says nothing about it.
            *self = Self::default();
        }
        self.serial = serial.cloned().or(self.serial.take());
        if let Some(before) = before {
            let certain = self.certain_signs(at, before, now);
            if !certain.is_empty() {
                self.note(at, certain);
            }
            if self.is_fresh(at) {
                let more = self.supporting_signs(before, now);
                self.add(more);
            }
        }
        self.uptime = now.system.uptime.or(self.uptime);
        if is_up(now.stream_state) {
            self.under_way = false;
            self.session_lost = false;
        }
    }

    fn certain_signs(
        &self,
        at: Instant,
        before: &EncoderStatus,
        now: &EncoderStatus,
    ) -> Vec<String> {
        use DeviceStreamState as State;
        let mut signs = Vec::new();
        let starts = now.stream_state == State::Initialising;
        if starts && before.stream_state != State::Initialising {
            signs.push("stream_state=initialising".to_owned());
        }
        if before.stream_state == State::ShuttingDown && is_up(now.stream_state) {
            signs.push("back after shutting down".to_owned());
        }
        if let (Some(old), Some(new)) = (self.uptime, now.system.uptime)
            && new < old
            && !self.covers(at.checked_sub(new))
        {
            let (old, new) = (old.as_secs(), new.as_secs());
            signs.push(format!("uptime fell from {old} s to {new} s"));
        }
        let errors = |status: &EncoderStatus| status.network.link_errors;
        if let (Some(old), Some(new)) = (errors(before), errors(now))
            && new < old
        {
            signs.push(format!("link_errors fell from {old} to {new}"));
        }
        let raised = |code: &&&str| before.alarm(code).is_none() && now.alarm(code).is_some();
        signs.extend(
            SAFE_START
                .iter()
                .filter(raised)
                .map(|code| format!("alarm={code}")),
        );
        signs
    }

    fn supporting_signs(&self, before: &EncoderStatus, now: &EncoderStatus) -> Vec<String> {
        let mut signs = Vec::new();
        if self.session_lost {
            signs.push("session lost".to_owned());
        }
        if let (Some(old), Some(new)) = (before.output.duration, now.output.duration)
            && new < old
        {
            signs.push("streaming duration went back".to_owned());
        }
        signs
    }

    /// Whether a device that came up at `boot` is one whose restart is known.
    fn covers(&self, boot: Option<Instant>) -> bool {
        let last = self.restarts.back();
        last.zip(boot)
            .is_some_and(|(last, boot)| boot <= last.at + AFTERMATH)
    }

    /// Whether signs belong to the last restart.
    fn is_fresh(&self, at: Instant) -> bool {
        let recent = |last: &Restart| at.saturating_duration_since(last.at) < AFTERMATH;
        self.under_way || self.restarts.back().is_some_and(recent)
    }

    fn note(&mut self, at: Instant, signs: Vec<String>) {
        // A restart that is under way is the same one; one that was over is not, however short
        // it was, when the device says anew that it starts up.
        let anew = signs.iter().any(|sign| sign.starts_with("stream_state="));
        if self.under_way || (!anew && self.is_fresh(at)) {
            return self.add(signs);
        }
        if self.restarts.len() >= KEPT {
            self.restarts.pop_front();
        }
        self.restarts.push_back(Restart {
            at,
            evidence: signs,
        });
        self.total += 1;
        self.under_way = true;
    }

    fn add(&mut self, signs: Vec<String>) {
        if let Some(last) = self.restarts.back_mut() {
            for sign in signs {
                if !last.evidence.contains(&sign) {
                    last.evidence.push(sign);
                }
            }
        }
    }

    /// The latest restarts, oldest first.
    pub fn restarts(&self) -> impl DoubleEndedIterator<Item = &Restart> {
        self.restarts.iter()
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Until when a device that stays up from now on is not trusted; `None` when it is.
    ///
    /// It restarts in a loop once `count` restarts fell into one window, and until it has stayed up
    /// for as long as that.
    pub fn distrusted_until(&self, config: &RebootConfig, now: Instant) -> Option<Instant> {
        let count = config.count.max(1);
        let mut until: Option<Instant> = None;
        for (place, restart) in self.restarts.iter().enumerate() {
            let first = place
                .checked_sub(count - 1)
                .map(|first| &self.restarts[first]);
            let dense = first.is_some_and(|first| restart.at - first.at <= config.window);
            if dense || until.is_some_and(|until| restart.at < until) {
                until = Some(restart.at + config.window);
            }
        }
        until.filter(|until| *until > now)
    }
}

const fn is_up(state: DeviceStreamState) -> bool {
    !matches!(
        state,
        DeviceStreamState::Unknown
            | DeviceStreamState::Initialising
            | DeviceStreamState::ShuttingDown
    )
}

/// Calls a device that restarts in a loop worn, and failing while it is on air, so that its stream
/// moves to an encoder that stays up.
#[derive(Clone, Debug, Default)]
pub struct RebootPolicy {
    /// Settings.
    pub config: RebootConfig,
}

impl HealthPolicy for RebootPolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        let mut assessment = Assessment::default();
        let trace = history.restarts();
        let Some(until) = trace.distrusted_until(&self.config, now) else {
            return assessment;
        };
        let begun = until.checked_sub(self.config.window * 2).unwrap_or(until);
        let recent: Vec<_> = trace
            .restarts()
            .filter(|restart| restart.at >= begun)
            .collect();
        let on_air = history.publishing_intended_since().is_some();
        let (severity, verdict) = if on_air {
            (Severity::Critical, Verdict::Failing)
        } else {
            (Severity::Warning, Verdict::Worn)
        };
        let message = format!(
            "the device restarted {} times; it must stay up for {} s to be trusted again",
            recent.len(),
            self.config.window.as_secs()
        );
        let since = recent.first().map_or(now, |restart| restart.at);
        let evidence = recent.iter().map(|restart| {
            let at = history.wall(restart.at);
            format!("restart at {at}: {}", restart.evidence.join(", "))
        });
        let issue = Issue::new(
            issue_code::REBOOT_LOOP,
            severity,
            message,
            history.wall(since),
        );
        assessment.verdict = verdict;
        assessment.issues.push(issue.with_evidence(evidence));
        assessment
    }
}

#[cfg(test)]
#[path = "reboots_tests.rs"]
mod tests;
