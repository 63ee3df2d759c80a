use DeviceStreamState as State;

use super::*;
use crate::health::HistoryConfig;
use crate::model::{Celsius, DeviceRecordState, Health, InputSignal, MediumReadings, Timestamp};

/// An encoder under observation; time passes only through [`Watched::after`].
struct Watched {
    history: History,
    now: Instant,
    policy: DirectPolicy,
}

impl Watched {
    fn new() -> Self {
        let now = Instant::now();
        let wall = Timestamp::from_millis(0);
        Self {
            history: History::new(HistoryConfig::default(), now, wall),
            now,
            policy: DirectPolicy::default(),
        }
    }

    fn after(mut self, millis: u64) -> Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn shows(self, state: State) -> Self {
        let status = self.history.status().cloned().unwrap_or_default();
        self.reports(EncoderStatus {
            stream_state: state,
            ..status
        })
    }

    fn reports(mut self, status: EncoderStatus) -> Self {
        self.history.record_status(self.now, status);
        self
    }

    fn intended(mut self) -> Self {
        self.history.intend_publishing(self.now, true);
        self
    }

    fn judge(&self) -> Assessment {
        self.policy.assess(&self.history, self.now)
    }

    fn on_air() -> Self {
        Self::new()
            .shows(State::Idle)
            .intended()
            .after(1000)
            .shows(State::Streaming)
            .after(1000)
    }
}

fn expect(watched: &Watched, verdict: Verdict, code: &str, severity: Severity) {
    let assessment = watched.judge();
    assert_eq!(assessment.verdict, verdict, "{assessment:?}");
    let worst = assessment.worst().expect("an issue");
    assert_eq!((worst.code.as_str(), worst.severity), (code, severity));
}

fn status(change: impl FnOnce(&mut EncoderStatus)) -> EncoderStatus {
    let mut status = EncoderStatus {
        stream_state: State::Idle,
        ..Default::default()
    };
    change(&mut status);
    status
}

fn alarm(code: &str, category: AlarmCategory, severity: Severity) -> Alarm {
    Alarm {
        code: code.to_owned(),
        category,
        severity,
        message: "Alarm\nText".to_owned(),
    }
}

#[test]
fn nothing_is_concluded_without_a_status() {
    assert_eq!(Watched::new().judge(), Assessment::default());
    let unreadable = Watched::new().reports(EncoderStatus::default()).judge();
    assert_eq!(
        (unreadable.verdict, unreadable.health),
        (Verdict::Unknown, None)
    );
}

#[test]
fn publishing_and_resting_encoders_are_healthy() {
    for watched in [Watched::new().shows(State::Idle), Watched::on_air()] {
        let assessment = watched.judge();
        assert_eq!(assessment.verdict, Verdict::Healthy);
        assert_eq!(assessment.health, Some(Health::MAX));
        assert!(assessment.issues.is_empty());
    }
}

#[test]
fn encoder_that_fell_off_air_is_failing() {
    for state in [State::Idle, State::FailingIdle] {
        let fell = Watched::on_air().shows(state);
        expect(
            &fell,
            Verdict::Failing,
            "stream_stopped",
            Severity::Critical,
        );
    }
    let failing = Watched::on_air().shows(State::Failing);
    expect(
        &failing,
        Verdict::Failing,
        "stream_failing",
        Severity::Critical,
    );
    assert_eq!(
        failing.judge().issues[0].since,
        Timestamp::from_millis(2000)
    );
    assert_eq!(failing.judge().health, Some(Health::MIN));
    for state in [State::Initialising, State::ShuttingDown] {
        let restarting = Watched::on_air().shows(state);
        expect(
            &restarting,
            Verdict::Failing,
            "device_restarting",
            Severity::Critical,
        );
    }
}

#[test]
fn a_first_start_is_not_judged() {
    for state in [State::Idle, State::FailingIdle, State::Starting] {
        let resting = Watched::new().shows(state);
        let starting = resting.intended().after(60_000).shows(state);
        assert_eq!(starting.judge().verdict, Verdict::Healthy, "{state:?}");
    }
}

#[test]
fn a_start_that_the_device_calls_failed_is_failing() {
    let failed = Watched::new()
        .shows(State::FailingIdle)
        .intended()
        .after(500)
        .shows(State::Starting)
        .after(500)
        .shows(State::FailingIdle);
    expect(
        &failed,
        Verdict::Failing,
        "stream_failing",
        Severity::Critical,
    );
}

#[test]
fn device_may_come_back_on_air_by_itself_for_a_while() {
    let returning = Watched::on_air().shows(State::Starting).after(4900);
    expect(
        &returning,
        Verdict::Worn,
        "stream_stopped",
        Severity::Warning,
    );
    let gone = returning.after(100);
    expect(
        &gone,
        Verdict::Failing,
        "stream_stopped",
        Severity::Critical,
    );
}

#[test]
fn a_new_intention_forgets_the_last_broadcast() {
    let mut ended = Watched::on_air();
    ended.history.intend_publishing(ended.now, false);
    let again = ended.shows(State::Idle).after(1000).intended().after(1000);
    assert_eq!(again.judge().verdict, Verdict::Healthy);
}

#[test]
fn resting_encoder_with_a_failed_attempt_is_only_warned_about() {
    let resting = Watched::new().shows(State::FailingIdle);
    expect(
        &resting,
        Verdict::Healthy,
        "stream_failing",
        Severity::Warning,
    );
    assert_eq!(resting.judge().health, Some(Health::new(90.0)));
    let rogue = Watched::new().shows(State::Failing);
    expect(&rogue, Verdict::Worn, "stream_failing", Severity::Warning);
    let booting = Watched::new().shows(State::Initialising);
    expect(
        &booting,
        Verdict::Worn,
        "device_restarting",
        Severity::Warning,
    );
}

#[test]
fn lost_picture_fails_the_stream_after_a_while() {
    let dark = |state| {
        status(|status| {
            status.stream_state = state;
            status.input = Some(InputSignal::default());
        })
    };
    let lost = Watched::on_air()
        .reports(dark(State::Streaming))
        .after(1900);
    expect(&lost, Verdict::Worn, "input_lost", Severity::Warning);
    let lost = lost.after(100);
    expect(&lost, Verdict::Failing, "input_lost", Severity::Critical);
    let resting = Watched::new().reports(dark(State::Idle)).after(60_000);
    expect(&resting, Verdict::Worn, "input_lost", Severity::Warning);
    let started = resting.intended().after(1000);
    expect(&started, Verdict::Worn, "input_lost", Severity::Warning);
}

#[test]
fn streaming_alarm_fails_only_what_is_on_air() {
    let failed = alarm(
        alarm_code::STREAMING_FAILED,
        AlarmCategory::Stream,
        Severity::Critical,
    );
    let alarmed = |state| {
        status(|status| {
            status.stream_state = state;
            status.alarms = vec![failed.clone()];
        })
    };
    let on_air = Watched::on_air().reports(alarmed(State::Streaming));
    expect(
        &on_air,
        Verdict::Failing,
        "streaming_failed",
        Severity::Critical,
    );
    assert_eq!(on_air.judge().issues[0].message, "Alarm Text");
    let resting = Watched::new().reports(alarmed(State::Idle));
    expect(
        &resting,
        Verdict::Worn,
        "streaming_failed",
        Severity::Warning,
    );
    let latched = resting.after(5000).intended().after(500);
    expect(
        &latched,
        Verdict::Worn,
        "streaming_failed",
        Severity::Warning,
    );
}

#[test]
fn missing_video_alarm_counts_unless_the_device_sees_a_picture() {
    let missing = alarm(
        alarm_code::NO_VIDEO_INPUT,
        AlarmCategory::Input,
        Severity::Critical,
    );
    let alarmed = |input| {
        status(|status| {
            status.stream_state = State::Streaming;
            status.alarms = vec![missing.clone()];
            status.input = input;
        })
    };
    let blind = Watched::on_air().reports(alarmed(None)).after(1000);
    expect(&blind, Verdict::Worn, "no_video_input", Severity::Warning);
    let blind = blind.after(1000);
    expect(
        &blind,
        Verdict::Failing,
        "no_video_input",
        Severity::Critical,
    );
    let sees = InputSignal {
        present: true,
        ..Default::default()
    };
    let contradicted = Watched::on_air().reports(alarmed(Some(sees))).after(9000);
    expect(
        &contradicted,
        Verdict::Worn,
        "no_video_input",
        Severity::Warning,
    );
}

#[test]
fn other_alarms_wear_at_most() {
    let cases = [
        (
            AlarmCategory::System,
            Severity::Critical,
            Verdict::Worn,
            Severity::Warning,
        ),
        (
            AlarmCategory::Storage,
            Severity::Critical,
            Verdict::Worn,
            Severity::Warning,
        ),
        (
            AlarmCategory::Stream,
            Severity::Critical,
            Verdict::Worn,
            Severity::Critical,
        ),
        (
            AlarmCategory::Network,
            Severity::Warning,
            Verdict::Worn,
            Severity::Warning,
        ),
        (
            AlarmCategory::Storage,
            Severity::Warning,
            Verdict::Healthy,
            Severity::Warning,
        ),
        (
            AlarmCategory::System,
            Severity::Info,
            Verdict::Healthy,
            Severity::Info,
        ),
    ];
    for (category, severity, verdict, shown) in cases {
        let report = status(|status| {
            status.stream_state = State::Streaming;
            status.alarms = vec![alarm("some_alarm", category, severity)];
        });
        expect(
            &Watched::on_air().reports(report),
            verdict,
            "some_alarm",
            shown,
        );
    }
}

#[test]
fn high_readings_wear_since_they_were_first_high() {
    let reading = |celsius, cpu| {
        status(|status| {
            status.system.temperature = Some(Celsius(celsius));
            status.system.cpu_percent = Some(cpu);
        })
    };
    let hot = Watched::new()
        .reports(reading(81.0, 90.0))
        .after(1000)
        .reports(reading(79.0, 20.0))
        .after(1000)
        .reports(reading(80.0, 20.0))
        .after(1000)
        .reports(reading(85.0, 85.0));
    let assessment = hot.judge();
    assert_eq!(assessment.verdict, Verdict::Worn);
    let found: Vec<_> = assessment
        .issues
        .iter()
        .map(|issue| (issue.code.as_str(), issue.since.as_millis()))
        .collect();
    assert_eq!(found, [("cpu_high", 3000), ("temperature_high", 2000)]);
    expect(
        &hot.reports(reading(90.0, 5.0)),
        Verdict::Worn,
        "temperature_high",
        Severity::Critical,
    );
}

#[test]
fn full_media_matter_to_recorders() {
    let full = |record_state| {
        status(|status| {
            status.record_state = record_state;
            status.media = vec![
                MediumReadings {
                    free_bytes: Some(5),
                    total_bytes: Some(100),
                    ..Default::default()
                },
                MediumReadings {
                    mounted: Some(false),
                    free_percent: Some(0),
                    ..Default::default()
                },
            ];
        })
    };
    let resting = Watched::new().reports(full(DeviceRecordState::Idle));
    expect(&resting, Verdict::Healthy, "storage_low", Severity::Warning);
    let recording = Watched::new().reports(full(DeviceRecordState::Recording));
    expect(&recording, Verdict::Worn, "storage_low", Severity::Warning);
    assert!(recording.judge().issues[0].message.contains("95 %"));
}

#[test]
fn score_counts_what_is_reported_and_nothing_else() {
    let loaded = |cpu, memory| {
        status(|status| {
            status.system.cpu_percent = cpu;
            status.system.memory_percent = memory;
        })
    };
    let score = |status| {
        Watched::new()
            .reports(status)
            .judge()
            .health
            .unwrap()
            .value()
    };
    assert_eq!(score(loaded(None, None)), 100.0);
    assert_eq!(score(loaded(Some(10.0), None)), 100.0);
    // Stream 100 with weight 0.5, system 0 with 0.3.
    assert_eq!(score(loaded(Some(100.0), None)), 62.5);
    assert_eq!(
        score(loaded(Some(f64::NAN), None)),
        100.0,
        "nonsense is absent"
    );
    assert!(score(loaded(Some(100.0), Some(5.0))) > 62.5);
}

/// Every reading at its best or at its worst.
fn extreme(worst: bool) -> EncoderStatus {
    let (percent, celsius, free) = if worst {
        (100.0, 90.0, 0)
    } else {
        (1.0, 20.0, 99)
    };
    status(|status| {
        status.system.cpu_percent = Some(percent);
        status.system.memory_percent = Some(percent);
        status.system.temperature = Some(Celsius(celsius));
        status.media = vec![MediumReadings {
            slot: "primary".to_owned(),
            free_percent: Some(free),
            ..Default::default()
        }];
    })
}

#[test]
fn every_part_and_the_whole_reach_both_ends() {
    let values = |assessment: &Assessment| {
        let parts = assessment.parts;
        [assessment.health, parts.system, parts.stream, parts.storage]
            .map(|score| score.map(Health::value))
    };
    let best = Watched::on_air().reports(EncoderStatus {
        stream_state: State::Streaming,
        ..extreme(false)
    });
    assert_eq!(values(&best.judge()), [Some(100.0); 4]);
    let worst = Watched::on_air().reports(extreme(true)).judge();
    assert_eq!(values(&worst), [Some(0.0); 4]);
    assert_eq!(worst.parts.connection, None);
}

#[test]
fn parts_without_readings_are_absent_and_the_whole_is_that_of_the_others() {
    let resting = Watched::new().reports(status(|_| {})).judge();
    assert_eq!((resting.parts.system, resting.parts.storage), (None, None));
    assert_eq!(resting.health, resting.parts.stream);
    let unreadable = EncoderStatus {
        stream_state: State::Unknown,
        ..extreme(true)
    };
    let judged = Watched::new().reports(unreadable).judge();
    assert_eq!(judged.parts.stream, None);
    assert_eq!(judged.health, Some(Health::MIN), "system and storage alone");
}

#[test]
fn alarms_are_charged_to_what_they_are_about() {
    use AlarmCategory::{Input, Storage, Thermal};
    for (category, severity) in [
        (Storage, Severity::Warning),
        (Thermal, Severity::Warning),
        (Input, Severity::Warning),
    ] {
        let mut full = extreme(false);
        full.alarms = vec![alarm("other", category, severity)];
        let judged = Watched::new().reports(full).judge();
        let parts = judged.parts;
        let of = |wanted| Some(Health::new(if category == wanted { 90.0 } else { 100.0 }));
        assert_eq!(
            [parts.storage, parts.system, parts.stream],
            [of(Storage), of(Thermal), of(Input)],
            "{category:?}"
        );
        assert_eq!(judged.health, Some(Health::new(90.0)));
    }
}

#[test]
fn every_issue_names_its_figures_and_its_threshold() {
    let hot = Watched::new().reports(extreme(true)).judge();
    assert_eq!(hot.issues.len(), 4);
    for issue in &hot.issues {
        let mut figures = issue.evidence.iter().map(ToString::to_string);
        assert!(
            figures.any(|figure| figure.starts_with("threshold=")),
            "{issue:?}"
        );
    }
    let of = |judged: &Assessment, code: &str| {
        let found = judged
            .issues
            .iter()
            .find(|issue| issue.code.as_str() == code);
        found.expect(code).evidence.clone()
    };
    assert_eq!(
        of(&hot, "cpu_high"),
        ["cpu_percent=100.0", "threshold=85.0"]
    );
    assert_eq!(
        of(&hot, "storage_low"),
        ["slot=primary", "used_percent=100.0", "threshold=90.0"]
    );
    let fell = Watched::on_air().shows(State::Idle).after(1500).judge();
    assert_eq!(
        of(&fell, "stream_stopped"),
        ["stream_state=idle", "lasted_seconds=1.5"]
    );
    let raised = status(|status| {
        status.alarms = vec![alarm(
            "media_full",
            AlarmCategory::Storage,
            Severity::Warning,
        )];
    });
    let raised = Watched::new().reports(raised).after(2000).judge();
    assert_eq!(
        of(&raised, "media_full"),
        [
            "alarm=media_full",
            "category=storage",
            "raised_as=warning",
            "lasted_seconds=2.0"
        ]
    );
}

#[test]
fn a_danger_below_the_warning_is_the_warning() {
    let mut watched = Watched::new().reports(extreme(false));
    watched.policy.config.temperature_celsius = 95.0;
    let hot = status(|status| status.system.temperature = Some(Celsius(94.0)));
    let judged = watched.reports(hot).judge();
    assert!(judged.issues.is_empty(), "{judged:?}");
    assert!(judged.parts.system > Some(Health::new(60.0)));
}
