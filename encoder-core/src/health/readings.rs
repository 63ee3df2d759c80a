//! What the machine's own readings mean: processor, memory, temperature and media.

use std::time::Instant;

use super::direct::DirectConfig;
use super::report::{Report, whole};
use super::score::{strain, weighted_mean};
use super::{History, Load};
use crate::model::{DeviceRecordState, EncoderStatus, Evidence, Severity, Verdict, issue_code};

/// Score of processor, memory and temperature together; `None` without any of them.
pub(super) fn judge_system(
    config: &DirectConfig,
    status: &EncoderStatus,
    report: &mut Report<'_>,
) -> Option<f64> {
    let finite = |reading: Option<f64>| reading.filter(|value| value.is_finite());
    let cpu = finite(status.system.cpu_percent);
    let memory = finite(status.system.memory_percent);
    let temperature = finite(status.system.temperature.map(|celsius| celsius.0));
    if let Some(percent) = cpu.filter(|percent| *percent >= config.cpu_percent) {
        let since = loaded_since(report, config.cpu_percent, |load| load.cpu_percent);
        let message = ["processor at ", &whole(percent), " %"].concat();
        report
            .raise(issue_code::CPU_HIGH, Severity::Warning, since, message)
            .extend([
                Evidence::Figure("cpu_percent", percent),
                Evidence::Figure("threshold", config.cpu_percent),
            ]);
        report.verdict(Verdict::Worn);
    }
    if let Some(percent) = memory.filter(|percent| *percent >= config.memory_percent) {
        let since = loaded_since(report, config.memory_percent, |load| load.memory_percent);
        let message = ["memory at ", &whole(percent), " %"].concat();
        report
            .raise(issue_code::MEMORY_HIGH, Severity::Warning, since, message)
            .extend([
                Evidence::Figure("memory_percent", percent),
                Evidence::Figure("threshold", config.memory_percent),
            ]);
        report.verdict(Verdict::Worn);
    }
    judge_temperature(config, temperature, report);
    let limit = critical(config);
    weighted_mean([
        (
            0.4,
            cpu.map(|percent| strain(percent, config.cpu_percent, 100.0)),
        ),
        (
            0.3,
            memory.map(|percent| strain(percent, config.memory_percent, 100.0)),
        ),
        (
            0.3,
            temperature.map(|celsius| strain(celsius, config.temperature_celsius, limit)),
        ),
    ])
}

fn critical(config: &DirectConfig) -> f64 {
    let (warning, critical) = (
        config.temperature_celsius,
        config.temperature_critical_celsius,
    );
    critical.max(warning)
}

fn judge_temperature(config: &DirectConfig, temperature: Option<f64>, report: &mut Report<'_>) {
    let (warning, critical) = (config.temperature_celsius, critical(config));
    let Some(celsius) = temperature.filter(|celsius| *celsius >= warning) else {
        return;
    };
    let severity = if celsius >= critical {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let since = since_last(report.history.temperatures().rev(), warning);
    let message = [&whole(celsius), " °C, ", &whole(warning), " °C is too hot"].concat();
    report
        .raise(issue_code::TEMPERATURE_HIGH, severity, since, message)
        .extend([
            Evidence::Figure("temperature", celsius),
            Evidence::Figure("threshold", warning),
            Evidence::Figure("critical", critical),
        ]);
    report.verdict(Verdict::Worn);
}

/// Score of the fullest medium; `None` without media that tell.
pub(super) fn judge_storage(
    config: &DirectConfig,
    status: &EncoderStatus,
    report: &mut Report<'_>,
) -> Option<f64> {
    let used = |medium| crate::model::MediumReadings::used_percent(medium);
    let (slot, percent) = status
        .media
        .iter()
        .filter_map(|medium| Some((&medium.slot, used(medium)?)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    if percent >= config.storage_percent {
        let since = loaded_since(report, config.storage_percent, |load| load.storage_percent);
        let message = ["medium ", slot, " is ", &whole(percent), " % full"].concat();
        report
            .raise(issue_code::STORAGE_LOW, Severity::Warning, since, message)
            .extend([
                Evidence::fact("slot", slot.clone()),
                Evidence::Figure("used_percent", percent),
                Evidence::Figure("threshold", config.storage_percent),
            ]);
        // A full medium ends a recording, not a stream.
        if status.record_state == DeviceRecordState::Recording {
            report.verdict(Verdict::Worn);
        }
    }
    Some(strain(percent, config.storage_percent, 100.0))
}

fn loaded_since(
    report: &Report<'_>,
    threshold: f64,
    reading: fn(&Load) -> Option<f64>,
) -> Option<Instant> {
    let history: &History = report.history;
    let readings = history.loads().rev();
    since_last(
        readings.filter_map(|load| Some((load.at, reading(load)?))),
        threshold,
    )
}

/// The first of the readings, newest first, that reached the threshold without a break.
fn since_last(readings: impl Iterator<Item = (Instant, f64)>, threshold: f64) -> Option<Instant> {
    readings
        .take_while(|(_, value)| *value >= threshold)
        .last()
        .map(|(at, _)| at)
}
