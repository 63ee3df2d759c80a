//! Histories as full as they get by default.

use std::time::{Duration, Instant};

use encoder_core::ErrorKind;
use encoder_core::health::{ContactOutcome, History, HistoryConfig};
use encoder_core::model::{
    Alarm, AlarmCategory, Celsius, DeviceRecordState, DeviceStreamState, EncoderStatus,
    InputSignal, MediumReadings, Severity, SystemReadings, Timestamp, alarm_code,
};

/// Makes the history of encoder number so and so, up to now.
pub(super) type Kind = fn(u32, Instant) -> History;

const POLLS: u32 = 200;

/// It streams, answers, and nothing is wrong.
pub(super) fn well(number: u32, now: Instant) -> History {
    written(number, now, |poll| {
        let latency = Duration::from_micros(4000 + u64::from((poll * 37 + number) % 900));
        let status = status(40.0, 45.0 + f64::from(poll % 7), 60, Vec::new());
        (ContactOutcome::Answered { latency }, status)
    })
}

/// It streams all the same: hot, full, loaded, four alarms, and a tenth of the requests fail.
pub(super) fn troubled(number: u32, now: Instant) -> History {
    let alarm = |code: &str, category, severity| Alarm {
        code: code.to_owned(),
        category,
        severity,
        message: "The device says so in its own words.".to_owned(),
    };
    written(number, now, |poll| {
        let outcome = if (poll + number).is_multiple_of(9) {
            let kind = ErrorKind::DeviceUnreachable;
            ContactOutcome::Failed { kind }
        } else {
            let latency = Duration::from_millis(300 + u64::from((poll * 37 + number) % 900));
            ContactOutcome::Answered { latency }
        };
        let alarms = vec![
            alarm(
                alarm_code::DROPPED_FRAMES,
                AlarmCategory::Stream,
                Severity::Warning,
            ),
            alarm(
                alarm_code::NEAR_OVER_TEMPERATURE,
                AlarmCategory::Thermal,
                Severity::Critical,
            ),
            alarm(
                alarm_code::NO_AUDIO_INPUT,
                AlarmCategory::Input,
                Severity::Warning,
            ),
            alarm("media_full", AlarmCategory::Storage, Severity::Critical),
        ];
        (outcome, status(95.0, 84.0 + f64::from(poll % 5), 3, alarms))
    })
}

fn written(
    number: u32,
    now: Instant,
    observe: impl Fn(u32) -> (ContactOutcome, EncoderStatus),
) -> History {
    let begun = now - Duration::from_secs(u64::from(POLLS));
    let mut history = History::new(HistoryConfig::default(), begun, Timestamp::from_millis(0));
    history.intend_publishing(begun, true);
    for poll in 1..=POLLS {
        let jitter = Duration::from_millis(u64::from((poll * 13 + number) % 50));
        let at = begun + Duration::from_secs(u64::from(poll)) - jitter;
        let (outcome, status) = observe(poll);
        history.record_contact(at, outcome);
        history.record_status(at, status);
    }
    history
}

fn status(load: f64, celsius: f64, free: u8, alarms: Vec<Alarm>) -> EncoderStatus {
    EncoderStatus {
        stream_state: DeviceStreamState::Streaming,
        record_state: DeviceRecordState::Recording,
        input: Some(InputSignal {
            present: true,
            ..InputSignal::default()
        }),
        system: SystemReadings {
            cpu_percent: Some(load),
            memory_percent: Some(load),
            temperature: Some(Celsius(celsius)),
            ..SystemReadings::default()
        },
        media: vec![MediumReadings {
            slot: "primary".to_owned(),
            mounted: Some(true),
            ready: Some(true),
            free_percent: Some(free),
            ..MediumReadings::default()
        }],
        alarms,
        ..EncoderStatus::default()
    }
}
