//! The contract of [`HealthPolicy`] as tests.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::error::ErrorKind;
use crate::health::{ContactOutcome, HealthPolicy, History, HistoryConfig};
use crate::model::{
    Alarm, AlarmCategory, Assessment, Celsius, DeviceStreamState, EncoderStatus, InputSignal,
    MediumReadings, Severity, Timestamp, Verdict, alarm_code,
};

/// Expands to one test per item of the contract of [`HealthPolicy`], in a module of the given
/// name. The second argument makes a policy.
///
/// ```
/// use encoder_core::health::DirectPolicy;
///
/// encoder_core::health_conformance!(direct, || DirectPolicy::default());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! health_conformance {
    ($name:ident, $make:expr) => {
        $crate::__health_items!(health_conformance @items $name, $make,);
    };
    (@items $name:ident, $make:expr, $($item:ident)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from outside")]
            use super::*;
            $(
                #[test]
                fn $item() {
                    $crate::testkit::health::$item($make);
                }
            )*
        }
    };
}

/// The items of the contract, once for all who go through them: hands them, after its own
/// arguments, to the macro that it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __health_items {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! { $($arguments)*
            no_data_is_unknown
            scores_stay_in_range
            absent_readings_do_not_count
            same_input_same_answer
            time_alone_can_change_the_verdict
        }
    };
}

const HISTORIES: u64 = 500;

/// A history of random events, and the moment of the last one.
fn history(seed: u64) -> (History, Instant) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut history, mut now) = empty();
    for _ in 0..random.random_range(1..80) {
        now += Duration::from_millis(random.random_range(0..3000));
        match random.random_range(0..10) {
            0 => history.intend_publishing(now, random.random_bool(0.7)),
            1..=3 => history.record_status(now, status(&mut random)),
            _ => history.record_contact(now, contact(&mut random)),
        }
    }
    (history, now)
}

fn empty() -> (History, Instant) {
    let now = Instant::now();
    let wall = Timestamp::from_millis(1_700_000_000_000);
    (History::new(HistoryConfig::default(), now, wall), now)
}

fn contact(random: &mut StdRng) -> ContactOutcome {
    let kinds = [
        ErrorKind::DeviceUnreachable,
        ErrorKind::DeadlineExceeded,
        ErrorKind::DeviceProtocol,
        ErrorKind::DeviceAuth,
        ErrorKind::Unexpected,
    ];
    match random.random_range(0..10) {
        0 => ContactOutcome::Spoke,
        1..=3 => ContactOutcome::Failed {
            kind: kinds[random.random_range(0..kinds.len())],
        },
        _ => ContactOutcome::Answered {
            latency: Duration::from_millis(random.random_range(0..2000)),
        },
    }
}

fn status(random: &mut StdRng) -> EncoderStatus {
    let states = [
        DeviceStreamState::Unknown,
        DeviceStreamState::Initialising,
        DeviceStreamState::Idle,
        DeviceStreamState::Starting,
        DeviceStreamState::Streaming,
        DeviceStreamState::FailingIdle,
        DeviceStreamState::Failing,
        DeviceStreamState::ShuttingDown,
    ];
    let mut status = EncoderStatus {
        stream_state: states[random.random_range(0..states.len())],
        ..Default::default()
    };
    let mut reading = || {
        random
            .random_bool(0.5)
            .then(|| random.random_range(-20.0..150.0))
    };
    status.system.cpu_percent = reading();
    status.system.memory_percent = reading();
    status.system.temperature = reading().map(Celsius);
    if random.random_bool(0.5) {
        status.input = Some(InputSignal {
            present: random.random_bool(0.6),
            ..Default::default()
        });
    }
    if random.random_bool(0.4) {
        status.media = vec![medium(random.random_range(0..=100))];
    }
    if random.random_bool(0.3) {
        status.alarms = vec![alarm(random)];
    }
    status
}

fn medium(free_percent: u8) -> MediumReadings {
    MediumReadings {
        slot: "primary".to_owned(),
        free_percent: Some(free_percent),
        ..Default::default()
    }
}

fn alarm(random: &mut StdRng) -> Alarm {
    let kinds = [
        (alarm_code::STREAMING_FAILED, AlarmCategory::Stream),
        (alarm_code::NO_VIDEO_INPUT, AlarmCategory::Input),
        ("hardware_error", AlarmCategory::System),
        ("media_full", AlarmCategory::Storage),
    ];
    let (code, category) = kinds[random.random_range(0..kinds.len())];
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    Alarm {
        code: code.to_owned(),
        category,
        severity: severities[random.random_range(0..severities.len())],
        message: "text".to_owned(),
    }
}

/// An empty history gives no score and [`Verdict::Unknown`], however long it stays empty.
///
/// # Panics
/// When the policy breaks this item of the contract; likewise the others.
pub fn no_data_is_unknown<P: HealthPolicy>(make: impl Fn() -> P) {
    let (mut history, now) = empty();
    for intended in [false, true] {
        history.intend_publishing(now, intended);
        for seconds in [0, 1, 3600] {
            let assessment = make().assess(&history, now + Duration::from_secs(seconds));
            assert_eq!(assessment.verdict, Verdict::Unknown);
            assert_eq!(assessment.health, None);
        }
    }
}

/// Every score lies between 0 and 100.
pub fn scores_stay_in_range<P: HealthPolicy>(make: impl Fn() -> P) {
    let policy = make();
    for seed in 0..HISTORIES {
        let (history, now) = history(seed);
        if let Some(health) = policy.assess(&history, now).health {
            assert!((0.0..=100.0).contains(&health.value()), "seed {seed}");
        }
    }
}

/// Leaving a faultless reading out changes nothing: neither score nor verdict nor issues.
pub fn absent_readings_do_not_count<P: HealthPolicy>(make: impl Fn() -> P) {
    let removals: [fn(&mut EncoderStatus); 6] = [
        |status| status.system.cpu_percent = None,
        |status| status.system.memory_percent = None,
        |status| status.system.temperature = None,
        |status| status.media.clear(),
        |status| status.input = None,
        |status| *status = resting(),
    ];
    let without_parts = |status| {
        let assessment = judge(&make(), status);
        (assessment.health, assessment.verdict, assessment.issues)
    };
    let complete = without_parts(full_status());
    assert_ne!(complete.0.map(|health| health.value()), Some(0.0));
    for (number, remove) in removals.into_iter().enumerate() {
        let mut status = full_status();
        remove(&mut status);
        assert_eq!(without_parts(status), complete, "removal {number}");
    }
}

fn resting() -> EncoderStatus {
    EncoderStatus {
        stream_state: DeviceStreamState::Idle,
        ..Default::default()
    }
}

/// A resting device that reports everything, and nothing wrong.
fn full_status() -> EncoderStatus {
    let mut status = resting();
    status.system.cpu_percent = Some(1.0);
    status.system.memory_percent = Some(1.0);
    status.system.temperature = Some(Celsius(20.0));
    status.media = vec![medium(99)];
    status.input = Some(InputSignal {
        present: true,
        ..Default::default()
    });
    status
}

fn judge(policy: &impl HealthPolicy, status: EncoderStatus) -> Assessment {
    let (start, wall) = (Instant::now(), Timestamp::from_millis(0));
    let mut history = History::new(HistoryConfig::default(), start, wall);
    let latency = Duration::from_millis(5);
    history.record_contact(start, ContactOutcome::Answered { latency });
    history.record_status(start, status);
    policy.assess(&history, start)
}

/// The same policy asked twice, and another one of the same make, answer the same.
pub fn same_input_same_answer<P: HealthPolicy>(make: impl Fn() -> P) {
    let policy = make();
    for seed in 0..HISTORIES {
        let (history, now) = history(seed);
        let first = policy.assess(&history, now);
        assert_eq!(policy.assess(&history, now), first, "seed {seed}");
        assert_eq!(make().assess(&history, now), first, "seed {seed}");
    }
}

/// While nothing is heard, the verdict never becomes better.
pub fn time_alone_can_change_the_verdict<P: HealthPolicy>(make: impl Fn() -> P) {
    let policy = make();
    for seed in 0..HISTORIES {
        let (history, now) = history(seed);
        let mut worst = Verdict::Unknown;
        for millis in [0, 1, 500, 2000, 5000, 20_000, 3_600_000] {
            let later = policy.assess(&history, now + Duration::from_millis(millis));
            assert!(later.verdict >= worst, "seed {seed} after {millis} ms");
            worst = later.verdict;
        }
    }
}
