//! Every alarm of a HELO, raised on the device, arrives as an issue with its code, its severity and
//! its evidence.

#![allow(clippy::unwrap_used, reason = "a failing step fails its test")]

mod driver_support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driver_support::{PATIENCE, next, pair};
use encoder_aja::simulator::{FaultKind, catalogue};
use encoder_core::health::{DirectPolicy, HealthPolicy, History, HistoryConfig};
use encoder_core::model::{Assessment, DeviceStreamState, EncoderStatus, Severity, Timestamp};
use encoder_core::{DeviceEvent, EncoderDriver};

/// Alarms that tell of danger; all others but the notes below are warnings.
const CRITICAL: [&str; 9] = [
    "hardware_error",
    "software_error",
    "storage_removed_while_recording",
    "near_over_temperature",
    "no_video_input",
    "safeboot",
    "streaming_failed",
    "network_name_not_found",
    "network_too_slow",
];
const NOTES: [&str; 2] = ["scheduled_event_active", "scheduled_event_canceled"];

/// What the device says of itself when every alarm is raised.
async fn everything_raised() -> EncoderStatus {
    let (helo, driver) = pair().await;
    let mut events = driver.events();
    let mut status = EncoderStatus::default();
    let names: Vec<_> = catalogue()
        .iter()
        .filter(|(_, known)| known.alarm.is_some())
        .map(|(_, known)| known.wire_id())
        .collect();
    assert_eq!(names.len(), 63);
    for name in names {
        helo.inject(FaultKind::Alarm { name });
    }
    let begun = Instant::now();
    while status.alarms.len() < 63 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", status.alarms);
        match next(&mut events).await {
            DeviceEvent::Snapshot(whole) => status = *whole,
            DeviceEvent::Changed(change) => status.apply(change),
            other => panic!("{other:?}"),
        }
    }
    status
}

/// The conclusion a second after the status.
fn judge(status: EncoderStatus, publishing: bool) -> Assessment {
    let now = Instant::now();
    let mut history = History::new(HistoryConfig::default(), now, Timestamp::from_millis(0));
    history.intend_publishing(now, publishing);
    history.record_status(now, status);
    DirectPolicy::default().assess(&history, now + Duration::from_secs(1))
}

fn raised_as(code: &str) -> &'static str {
    match code {
        code if CRITICAL.contains(&code) => "critical",
        code if NOTES.contains(&code) => "info",
        _ => "warning",
    }
}

#[tokio::test]
async fn each_of_the_63_alarms_becomes_an_issue_with_severity_and_evidence() {
    let status = everything_raised().await;
    let codes: Vec<_> = status
        .alarms
        .iter()
        .map(|alarm| alarm.code.clone())
        .collect();
    let resting = judge(status, false);
    let issues: BTreeMap<_, _> = resting
        .issues
        .iter()
        .map(|issue| (issue.code.as_str().to_owned(), issue))
        .collect();
    for code in codes {
        let issue = issues
            .get(&code)
            .unwrap_or_else(|| panic!("no issue {code}"));
        let raised = raised_as(&code);
        let severity = match raised {
            "info" => Severity::Info,
            // Nobody is off air on a device that rests.
            _ => Severity::Warning,
        };
        assert_eq!(issue.severity, severity, "{code}");
        let has = |figure: &str| issue.evidence.iter().any(|known| known == figure);
        assert!(has(&format!("alarm={code}")), "{issue:?}");
        assert!(has(&format!("raised_as={raised}")), "{issue:?}");
        assert!(has("lasted_seconds=1.0"), "{issue:?}");
        assert_eq!(issue.since, Timestamp::from_millis(0));
    }
}

#[tokio::test]
async fn on_air_an_alarm_of_stream_or_input_keeps_its_weight() {
    let mut status = everything_raised().await;
    status.stream_state = DeviceStreamState::Streaming;
    let judged = judge(status, true);
    let severity = |code: &str| {
        let mut issues = judged.issues.iter();
        issues
            .find(|issue| issue.code.as_str() == code)
            .unwrap()
            .severity
    };
    assert_eq!(severity("streaming_failed"), Severity::Critical);
    assert_eq!(severity("dropped_frames"), Severity::Warning);
    assert_eq!(
        severity("hardware_error"),
        Severity::Warning,
        "it streams all the same"
    );
    assert_eq!(judged.parts.storage.map(|part| part.value()), Some(0.0));
}
