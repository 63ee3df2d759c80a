use super::*;

/// Codes that tell what was done about trouble. A repair that failed counts as a failed recovery.
const UNMATCHED: [&str; 4] = [
    "recording_switched",
    "repair_failed",
    "adapted",
    "remediation_proposed",
];
/// Beginning of the codes about certificates, which are no errors of encoders and streams.
const OF_CERTIFICATES: &str = "certificate_";

fn extended(json: &str) -> std::result::Result<Patterns, String> {
    let mut patterns = Patterns::built_in();
    patterns.extend(json).map(|()| patterns)
}

#[test]
fn every_issue_code_has_a_pattern_or_is_left_out_on_purpose() {
    let source = include_str!("../../model/health.rs");
    let codes: Vec<_> = source
        .lines()
        .filter(|line| line.trim_start().starts_with("pub const "))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(codes.len() >= 20, "{codes:?}");
    let patterns = Patterns::built_in();
    let unknown: Vec<_> = codes
        .into_iter()
        .filter(|code| patterns.find("health_update", code, "").is_none())
        .filter(|code| !UNMATCHED.contains(code) && !code.starts_with(OF_CERTIFICATES))
        .collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn no_code_belongs_to_two_built_in_patterns() {
    let patterns = Patterns::built_in();
    let codes = patterns.all().iter().flat_map(|p| &p.matches.codes);
    let mut codes: Vec<_> = codes.collect();
    let count = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), count);
}

#[test]
fn every_named_trouble_is_built_in() {
    let patterns = Patterns::built_in();
    for id in [
        "video_signal_loss",
        "storage_corruption",
        "recording_failure",
        "network_timeout",
        "stream_key_rejected",
        "audio_loss",
        "thermal_warning",
        "bitrate_unstable",
        "ntp_failure",
        "encoder_reboot_loop",
        "ingest_unreachable",
        "session_lost",
    ] {
        let pattern = patterns.get(id).expect(id);
        assert!(!pattern.impact.is_empty() && !pattern.suggested_actions.is_empty());
    }
}

#[test]
fn message_is_more_telling_than_a_code() {
    let patterns = Patterns::built_in();
    let text = "rtmp://x refused the stream: its key is unknown or taken";
    let of = |code, text| {
        patterns
            .find("health_update", code, text)
            .unwrap()
            .id
            .clone()
    };
    assert_eq!(of("streaming_failed", text), "stream_key_rejected");
    assert_eq!(of("streaming_failed", "no way to x"), "ingest_unreachable");
}

#[test]
fn file_changes_a_pattern_field_by_field() {
    let json = r#"{"patterns": [{"id": "audio_loss", "severity": "critical"}]}"#;
    let patterns = extended(json).unwrap();
    let pattern = patterns.get("audio_loss").unwrap();
    assert_eq!(pattern.severity, Severity::Critical);
    assert!(pattern.matches.codes.contains(&"no_audio_input".to_owned()));
    let off = extended(r#"{"patterns": [{"id": "audio_loss", "enabled": false}]}"#).unwrap();
    assert!(off.find("health_update", "no_audio_input", "").is_none());
}

#[test]
fn patterns_of_the_operator_come_first_and_may_ask_for_an_event() {
    let json = r#"{"patterns": [{"id": "mine", "title": "Mine", "severity": "info",
        "matches": {"codes": ["device_silent"], "events": ["stream_error"]}}]}"#;
    let patterns = extended(json).unwrap();
    let of = |event| &patterns.find(event, "device_silent", "").unwrap().id;
    assert_eq!(of("stream_error"), "mine");
    assert_eq!(of("health_update"), "network_timeout");
}

#[test]
fn every_fault_of_a_file_names_its_entry() {
    for (json, said) in [
        ("{", "EOF"),
        (
            r#"{"patterns": [{"id": "a", "titel": "x"}]}"#,
            "pattern 1 (a): unknown field `titel`",
        ),
        (
            r#"{"patterns": [{"title": "x"}]}"#,
            "pattern 1 (without id): ",
        ),
        (
            r#"{"patterns": [{"id": "a", "title": "x"}]}"#,
            "needs `severity`",
        ),
        (
            r#"{"patterns": [{"id": "a b", "title": "x", "severity": "info",
            "matches": {"codes": ["x"]}}]}"#,
            "`id` must be",
        ),
        (
            r#"{"patterns": [{"id": "a", "title": "x", "severity": "info", "matches": {}}]}"#,
            "needs `codes`",
        ),
        (
            r#"{"patterns": [{"id": "audio_loss", "matches": {"messages": [""]}}]}"#,
            "everything",
        ),
        (
            r#"{"patterns": [{"id": "audio_loss", "causes": {"site": 1.5}}]}"#,
            "is 1.5",
        ),
        (
            r#"{"patterns": [{"id": "audio_loss", "causes": {"moon": 1}}]}"#,
            "moon",
        ),
        (
            r#"{"patterns": [{"id": "nothing", "enabled": false}]}"#,
            "switch off",
        ),
    ] {
        let fault = extended(json).unwrap_err();
        assert!(fault.contains(said), "{json}: {fault}");
    }
}

#[test]
fn wrong_file_is_a_configuration_error_that_names_it() {
    let config = ErrorsConfig {
        patterns: Some("nowhere/patterns.json".into()),
        ..ErrorsConfig::default()
    };
    let error = Patterns::load(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.message().contains("nowhere/patterns.json"));
}
