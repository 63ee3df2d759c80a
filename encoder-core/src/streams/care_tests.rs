use serde_json::json;

use super::*;

fn id(name: &str) -> EncoderId {
    EncoderId::try_new(name).unwrap()
}

/// A stream on `a` with the backup `b` that moves to `c`.
fn moving() -> StreamRecord {
    let now = "2026-11-26T08:00:00.000Z";
    let part = |name: &str| json!({"encoder_id": name, "slot": "main"});
    let record = json!({
        "id": "str_1", "name": null, "labels": {},
        "config": {"resolution": "1920x1080", "bitrate": 8_000_000, "fps": 30,
            "keyframe_interval_seconds": 2, "audio_bitrate": 128_000},
        "destination": {"url": "rtmp://ingest.example/live", "backup_url": null,
            "personality": "takeover", "idle_timeout_seconds": null},
        "stream_key": "abcdefghij", "protection": "warm", "state": "failing_over",
        "primary": part("a"), "backup": part("b"), "fences": [], "drill": null, "history": [],
        "failover": {
            "incident_id": "inc_1", "trigger": "automatic", "reason": "device_silent",
            "from": "a", "from_slot": "main", "to": "c", "to_slot": "main",
            "order": "start_first", "phase": "start", "evidence_at": now, "decided_at": now,
            "timings": [], "return_to": null,
        },
        "failure": null, "created_at": now, "live_at": now, "updated_at": now,
    });
    serde_json::from_value(record).unwrap()
}

#[test]
fn a_stream_relies_on_its_primary_its_target_and_a_backup_that_could_take_over() {
    let record = moving();
    let needed = |ready| ["a", "b", "c", "d"].map(|name| relies_on(&record, ready, &id(name)));
    assert_eq!(needed(true), [true, true, true, false]);
    assert_eq!(needed(false), [true, false, true, false]);
}
