//! Histories stay bounded and policies stay in range, whatever a device does.

use std::time::{Duration, Instant};

use encoder_core::health::{
    Composite, ConnectionPolicy, ContactOutcome, DirectPolicy, HealthPolicy, History, HistoryConfig,
};
use encoder_core::model::{
    Alarm, AlarmCategory, Celsius, DeviceStreamState, EncoderStatus, InputSignal, MediumReadings,
    Severity, Timestamp, Verdict,
};
use encoder_core::{ErrorKind, StatusChange};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Happening {
    Contact(ContactOutcome),
    Status(Box<EncoderStatus>),
    Change(DeviceStreamState),
    Intend(bool),
    Afresh,
}

fn stream_state() -> impl Strategy<Value = DeviceStreamState> {
    use DeviceStreamState::*;
    prop::sample::select(vec![
        Unknown,
        Initialising,
        Idle,
        Starting,
        Streaming,
        FailingIdle,
        Failing,
        ShuttingDown,
    ])
}

fn outcome() -> impl Strategy<Value = ContactOutcome> {
    let kind = prop::sample::select(ErrorKind::ALL.to_vec());
    prop_oneof![
        any::<u32>().prop_map(|millis| ContactOutcome::Answered {
            latency: Duration::from_millis(millis.into()),
        }),
        Just(ContactOutcome::Spoke),
        kind.prop_map(|kind| ContactOutcome::Failed { kind }),
    ]
}

fn alarm() -> impl Strategy<Value = Alarm> {
    let codes = vec![
        "streaming_failed",
        "no_video_input",
        "dropped_frames",
        "other",
    ];
    let categories = vec![
        AlarmCategory::Stream,
        AlarmCategory::Input,
        AlarmCategory::Thermal,
    ];
    let severities = vec![Severity::Info, Severity::Warning, Severity::Critical];
    let parts = (
        prop::sample::select(codes),
        prop::sample::select(categories),
        prop::sample::select(severities),
        ".{0,300}",
    );
    parts.prop_map(|(code, category, severity, message)| Alarm {
        code: code.to_owned(),
        category,
        severity,
        message,
    })
}

fn medium() -> impl Strategy<Value = MediumReadings> {
    let parts = (
        option::of(any::<bool>()),
        option::of(any::<u8>()),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
    );
    parts.prop_map(
        |(mounted, free_percent, free_bytes, total_bytes)| MediumReadings {
            mounted,
            free_percent,
            free_bytes,
            total_bytes,
            ..Default::default()
        },
    )
}

prop_compose! {
    fn status()(
        stream_state in stream_state(),
        input in option::of(any::<bool>()),
        cpu in option::of(any::<f64>()),
        memory in option::of(any::<f64>()),
        temperature in option::of(any::<f64>()),
        media in vec(medium(), 0..3),
        alarms in vec(alarm(), 0..3),
    ) -> EncoderStatus {
        let mut status = EncoderStatus { stream_state, media, alarms, ..Default::default() };
        status.input = input.map(|present| InputSignal { present, ..Default::default() });
        status.system.cpu_percent = cpu;
        status.system.memory_percent = memory;
        status.system.temperature = temperature.map(Celsius);
        status
    }
}

fn odd_number() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
}

fn happenings() -> impl Strategy<Value = Vec<(u64, Happening)>> {
    let happening = prop_oneof![
        6 => outcome().prop_map(Happening::Contact),
        3 => status().prop_map(|status| Happening::Status(Box::new(status))),
        2 => stream_state().prop_map(Happening::Change),
        2 => any::<bool>().prop_map(Happening::Intend),
        1 => Just(Happening::Afresh),
    ];
    vec((0..5000_u64, happening), 0..60)
}

/// A history that went through it all, small enough to overflow.
fn history(happenings: Vec<(u64, Happening)>) -> (History, Instant) {
    let mut config = HistoryConfig::default();
    (config.contacts, config.temperatures, config.loads) = (8, 4, 4);
    let mut now = Instant::now();
    let mut history = History::new(config, now, Timestamp::from_millis(0));
    for (millis, happening) in happenings {
        now += Duration::from_millis(millis);
        match happening {
            Happening::Contact(outcome) => history.record_contact(now, outcome),
            Happening::Status(status) => history.record_status(now, *status),
            Happening::Change(state) => {
                history.record_change(now, StatusChange::StreamState(state));
            }
            Happening::Intend(intended) => history.intend_publishing(now, intended),
            Happening::Afresh => history.start_afresh(),
        }
    }
    (history, now)
}

proptest! {
    #[test]
    fn histories_are_bounded_and_consistent(happenings in happenings()) {
        let (history, now) = history(happenings);
        prop_assert!(history.contacts().len() <= 8);
        prop_assert!(history.temperatures().count() <= 4);
        prop_assert!(history.loads().count() <= 4);
        prop_assert!(history.silence().all(|contact| !contact.outcome.is_alive()));
        prop_assert_eq!(history.status().is_some(), history.stream_state_since().is_some());
        prop_assert!(history.stream_state_since().is_none_or(|since| since <= now));
        if history.streamed_since_intended() {
            prop_assert!(history.publishing_intended_since().is_some());
        }
        if let Some(status) = history.status() {
            for alarm in &status.alarms {
                prop_assert!(history.alarm_since(&alarm.code).is_some());
            }
            let lost = status.input.as_ref().is_some_and(|input| !input.present);
            prop_assert_eq!(history.input_lost_since().is_some(), lost);
        }
    }

    #[test]
    fn assessments_stay_in_range_and_never_improve_by_waiting(happenings in happenings()) {
        let (history, now) = history(happenings);
        let policies: [Box<dyn HealthPolicy>; 2] =
            [Box::new(DirectPolicy::default()), Box::new(ConnectionPolicy::default())];
        for policy in policies {
            let mut worst = Verdict::Unknown;
            for seconds in [0, 1, 3, 10, 100_000] {
                let later = policy.assess(&history, now + Duration::from_secs(seconds));
                prop_assert!(later.verdict >= worst);
                worst = later.verdict;
                let parts = later.parts;
                let scores =
                    [later.health, parts.system, parts.stream, parts.storage, parts.connection];
                for score in scores.into_iter().flatten() {
                    prop_assert!((0.0..=100.0).contains(&score.value()));
                }
                prop_assert!(later.health.is_some() || scores.iter().all(Option::is_none));
                let severities = later.issues.iter().map(|issue| issue.severity);
                prop_assert!(severities.is_sorted_by(|a, b| a >= b), "worst first");
            }
        }
    }

    #[test]
    fn together_is_never_better_than_each(happenings in happenings()) {
        let (history, now) = history(happenings);
        let direct = DirectPolicy::default();
        let connection = ConnectionPolicy::default();
        let both = Composite::new(vec![
            std::sync::Arc::new(direct.clone()),
            std::sync::Arc::new(connection.clone()),
        ])
        .assess(&history, now);
        for single in [direct.assess(&history, now), connection.assess(&history, now)] {
            prop_assert!(both.verdict >= single.verdict);
            prop_assert!(single.health.is_none() || both.health <= single.health);
        }
    }

    #[test]
    fn readings_that_are_no_numbers_count_as_absent(status in status(), odd in odd_number()) {
        let judge = |status: &EncoderStatus| {
            let now = Instant::now();
            let mut history = History::new(HistoryConfig::default(), now, Timestamp::from_millis(0));
            history.record_status(now, status.clone());
            DirectPolicy::default().assess(&history, now)
        };
        let mut absent = status.clone();
        absent.system.cpu_percent = None;
        absent.system.temperature = None;
        let mut broken = absent.clone();
        broken.system.cpu_percent = Some(odd);
        broken.system.temperature = Some(Celsius(odd));
        prop_assert_eq!(judge(&broken), judge(&absent));
    }

    #[test]
    fn an_outlook_never_changes_a_conclusion(happenings in happenings()) {
        let (history, now) = history(happenings);
        let policy = ConnectionPolicy::default();
        let (mut assessment, mut connection) =
            (policy.assess(&history, now), policy.connection_health(&history, now));
        let before = assessment.clone();
        policy.outlook(&history, 80.0, now).complete(&mut assessment, &mut connection);
        prop_assert_eq!(
            (assessment.health, assessment.verdict, assessment.parts),
            (before.health, before.verdict, before.parts)
        );
        prop_assert!(connection.stability.is_none_or(|share| (0.0..=1.0).contains(&share)));
    }

    #[test]
    fn connection_figures_are_measured_or_absent(happenings in happenings()) {
        let (history, now) = history(happenings);
        let report = ConnectionPolicy::default().connection_health(&history, now);
        let requests = history.contacts().filter(|contact| contact.is_request());
        prop_assert_eq!(report.error_rate.is_some(), requests.count() > 0);
        prop_assert!(report.error_rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
        let answered = history.contacts().any(|contact| contact.latency().is_some());
        prop_assert_eq!(report.latency_ms.is_some(), answered);
    }
}
