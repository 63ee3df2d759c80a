//! Health by what the device says of itself.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::report::{Part, Report, Scores};
use super::{HealthPolicy, History, readings};
use crate::model::{
    Alarm, AlarmCategory, Assessment, DeviceStreamState, EncoderStatus, Evidence, Severity,
    Verdict, alarm_code, issue_code, millis,
};

/// Longest text of a device that is repeated in an issue.
const MAX_ALARM_CHARS: usize = 200;

/// When a device counts as unwell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DirectConfig {
    /// Processor load from which on it is too high. Default 85.
    pub cpu_percent: f64,
    /// Memory use from which on it is too high. Default 90.
    pub memory_percent: f64,
    /// Temperature from which on it is too hot. Default 80 °C.
    pub temperature_celsius: f64,
    /// Temperature at which the device is in danger. Default 90 °C; below `temperature_celsius` that
    /// one counts.
    pub temperature_critical_celsius: f64,
    /// Use of a medium from which on it is too full. Default 90.
    pub storage_percent: f64,
    /// How long the picture at the input may be missing while on air. Default 2 s, so that
    /// switching a source does not move the stream.
    #[serde(rename = "input_loss_after_ms", with = "millis")]
    pub input_loss_after: Duration,
    /// How long a device that was on air may take to come back by itself. Default 5 s.
    #[serde(rename = "self_recovery_ms", with = "millis")]
    pub self_recovery: Duration,
}

impl Default for DirectConfig {
    fn default() -> Self {
        Self {
            cpu_percent: 85.0,
            memory_percent: 90.0,
            temperature_celsius: 80.0,
            temperature_critical_celsius: 90.0,
            storage_percent: 90.0,
            input_loss_after: Duration::from_secs(2),
            self_recovery: Duration::from_secs(5),
        }
    }
}

impl DirectConfig {
    /// Thresholds in percent with their keys.
    pub(crate) fn percents(&self) -> [(&'static str, f64); 3] {
        [
            ("direct.cpu_percent", self.cpu_percent),
            ("direct.memory_percent", self.memory_percent),
            ("direct.storage_percent", self.storage_percent),
        ]
    }
}

/// Reads the device's own state, alarms and readings.
///
/// # While the encoder is meant to be publishing
///
/// | Device | Verdict | Issue |
/// |---|---|---|
/// | streams, or starts for the first time | healthy | |
/// | failing, or failed a start | failing | `stream_failing` |
/// | idle after it streamed | failing | `stream_stopped` |
/// | starting after it streamed | worn, failing after `self_recovery` | `stream_stopped` |
/// | boots or shuts down | failing | `device_restarting` |
/// | no picture for `input_loss_after` | failing | `input_lost` |
///
/// How long a first start may take is not judged here, because that depends on the device's
/// measured starts; whoever commanded the start watches over it.
///
/// # While it rests
///
/// The same observations are warnings: nobody is off air. A failed last attempt leaves the
/// verdict healthy, since devices keep showing it until the next success.
///
/// # Alarms
///
/// Each becomes an issue under its own code. `streaming_failed` and a lasting `no_video_input`
/// are failures while on air; any other alarm makes the encoder worn at most. An alarm older than
/// the intention to publish tells about the past and only warns.
///
/// # Score
///
/// The mean of stream (weight 0.5), system (0.3) and storage (0.2), as far as the device reports
/// them, less 30 for each critical and 10 for each lesser issue of stream, input and alarms; at
/// most 20 for an encoder that fails. The parts are told one by one, each less what the issues
/// about it cost: alarms about media are charged to storage, those about heat and hardware to
/// system, all others to the stream.
#[derive(Clone, Debug, Default)]
pub struct DirectPolicy {
    /// Thresholds.
    pub config: DirectConfig,
}

impl DirectPolicy {
    /// A policy with these thresholds.
    pub fn new(config: DirectConfig) -> Self {
        Self { config }
    }

    fn judge_stream(&self, report: &mut Report<'_>, state: DeviceStreamState) {
        let since = report.history.stream_state_since();
        if report.intended_since.is_some() {
            self.judge_publishing(report, state, since);
        } else {
            judge_resting(report, state, since);
        }
    }

    fn judge_publishing(
        &self,
        report: &mut Report<'_>,
        state: DeviceStreamState,
        since: Option<Instant>,
    ) {
        use DeviceStreamState as State;
        let streamed = report.history.streamed_since_intended();
        let (code, message) = match state {
            State::Failing => (
                issue_code::STREAM_FAILING,
                "device reports a failing stream",
            ),
            State::Idle | State::FailingIdle if streamed => {
                (issue_code::STREAM_STOPPED, "device stopped streaming")
            }
            State::FailingIdle if since > report.intended_since => (
                issue_code::STREAM_FAILING,
                "device failed to start streaming",
            ),
            State::Initialising | State::ShuttingDown => (
                issue_code::DEVICE_RESTARTING,
                "device restarts while on air",
            ),
            State::Starting if streamed => {
                return self.judge_comeback(report, since);
            }
            _ => return,
        };
        let lasted = report.lasted(since);
        let evidence = report.fail(code, since, message);
        evidence.push(Evidence::fact("stream_state", state.as_str()));
        evidence.extend(lasted);
    }

    /// A device that was on air starts again by itself.
    fn judge_comeback(&self, report: &mut Report<'_>, since: Option<Instant>) {
        let limit = self.config.self_recovery;
        let lasted = report.lasted(since);
        let evidence = if report.lasts(since, limit) {
            let message = "device does not come back on air";
            report.fail(issue_code::STREAM_STOPPED, since, message)
        } else {
            let message = "device is coming back on air";
            report.wear(issue_code::STREAM_STOPPED, since, message)
        };
        evidence.push(Evidence::fact("stream_state", "starting"));
        evidence.extend(lasted);
        evidence.push(Evidence::Figure("threshold", limit.as_secs_f64()));
    }

    fn judge_input(&self, report: &mut Report<'_>) {
        let Some(since) = report.history.input_lost_since() else {
            return;
        };
        let limit = self.config.input_loss_after;
        let lasted = report.lasted(Some(since));
        let message = "no picture at the input";
        let evidence = if report.is_lasting_on_air(since, limit) {
            report.fail(issue_code::INPUT_LOST, Some(since), message)
        } else {
            report.wear(issue_code::INPUT_LOST, Some(since), message)
        };
        evidence.push(Evidence::fact("input_present", "false"));
        evidence.extend(lasted);
        evidence.push(Evidence::Figure("threshold", limit.as_secs_f64()));
    }

    fn judge_alarm(&self, report: &mut Report<'_>, status: &EncoderStatus, alarm: &Alarm) {
        let since = report.history.alarm_since(&alarm.code);
        let message = presentable(&alarm.message);
        let code = alarm.code.clone();
        let mut evidence = vec![
            Evidence::fact("alarm", alarm.code.clone()),
            Evidence::fact("category", alarm.category.as_str()),
            Evidence::fact("raised_as", alarm.severity.as_str()),
        ];
        evidence.extend(report.lasted(since));
        if self.is_failure(report, status, alarm, since) {
            *report.fail(code, since, message) = evidence;
            return;
        }
        let about_the_stream =
            matches!(alarm.category, AlarmCategory::Stream | AlarmCategory::Input);
        let endangers = about_the_stream
            && report.intended_since.is_some()
            && alarm.code != alarm_code::STREAMING_FAILED
            && alarm.code != alarm_code::NO_VIDEO_INPUT;
        let severity = match alarm.severity {
            Severity::Critical if !endangers => Severity::Warning,
            severity => severity,
        };
        let part = Part::from(alarm.category);
        *report.raise_with_penalty(part, code, severity, since, message) = evidence;
        // Full media and schedules do not make a worse encoder of it.
        let wears = match alarm.category {
            AlarmCategory::Storage | AlarmCategory::Schedule | AlarmCategory::Configuration => {
                alarm.severity == Severity::Critical
            }
            _ => alarm.severity >= Severity::Warning,
        };
        if wears {
            report.verdict(Verdict::Worn);
        }
    }

    fn is_failure(
        &self,
        report: &Report<'_>,
        status: &EncoderStatus,
        alarm: &Alarm,
        since: Option<Instant>,
    ) -> bool {
        let Some(intended) = report.intended_since else {
            return false;
        };
        match alarm.code.as_str() {
            alarm_code::STREAMING_FAILED => since >= Some(intended),
            alarm_code::NO_VIDEO_INPUT => {
                let sees_a_picture = status.input.as_ref().is_some_and(|input| input.present);
                let after = self.config.input_loss_after;
                !sees_a_picture && since.is_some_and(|at| report.is_lasting_on_air(at, after))
            }
            _ => false,
        }
    }
}

impl HealthPolicy for DirectPolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        let Some(status) = history.status() else {
            return Assessment::default();
        };
        let mut report = Report::new(history, now);
        let state = status.stream_state;
        if state != DeviceStreamState::Unknown {
            report.verdict(Verdict::Healthy);
        }
        self.judge_stream(&mut report, state);
        self.judge_input(&mut report);
        for alarm in &status.alarms {
            self.judge_alarm(&mut report, status, alarm);
        }
        let stream = stream_score(state, report.assessment.verdict);
        let system = readings::judge_system(&self.config, status, &mut report);
        let storage = readings::judge_storage(&self.config, status, &mut report);
        report.conclude(Scores {
            stream,
            system,
            storage,
        })
    }
}

fn judge_resting(report: &mut Report<'_>, state: DeviceStreamState, since: Option<Instant>) {
    use DeviceStreamState as State;
    let evidence = match state {
        State::Failing => {
            let message = "device tries to stream and fails";
            report.wear(issue_code::STREAM_FAILING, since, message)
        }
        State::FailingIdle => {
            let message = "the device's last attempt to stream failed";
            let (code, severity) = (issue_code::STREAM_FAILING, Severity::Warning);
            report.raise_with_penalty(Part::Stream, code, severity, since, message)
        }
        State::Initialising | State::ShuttingDown => {
            report.wear(issue_code::DEVICE_RESTARTING, since, "device restarts")
        }
        _ => return,
    };
    evidence.push(Evidence::fact("stream_state", state.as_str()));
}

fn stream_score(state: DeviceStreamState, verdict: Verdict) -> Option<f64> {
    use DeviceStreamState as State;
    match state {
        State::Unknown => None,
        _ if verdict >= Verdict::Failing => Some(0.0),
        State::Initialising | State::ShuttingDown | State::Failing => Some(0.0),
        _ => Some(100.0),
    }
}

/// A device's own text, without what could garble a log or a page.
fn presentable(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_control();
    if text.len() <= MAX_ALARM_CHARS && text.bytes().all(plain) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_ALARM_CHARS)
        .collect()
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;
