use serde_json::{Value, json};

use super::*;

fn computed(name: &str, arguments: Value) -> Result<Value> {
    let answer = compute(name, &arguments.to_string())?;
    Ok(serde_json::from_str(&answer).unwrap())
}

#[test]
fn a_request_is_filled_in_or_refused_with_every_reason() {
    let request = json!({"resolution": "1920x1080", "bitrate": 5_000_000, "fps": 30,
        "destination": {"url": "rtmp://ingest.example/live"}});
    let valid = computed("validate_stream", json!({"request": request})).unwrap();
    assert_eq!(valid["protection"], "warm");
    assert_eq!(valid["warnings"][0]["recommended"], 8_000_000);
    let wrong = json!({"resolution": "1x1", "bitrate": 5, "fps": 30});
    let error = computed("validate_stream", json!({"request": wrong})).unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|one| &one.field).collect();
    assert_eq!(fields, ["resolution", "bitrate", "destination.url"]);
}

#[test]
fn the_balancers_choose_from_rows() {
    let rows = json!([
        {"encoder_id": "a", "site": "north", "health": 90},
        {"encoder_id": "b", "site": "north", "health": 80},
        {"encoder_id": "c", "site": "south", "health": 70},
    ]);
    for policy in [
        "weighted",
        "least_loaded",
        "power_of_two",
        "round_robin",
        "rendezvous",
    ] {
        let wish = json!({"policy": policy, "fleet": rows, "demand": {"backup": true, "key": "s"}});
        let chosen = computed("select_encoders", wish).unwrap();
        assert_ne!(chosen["primary"], chosen["backup"], "{policy}");
    }
    let nobody = computed("select_encoders", json!({"fleet": []})).unwrap();
    assert!(nobody.is_null());
}

#[test]
fn health_follows_from_observations() {
    let unknown = computed("assess_health", json!({"observations": []})).unwrap();
    assert_eq!(
        (&unknown["verdict"], &unknown["health"]),
        (&json!("unknown"), &Value::Null)
    );
    let seen = json!([
        {"age_seconds": 1, "contact": {"outcome": "answered", "latency_ms": 10}},
        {"age_seconds": 1, "status": {"stream_state": "idle", "system": {"temperature": 85}}},
    ]);
    let hot = computed("assess_health", json!({"observations": seen})).unwrap();
    assert_eq!(hot["issues"][0]["code"], "temperature_high");
    let cool = json!({"observations": seen, "policy": "connection"});
    assert_eq!(
        computed("assess_health", cool).unwrap()["issues"],
        json!([])
    );
}

#[test]
fn heat_and_repairs_are_the_managers() {
    assert_eq!(computed("heat", json!({"temperature": 62})).unwrap(), 62.0);
    assert!(computed("heat", json!({})).unwrap().is_null());
    let incident = json!({"incident_id": "inc_1", "stream_id": "s", "encoder_id": "a", "cause": "stream_stopped",
        "severity": "critical", "reachable": true, "may_fail_over": false, "backup_ready": false,
        "serves_files": false, "restart_estimate_seconds": 2, "switch_estimate_seconds": 2,
        "since": "2026-11-26T00:00:00.000Z"});
    let step = computed("next_step", json!({"incident": incident})).unwrap();
    assert_eq!(step["step"], "start_in_place", "{step}");
}

#[test]
fn settings_are_checked() {
    let defaults = computed("default_config", json!({})).unwrap();
    let same = computed("check_config", json!({"config": defaults})).unwrap();
    assert_eq!(same, defaults);
    let error = computed(
        "check_config",
        json!({"config": {"watch": {"timout_ms": 5}}}),
    )
    .unwrap_err();
    assert!(error.message().contains("config.watch"), "{error}");
}

#[test]
fn every_function_names_what_is_wrong() {
    for name in COMPUTATIONS {
        for arguments in ["[]", "7", "{", "null", r#"{"no_such_field":1}"#, ""] {
            let error = compute(name, arguments).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::ValidationFailed,
                "{name}({arguments})"
            );
            assert!(error.message().starts_with(name), "{error}");
        }
    }
    let unknown = compute("rm", "{}").unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Unsupported);
}
