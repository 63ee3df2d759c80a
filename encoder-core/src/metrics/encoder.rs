//! What can be read of an encoder.

use prometheus::proto::Metric as Measured;

use super::declare::{Declaration, Unit};
use super::mirror::{Reading, Samples};
use super::tally::{Counted, Tally};
use super::{care, connection};
use crate::model::{
    ConnectionPool, DeviceReadings, DeviceStreamState, EncoderState, EncoderStatus, EncoderView,
    Issue, MediumReadings, OutputReadings, Timestamp, Verdict,
};

/// Bounds for the time a device takes to answer.
const ANSWER_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Issues of one encoder or stream that become series. More at once would be a broken driver.
const MOST_ISSUES: usize = 64;

/// Longest text of a device that becomes a label.
const LONGEST_LABEL: usize = 64;

const ID: &[&str] = &["encoder_id"];

pub(super) const REQUEST_SECONDS: Declaration = Declaration::histogram(
    "encoder_request_duration_seconds",
    ID,
    &ANSWER_SECONDS,
    "Time a device took to answer a status poll, or to fail at it.",
);

/// An encoder, with what was counted of it.
#[derive(Debug)]
pub(crate) struct EncoderSample {
    pub(super) view: EncoderView,
    pub(super) readings: DeviceReadings,
    pub(super) counted: Counted,
    pub(super) answers: Measured,
    pub(super) is_reboot_loop: bool,
}

impl EncoderSample {
    pub(crate) fn new(view: EncoderView, tally: &Tally, is_reboot_loop: bool) -> Self {
        let mut sample = Self {
            readings: DeviceReadings::default(),
            counted: tally.counted(),
            answers: prometheus::core::Metric::metric(&tally.answers),
            is_reboot_loop,
            view,
        };
        if sample.answers() {
            sample.readings = sample.view.readings();
        }
        sample
    }

    /// Whether it answers. One that does not has no readings: its last ones say nothing of now.
    fn answers(&self) -> bool {
        let verdict = self.view.assessment.verdict;
        !matches!(verdict, Verdict::Silent | Verdict::Unknown)
    }

    fn status(&self) -> Option<&EncoderStatus> {
        self.view.status.as_ref().filter(|_| self.answers())
    }

    fn output(&self) -> Option<&OutputReadings> {
        self.status().map(|status| &status.output)
    }

    pub(super) fn pool(&self) -> Option<&ConnectionPool> {
        self.view.connection.pool.as_ref()
    }

    fn media(&self) -> &[MediumReadings] {
        self.status().map_or(&[], |status| &status.media)
    }

    /// Puts what each of its media tells.
    pub(super) fn put_media(&self, to: &mut Samples<'_>, read: fn(&MediumReadings) -> Option<f64>) {
        for medium in self.media() {
            if let Some(value) = read(medium) {
                to.put(&[&medium.slot], value);
            }
        }
    }
}

/// A text that may become a label: a device's own words are cut.
fn label(text: Option<&str>) -> String {
    text.unwrap_or_default()
        .chars()
        .take(LONGEST_LABEL)
        .collect()
}

/// A code is a snake_case word of a driver or a policy. Anything else is told as `other`, so that
/// no text of a device becomes a label.
pub(super) fn code(code: &str) -> &str {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = !code.is_empty() && code.len() <= LONGEST_LABEL && code.chars().all(word);
    if fits { code } else { "other" }
}

/// Puts each trouble once, however often it is told.
pub(super) fn put_issues(issues: &[Issue], to: &mut Samples<'_>) {
    let mut told: Vec<_> = issues
        .iter()
        .map(|issue| (code(issue.code.as_str()), issue.severity.as_str()))
        .collect();
    told.sort_unstable();
    told.dedup();
    for (code, severity) in told.into_iter().take(MOST_ISSUES) {
        to.put(&[code, severity], 1.0);
    }
}

pub(super) const fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

pub(super) const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Declaration {
    Declaration::gauge(name, unit, ID, help)
}

pub(super) const fn counter(name: &'static str, help: &'static str) -> Declaration {
    Declaration::counter(name, ID, help)
}

pub(super) type Of = Reading<EncoderSample>;

/// Everything that can be read of an encoder.
pub(super) fn readings() -> impl Iterator<Item = &'static Of> {
    DEVICE
        .iter()
        .chain(&connection::READINGS)
        .chain(&care::READINGS)
}

static DEVICE: [Of; 15] = [
    Of::several(
        Declaration::gauge(
            "encoder_info",
            Unit::Info,
            &["encoder_id", "driver", "site", "firmware"],
            "Who the encoder is; empty where it is not known.",
        ),
        |sample, to| {
            let spec = &sample.view.spec;
            let status = sample.view.status.as_ref();
            let firmware = status.and_then(|status| status.identity.firmware.as_deref());
            let (site, firmware) = (label(spec.site.as_deref()), label(firmware));
            to.put(&[&spec.driver, &site, &firmware], 1.0);
        },
    ),
    Of::several(
        Declaration::gauge(
            "encoder_state",
            Unit::Count,
            &["encoder_id", "state"],
            "1 for the state it is in, 0 for the others.",
        ),
        |sample, to| {
            for state in EncoderState::ALL {
                to.put(&[state.as_str()], truth(sample.view.state == state));
            }
        },
    ),
    Of::one(
        gauge(
            "encoder_health_score",
            Unit::Score,
            "How well it is, higher is better.",
        ),
        |sample| sample.view.assessment.health.map(|health| health.value()),
    ),
    Of::one(
        gauge(
            "encoder_heat_score",
            Unit::Score,
            "How hot it is by whatever is known, higher is hotter.",
        ),
        |sample| {
            sample
                .view
                .heat
                .filter(|_| sample.answers())
                .map(|heat| heat.value())
        },
    ),
    Of::several(
        Declaration::gauge(
            "encoder_issue",
            Unit::Count,
            &["encoder_id", "code", "severity"],
            "1 while the encoder has this trouble; gone with it.",
        ),
        |sample, to| put_issues(&sample.view.assessment.issues, to),
    ),
    Of::one(
        gauge(
            "encoder_last_contact_timestamp_seconds",
            Unit::Timestamp,
            "When the device last gave a sign of life.",
        ),
        |sample| sample.view.last_seen_at.map(seconds),
    ),
    Of::one(
        gauge(
            "encoder_watcher_last_pass_timestamp_seconds",
            Unit::Timestamp,
            "When its watcher last concluded how it is.",
        ),
        |sample| sample.counted.last_pass.map(seconds),
    ),
    Of::one(
        gauge(
            "encoder_temperature_celsius",
            Unit::Celsius,
            "As the device reads it.",
        ),
        |sample| sample.readings.temperature.map(|celsius| celsius.0),
    ),
    Of::one(
        gauge(
            "encoder_cpu_ratio",
            Unit::Ratio,
            "Processor load, where the device reads it.",
        ),
        |sample| sample.readings.cpu_usage.map(|percent| percent / 100.0),
    ),
    Of::one(
        gauge(
            "encoder_memory_ratio",
            Unit::Ratio,
            "Memory in use, where the device reads it.",
        ),
        |sample| sample.readings.memory_usage.map(|percent| percent / 100.0),
    ),
    Of::one(
        gauge(
            "encoder_fan_rpm",
            Unit::Rpm,
            "Fan speed, where the device reads it.",
        ),
        |sample| sample.readings.fan_speed,
    ),
    Of::one(
        gauge(
            "encoder_streaming",
            Unit::Count,
            "1 while the device streams.",
        ),
        |sample| {
            let state = sample.status()?.stream_state;
            Some(truth(state == DeviceStreamState::Streaming))
        },
    ),
    Of::one(
        gauge(
            "encoder_output_bits_per_second",
            Unit::BitsPerSecond,
            "What leaves the device, where it measures that.",
        ),
        |sample| Some(sample.output()?.bitrate?.0 as f64),
    ),
    Of::one(
        gauge(
            "encoder_output_frames_per_second",
            Unit::FramesPerSecond,
            "Pictures that leave it, where it measures that.",
        ),
        |sample| sample.output()?.fps,
    ),
    Of::one(
        counter(
            "encoder_output_dropped_frames_total",
            "Pictures dropped, where the device counts them; begins again with each stream.",
        ),
        |sample| Some(sample.output()?.dropped_frames? as f64),
    ),
];
