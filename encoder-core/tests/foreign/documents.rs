//! Plain observations that the built-in policies are asked about.

use std::time::Duration;

use encoder_core::ManagerConfig;
use encoder_core::foreign::{ForeignConfig, Observations};
use encoder_core::health::{Composite, HealthPolicy, HistoryConfig};
use encoder_core::model::{Assessment, Timestamp, Verdict};

fn assess(observations: &str) -> Assessment {
    let observations: Observations = serde_json::from_str(observations).unwrap();
    let wall = Timestamp::from_millis(1_700_000_000_000);
    let (history, now) = observations.replay(HistoryConfig::default(), wall);
    assert_eq!(history.wall(now), wall);
    Composite::built_in(&ManagerConfig::default()).assess(&history, now)
}

#[test]
fn observations_lead_to_the_same_conclusions() {
    assert_eq!(assess("[]").verdict, Verdict::Unknown);
    let answered = r#"{"age_seconds": 1, "contact": {"outcome": "answered", "latency_ms": 5}}"#;
    let idle = r#"{"age_seconds": 1, "status": {"stream_state": "idle"}}"#;
    assert_eq!(
        assess(&format!("[{answered}, {idle}]")).verdict,
        Verdict::Healthy
    );
    let failed = |age| {
        let contact = r#"{"outcome": "failed", "error": "device_unreachable"}"#;
        format!(r#"{{"age_seconds": {age}, "contact": {contact}}}"#)
    };
    let silent = format!("[{}, {}, {}]", failed(9), failed(6), failed(4));
    assert_eq!(assess(&silent).verdict, Verdict::Silent);
}

#[test]
fn the_past_is_where_it_was() {
    let observed = r#"[
        {"age_seconds": 90, "publishing_intended": true},
        {"age_seconds": 60, "status": {"stream_state": "streaming", "system": {"temperature": 61}}},
        {"age_seconds": 2, "contact": {"outcome": "spoke"}}
    ]"#;
    let observed: Observations = serde_json::from_str(observed).unwrap();
    let wall = Timestamp::from_millis(1_700_000_000_000);
    let (history, now) = observed.replay(HistoryConfig::default(), wall);
    let age = |at| now.duration_since(at).as_secs();
    assert_eq!(history.publishing_intended_since().map(age), Some(90));
    assert_eq!(history.stream_state_since().map(age), Some(60));
    assert_eq!(
        history
            .contacts()
            .map(|contact| age(contact.at))
            .collect::<Vec<_>>(),
        [2]
    );
    assert!(history.streamed_since_intended());
}

#[test]
fn observations_that_contradict_themselves_are_refused() {
    for (observed, part) in [
        (r#"[{"age_seconds": 1}]"#, "takes one of"),
        (
            r#"[{"age_seconds": 1, "publishing_intended": true, "status": {}}]"#,
            "takes one of",
        ),
        (
            r#"[{"age_seconds": 1, "publishing_intended": true},
                {"age_seconds": 2, "publishing_intended": true}]"#,
            "[1] is older than the one before",
        ),
        (
            r#"[{"age_seconds": -1, "publishing_intended": true}]"#,
            "negative",
        ),
        (
            r#"[{"age_seconds": 1e12, "publishing_intended": true}]"#,
            "century",
        ),
        (
            r#"[{"age_seconds": 1, "contact": {"outcome": "answered"}}]"#,
            "takes `latency_ms`",
        ),
        (
            r#"[{"age_seconds": 1, "contact": {"outcome": "failed", "error": "tired"}}]"#,
            "unknown code `tired`",
        ),
        (
            r#"[{"age_seconds": 1, "contact": {"outcome": "spoke", "error": "x"}}]"#,
            "takes nothing",
        ),
    ] {
        let error = serde_json::from_str::<Observations>(observed).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn deadlines_are_settings() {
    let config: ForeignConfig =
        serde_json::from_str(r#"{"call_deadline_seconds": 2.5, "decide_deadline_ms": 40}"#)
            .unwrap();
    assert_eq!(config.call_deadline, Duration::from_millis(2500));
    assert_eq!(config.decide_deadline, Duration::from_millis(40));
    assert!(serde_json::from_str::<ForeignConfig>(r#"{"deadline": 1}"#).is_err());
}
