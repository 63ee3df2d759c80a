use proptest::prelude::*;

use super::*;
use crate::health::HistoryConfig;
use crate::model::{Alarm, AlarmCategory, Timestamp};

fn status(state: DeviceStreamState) -> EncoderStatus {
    EncoderStatus {
        stream_state: state,
        ..EncoderStatus::default()
    }
}

/// A device under observation, one status after the other.
struct Watched {
    begun: Instant,
    trace: RestartTrace,
    last: Option<EncoderStatus>,
}

impl Watched {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            trace: RestartTrace::default(),
            last: None,
        }
    }

    fn sees(&mut self, second: u64, status: EncoderStatus) {
        let at = self.at(second);
        self.trace.observe(at, self.last.as_ref(), &status);
        self.last = Some(status);
    }

    fn at(&self, second: u64) -> Instant {
        self.begun + Duration::from_secs(second)
    }

    fn restart(&mut self, second: u64) {
        self.sees(second, status(DeviceStreamState::Initialising));
        self.sees(second + 1, status(DeviceStreamState::Idle));
    }

    fn is_distrusted(&self, second: u64) -> bool {
        let config = RebootConfig::default();
        let until = self.trace.distrusted_until(&config, self.at(second));
        until.is_some()
    }
}

#[test]
fn each_restart_counts_once_however_many_signs_it_gives() {
    let mut watched = Watched::new();
    let with = |state, uptime, errors| {
        let mut status = status(state);
        status.system.uptime = Some(Duration::from_secs(uptime));
        status.network.link_errors = Some(errors);
        status
    };
    watched.sees(0, with(DeviceStreamState::Streaming, 1000, 5));
    watched.trace.lost_contact();
    watched.sees(40, with(DeviceStreamState::Initialising, 3, 0));
    let mut safe = with(DeviceStreamState::Idle, 8, 0);
    safe.alarms.push(Alarm {
        code: "safe_boot_mode".to_owned(),
        category: AlarmCategory::System,
        severity: Severity::Warning,
        message: String::new(),
    });
    watched.sees(44, safe);
    assert_eq!(watched.trace.total(), 1);
    let evidence = &watched.trace.restarts().next().unwrap().evidence;
    let expected = [
        "stream_state=initialising",
        "uptime fell from 1000 s to 3 s",
        "link_errors fell from 5 to 0",
        "session lost",
        "alarm=safe_boot_mode",
    ];
    assert_eq!(evidence, &expected);
}

#[test]
fn a_sign_that_follows_soon_after_it_is_up_belongs_to_the_restart() {
    let mut watched = Watched::new();
    watched.sees(0, status(DeviceStreamState::Idle));
    watched.restart(40);
    let mut safe = status(DeviceStreamState::Idle);
    safe.alarms.push(Alarm {
        code: "safe_boot_mode".to_owned(),
        category: AlarmCategory::System,
        severity: Severity::Warning,
        message: String::new(),
    });
    watched.sees(44, safe);
    assert_eq!(watched.trace.total(), 1);
    // A device that starts up for longer than that is still the same restart.
    for second in [100, 110, 120] {
        watched.sees(second, status(DeviceStreamState::Initialising));
        watched.sees(second + 1, status(DeviceStreamState::Unknown));
    }
    assert_eq!(watched.trace.total(), 2);
}

#[test]
fn restart_seen_only_by_its_uptime_counts() {
    let mut watched = Watched::new();
    for (second, uptime) in [(0, 500), (10, 510), (20, 4), (30, 14)] {
        let mut status = status(DeviceStreamState::Idle);
        status.system.uptime = Some(Duration::from_secs(uptime));
        watched.sees(second, status);
    }
    assert_eq!(watched.trace.total(), 1);
}

#[test]
fn lost_network_and_a_stream_begun_anew_are_no_restart() {
    let mut watched = Watched::new();
    let streaming = |seconds| {
        let mut status = status(DeviceStreamState::Streaming);
        status.output.duration = Some(Duration::from_secs(seconds));
        status
    };
    watched.sees(0, streaming(500));
    watched.trace.lost_contact();
    watched.sees(30, streaming(3));
    assert_eq!(watched.trace.total(), 0);
}

#[test]
fn replaced_unit_starts_with_a_clean_record() {
    let mut watched = Watched::new();
    let unit = |serial: &str, state| {
        let mut status = status(state);
        status.identity.serial = Some(serial.to_owned());
        status
    };
    watched.sees(0, unit("A", DeviceStreamState::Idle));
    watched.sees(9, unit("A", DeviceStreamState::Initialising));
    assert_eq!(watched.trace.total(), 1);
    watched.sees(20, unit("B", DeviceStreamState::Idle));
    assert_eq!(watched.trace.total(), 0);
}

#[test]
fn three_restarts_in_the_window_are_a_loop_until_it_stays_up_for_as_long() {
    let mut watched = Watched::new();
    watched.sees(0, status(DeviceStreamState::Idle));
    watched.restart(100);
    watched.restart(200);
    assert!(!watched.is_distrusted(210));
    watched.restart(390);
    assert!(watched.is_distrusted(391) && watched.is_distrusted(689));
    assert!(!watched.is_distrusted(690));
    let slow = [0, 160, 320, 480].map(|second| 1000 + second);
    slow.into_iter().for_each(|second| watched.restart(second));
    assert!(!watched.is_distrusted(1485), "three need more than 300 s");
}

#[test]
fn loop_is_critical_on_air_and_a_warning_at_rest() {
    let begun = Instant::now();
    let wall = Timestamp::from_millis(0);
    let mut history = History::new(HistoryConfig::default(), begun, wall);
    for second in [0, 10, 20, 30] {
        let at = begun + Duration::from_secs(second);
        history.record_status(at, status(DeviceStreamState::Initialising));
        history.record_status(at + Duration::from_secs(6), status(DeviceStreamState::Idle));
    }
    let now = begun + Duration::from_secs(40);
    let assess = |history: &History| RebootPolicy::default().assess(history, now);
    let resting = assess(&history);
    assert_eq!(resting.verdict, Verdict::Worn);
    assert_eq!(resting.issues[0].severity, Severity::Warning);
    assert_eq!(resting.issues[0].evidence.len(), 3);
    history.intend_publishing(now, true);
    let on_air = assess(&history);
    assert_eq!(on_air.verdict, Verdict::Failing);
    assert_eq!(on_air.issues[0].code.as_str(), issue_code::REBOOT_LOOP);
}

proptest! {
    #[test]
    fn never_more_restarts_than_starts_and_always_trusted_in_the_end(
        steps in proptest::collection::vec((1_u64..200, any::<bool>()), 0..80),
    ) {
        let mut watched = Watched::new();
        let (mut second, mut starts) = (0, 0);
        watched.sees(0, status(DeviceStreamState::Idle));
        for (pause, restarts) in steps {
            second += pause + 1;
            if restarts {
                starts += 1;
                watched.restart(second);
            } else {
                watched.sees(second, status(DeviceStreamState::Idle));
            }
        }
        prop_assert_eq!(watched.trace.total(), starts);
        prop_assert!(!watched.is_distrusted(second + 301));
    }
}
