//! From the device's values to the model: pure translation.

use std::time::Duration;

use encoder_core::StatusChange;
use encoder_core::model::{
    ActiveConfig, Bitrate, Celsius, DeviceIdentity, DeviceRecordState, DeviceStreamState,
    EncoderStatus, FrameRate, InputSignal, MediumReadings, NetworkReadings, OutputReadings,
    PublishTarget, Resolution, Secret, SystemReadings,
};

use crate::codes;
use crate::params::Param;
use crate::readings::Readings;
use crate::text::cleaned;

/// Hotter than any device that still answers; what lies above is not a temperature.
const HOTTEST: u64 = 150;

/// The whole status as far as it is known.
///
/// Processor, memory, fan, uptime, measured bitrate and dropped pictures stay `None`: a HELO has
/// no parameter for them.
pub(crate) fn status_of(readings: &Readings) -> EncoderStatus {
    let stream_state = stream_state(readings);
    let input = readings
        .number(Param::INPUT_FORMAT)
        .map(codes::input_signal);
    EncoderStatus {
        stream_state,
        record_state: readings
            .number(Param::RECORD_STATE)
            .map_or(DeviceRecordState::Unknown, codes::record_state),
        active: active_config(readings, input.as_ref()),
        input,
        system: SystemReadings {
            temperature: temperature(readings),
            ..SystemReadings::default()
        },
        output: output(readings, stream_state),
        network: network(readings),
        identity: identity(readings),
        media: [&PRIMARY, &SECONDARY]
            .into_iter()
            .filter_map(|slot| slot.read(readings))
            .collect(),
        alarms: readings.alarms().cloned().collect(),
        serves_files: readings
            .number(Param::MEDIA_STATE)
            .map(|state| state == codes::DATA_LAN),
    }
}

/// What the streaming engine does, as last heard.
pub(crate) fn stream_state(readings: &Readings) -> DeviceStreamState {
    readings
        .number(Param::STREAM_STATE)
        .map_or(DeviceStreamState::Unknown, codes::stream_state)
}

fn temperature(readings: &Readings) -> Option<Celsius> {
    // NOTE(device): HELO 4.3.0.8 lists 0 as the default, so 0 is a value never measured.
    let celsius = readings.number(Param::TEMPERATURE)?;
    let sane = (1..=HOTTEST).contains(&celsius);
    sane.then_some(Celsius(celsius as f64))
}

fn output(readings: &Readings, state: DeviceStreamState) -> OutputReadings {
    if state != DeviceStreamState::Streaming {
        return OutputReadings::default();
    }
    let text = |param| readings.text(param);
    OutputReadings {
        duration: text(Param::STREAM_DURATION).and_then(duration),
        format: text(Param::STREAM_FORMAT).and_then(cleaned),
        ..OutputReadings::default()
    }
}

/// Reads `DD:HH:MM:SS`.
fn duration(text: &str) -> Option<Duration> {
    let parts: Vec<u64> = text
        .split(':')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [days, hours, minutes, seconds] = parts[..] else {
        return None;
    };
    let hours = days.checked_mul(24)?.checked_add(hours)?;
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let seconds = minutes.checked_mul(60)?.checked_add(seconds)?;
    Some(Duration::from_secs(seconds))
}

fn network(readings: &Readings) -> NetworkReadings {
    NetworkReadings {
        connected: readings.flag(Param::NETWORK_CONNECTED),
        link: readings.text(Param::LINK_STATE).and_then(cleaned),
        link_errors: readings.number(Param::LINK_ERRORS),
    }
}

fn identity(readings: &Readings) -> DeviceIdentity {
    let text = |param| readings.text(param).and_then(cleaned);
    DeviceIdentity {
        product: text(Param::PRODUCT),
        name: text(Param::SYSTEM_NAME),
        serial: text(Param::SERIAL),
        firmware: text(Param::FIRMWARE),
    }
}

/// Where a medium's values are found.
struct Slot {
    name: &'static str,
    kind: Param,
    mounted: Param,
    ready: Param,
    free_percent: Param,
    free_bytes: Param,
    total_bytes: Param,
    volume: Param,
}

static PRIMARY: Slot = Slot {
    name: "primary",
    kind: Param::MEDIA_KIND,
    mounted: Param::MEDIA_MOUNTED,
    ready: Param::MEDIA_READY,
    free_percent: Param::MEDIA_FREE_PERCENT,
    free_bytes: Param::MEDIA_FREE_BYTES,
    total_bytes: Param::MEDIA_TOTAL_BYTES,
    volume: Param::MEDIA_VOLUME,
};

static SECONDARY: Slot = Slot {
    name: "secondary",
    kind: Param::MEDIA2_KIND,
    mounted: Param::MEDIA2_MOUNTED,
    ready: Param::MEDIA2_READY,
    free_percent: Param::MEDIA2_FREE_PERCENT,
    free_bytes: Param::MEDIA2_FREE_BYTES,
    total_bytes: Param::MEDIA2_TOTAL_BYTES,
    volume: Param::MEDIA2_VOLUME,
};

impl Slot {
    /// The medium; `None` when nothing is known of it or the slot is set to none. A device shows
    /// zeros for a medium it does not see, so those are left out.
    fn read(&self, readings: &Readings) -> Option<MediumReadings> {
        let kind = readings.number(self.kind);
        let mounted = readings.flag(self.mounted);
        let off = std::ptr::eq(self, &SECONDARY) && kind == Some(codes::NO_SECOND_MEDIUM);
        if off || mounted.is_none() {
            return None;
        }
        let seen = |param| readings.number(param).filter(|_| mounted == Some(true));
        let total_bytes = seen(self.total_bytes).filter(|bytes| *bytes > 0);
        let kind = kind.and_then(|kind| codes::MEDIA_KINDS.get(usize::try_from(kind).ok()?));
        let volume = readings.text(self.volume).and_then(cleaned);
        Some(MediumReadings {
            slot: self.name.to_owned(),
            kind: kind.map(|kind| (*kind).to_owned()),
            volume: volume.filter(|_| mounted == Some(true)),
            mounted,
            ready: readings.flag(self.ready),
            free_percent: seen(self.free_percent)
                .and_then(|percent| u8::try_from(percent).ok())
                .filter(|percent| *percent <= 100),
            free_bytes: total_bytes.and(seen(self.free_bytes)),
            total_bytes,
        })
    }
}

/// The settings of the working copy, which the next start uses.
fn active_config(readings: &Readings, input: Option<&InputSignal>) -> Option<ActiveConfig> {
    let number = |param| readings.number(param);
    let kbps = number(Param::VIDEO_BITRATE)?;
    let fps = fps(readings, input);
    let gop = number(Param::GOP_SIZE).filter(|gop| (1..=100_000).contains(gop));
    Some(ActiveConfig {
        resolution: resolution(readings, input),
        fps,
        bitrate: kbps.checked_mul(1000).map(Bitrate),
        audio_bitrate: number(Param::AUDIO_BITRATE).and_then(codes::audio_bitrate),
        keyframe_interval: gop
            .zip(fps.filter(|fps| fps.fps() > 0.0))
            .map(|(gop, fps)| Duration::from_secs_f64(gop as f64 / fps.fps())),
        target: target(readings),
    })
}

fn fps(readings: &Readings, input: Option<&InputSignal>) -> Option<FrameRate> {
    let place = usize::try_from(readings.number(Param::FRAME_RATE)?).ok()?;
    let divisor = codes::FRAME_RATE_DIVISORS.get(place)?;
    Some(input?.fps?.divided_by(*divisor))
}

fn resolution(readings: &Readings, input: Option<&InputSignal>) -> Option<Resolution> {
    let manual = u64::from(codes::MANUAL_GEOMETRY);
    if readings.number(Param::GEOMETRY)? != manual {
        return input?.resolution;
    }
    let side = |param| u32::try_from(readings.number(param)?).ok();
    Some(Resolution::new(side(Param::WIDTH)?, side(Param::HEIGHT)?))
}

/// Where the device publishes. Empty when its stream type is not RTMP, because it then publishes
/// nowhere, whatever the address says; `None` when it masks the key.
fn target(readings: &Readings) -> Option<PublishTarget> {
    let publish = |url: &str, key: &str| PublishTarget {
        url: url.to_owned(),
        stream_key: Secret::from(key),
    };
    if readings.number(Param::STREAM_TYPE)? != u64::from(codes::RTMP) {
        return Some(publish("", ""));
    }
    let key = readings.text(Param::STREAM_NAME)?;
    let url = readings.text(Param::SERVER_URL)?;
    (!is_masked(key)).then(|| publish(url, key))
}

/// Whether a secret reads back as a mask.
pub(crate) fn is_masked(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| matches!(c, '*' | '•' | '●'))
}

/// What happened between two statuses, in the model's most precise words.
pub(crate) fn changes(old: &EncoderStatus, new: &EncoderStatus) -> Vec<StatusChange> {
    let mut changes = Vec::new();
    if old.stream_state != new.stream_state {
        changes.push(StatusChange::StreamState(new.stream_state));
    }
    if old.record_state != new.record_state {
        changes.push(StatusChange::RecordState(new.record_state));
    }
    if let Some(input) = new.input.as_ref().filter(|_| old.input != new.input) {
        changes.push(StatusChange::Input(input.clone()));
    }
    let warmth = new.system.temperature;
    if let Some(celsius) = warmth.filter(|_| old.system.temperature != warmth) {
        changes.push(StatusChange::Temperature(celsius));
    }
    let raised = new
        .alarms
        .iter()
        .filter(|alarm| !old.alarms.contains(alarm));
    changes.extend(raised.cloned().map(StatusChange::AlarmRaised));
    let over = old
        .alarms
        .iter()
        .filter(|alarm| new.alarm(&alarm.code).is_none());
    changes.extend(over.map(|alarm| StatusChange::AlarmCleared(alarm.code.clone())));
    let mut reached = old.clone();
    for change in &changes {
        reached.apply(change.clone());
    }
    if !same(reached, new.clone()) {
        changes.push(StatusChange::Other(Box::new(new.clone())));
    }
    changes
}

/// Equality but for the order of alarms and what only follows from the stream state.
fn same(mut one: EncoderStatus, mut other: EncoderStatus) -> bool {
    for status in [&mut one, &mut other] {
        status.alarms.sort_by(|a, b| a.code.cmp(&b.code));
        status.output.duration = None;
    }
    one == other
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
