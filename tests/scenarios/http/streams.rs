//! Streams from their start to their end.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{KEY, Setup, Station, URL};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn accepted_stream_is_answered_with_every_field_and_goes_live() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let mut body = station.request(Protection::Warm);
    body["bitrate"] = json!(5_000_000);
    body["name"] = json!("Council meeting");
    body["labels"] = json!({"room": "A"});
    let answer = station.client.post("/api/streams/init", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let stream = &answer.body;
    let id = stream["stream_id"].as_str().unwrap();
    assert!(id.starts_with("str_"), "{id}");
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/streams/{id}").as_str())
    );
    assert_eq!(stream["stream_key"], KEY);
    assert_eq!(stream["rtmp_url"], URL);
    assert_eq!(stream["state"], "starting");
    assert_eq!(
        stream["primary"],
        json!({"encoder_id": "helo-1", "state": "starting"})
    );
    assert_eq!(stream["backup"]["encoder_id"], "helo-2");
    assert_eq!(stream["protection"], "warm");
    assert_eq!(stream["config"]["resolution"], "1920x1080");
    assert_eq!(stream["config"]["bitrate"], 5_000_000);
    assert_eq!(stream["config"]["fps"], 29.97);
    let warning = &stream["warnings"][0];
    assert_eq!(warning["field"], "bitrate");
    assert_eq!(warning["code"], "below_recommended");
    assert_eq!(warning["recommended"], 8_000_000);
    let created = stream["created_at"].as_str().unwrap();
    assert!(created.ends_with('Z') && created.len() == "2026-11-23T08:00:00.000Z".len());
    let live = station
        .until_stream(id, "live", |s| s["state"] == "live")
        .await;
    assert_ne!(
        live["stream_key"], KEY,
        "it is shown to whoever started it, and once"
    );
    let path = format!("/api/streams/{id}?reveal=key");
    assert_eq!(station.client.get(&path).await.body["stream_key"], KEY);
    let reader = station.client.with_key(Some(&station.key("read", 1).await));
    assert_eq!(reader.get(&path).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_live_answers_when_the_device_streams() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let body = station.request(Protection::Cold);
    let answer = station
        .client
        .post("/api/streams/init?wait=live", &body)
        .await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (201, &json!("live"))
    );
    assert_eq!(station.devices.on_air(), ["helo-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_in_vain_is_504_and_releases_the_stream() {
    let settings = json!({"limits": {"wait_live_seconds": 1.5}});
    let setup = Setup::quick(1, Personality::Takeover);
    let station = Station::open_with(setup, settings).await;
    station.devices.nth(1).inject(FaultKind::StreamNeverStarts);
    let body = station.request(Protection::None);
    let answer = station
        .client
        .post("/api/streams/init?wait=live", &body)
        .await;
    assert_eq!(answer.status, 504, "{}", answer.text);
    assert_eq!(answer.body["code"], "deadline_exceeded");
    let streams = station.client.get("/api/streams").await.body;
    let state = streams["items"][0]["state"].as_str();
    assert!(matches!(state, Some("stopped" | "failed")), "{streams}");
    station.devices.nth(1).clear_faults();
    let again = station
        .client
        .post("/api/streams/init?wait=live", &body)
        .await;
    assert_eq!(
        again.status, 201,
        "the encoder is free again: {}",
        again.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_has_no_invented_figures() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let path = format!("/api/streams/{id}/health");
    encoder_tests::until("healthy", async || {
        let health = station.client.get(&path).await.body;
        health["status"] == "healthy" && health["temperature"].is_number()
    })
    .await;
    let health = station.client.get(&path).await.body;
    for field in ["cpu_usage", "memory_usage", "dropped_frames"] {
        assert!(health.as_object().unwrap().contains_key(field), "{field}");
        assert_eq!(health[field], Value::Null, "a HELO has no {field}");
    }
    assert!(health["health_score"].as_f64().unwrap() > 50.0);
    assert_eq!(health["encoder_id"], "helo-1");
    assert_eq!(
        health["backup"],
        json!({"encoder_id": "helo-2", "ready": true, "reasons": []})
    );
    assert!(health["sequence"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_configuration_reaches_both_encoders() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let path = format!("/api/streams/{id}/config");
    let answer = station
        .client
        .put(&path, &json!({"bitrate": 6_000_000}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["bitrate"], 6_000_000);
    let backup = &answer.body["backup"];
    assert!(
        backup["ready"] == true || !backup["reasons"].as_array().unwrap().is_empty(),
        "{backup}"
    );
    station
        .until_stream(&id, "live again", |s| {
            s["state"] == "live" && s["backup"]["ready"] == true
        })
        .await;
    for number in [1, 2] {
        let device = station.devices.nth(number).device();
        assert_eq!(device.get("StreamingVideoBitrate").as_deref(), Some("6000"));
    }
    // A HELO takes no settings on air, so the backup takes over with them.
    assert_eq!(station.completed(&id).await, 1);
    let stream = station.client.get(&format!("/api/streams/{id}")).await.body;
    assert_eq!(stream["primary"]["encoder_id"], "helo-2");
    encoder_tests::until("the backup was seen to hold the settings", async || {
        let overview = station.client.get("/api/monitoring/streams/health").await;
        overview.body[&id]["last_config_sync"].as_str() > stream["created_at"].as_str()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_condition_changes_nothing() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let shown = station.client.get(&format!("/api/streams/{id}")).await;
    let tag = shown.header("etag").unwrap().to_owned();
    let path = format!("/api/streams/{id}/config");
    let stale = station.client.with_header("if-match", "\"1\"");
    let answer = stale.put(&path, &json!({"bitrate": 6_000_000})).await;
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (412, &json!("revision_mismatch"))
    );
    let current = station.client.with_header("if-match", tag.clone());
    let answer = current.put(&path, &json!({"bitrate": 6_000_000})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.header("etag"), Some(tag.as_str()));
    let answer = current.put(&path, &json!({"bitrate": 7_000_000})).await;
    assert_eq!(answer.status, 412, "the tag is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_by_hand_is_accepted_done_and_told() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let path = format!("/api/streams/{id}/failover");
    let answer = station
        .client
        .post(&path, &json!({"reason": "rehearsal"}))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let incident = answer.body["incident_id"].as_str().unwrap().to_owned();
    assert!(incident.starts_with("inc_"));
    station
        .until_stream(&id, "moved", |s| {
            s["state"] == "live" && s["primary"]["encoder_id"] == "helo-2"
        })
        .await;
    encoder_tests::until("told", async || station.completed(&id).await == 1).await;
    let timeline = station
        .client
        .get(&format!("/api/streams/{id}/timeline"))
        .await
        .body;
    let items = timeline["items"].as_array().unwrap();
    let done = items
        .iter()
        .find(|e| e["transition"] == "failover_completed")
        .unwrap();
    assert_eq!(done["incident_id"], incident.as_str());
    let phases: Vec<_> = done["phases"].as_array().unwrap().iter().collect();
    let names: Vec<_> = phases
        .iter()
        .map(|p| p["phase"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["detect", "decide", "start", "confirm"]);
    assert!(phases.iter().all(|p| p["elapsed_ms"].is_u64()));
    let decided = items
        .iter()
        .find(|e| e["transition"] == "failover_decided")
        .unwrap();
    assert!(decided["message"].as_str().unwrap().contains("rehearsal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn drill_returns_to_the_original_encoder() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let answer = station
        .client
        .post(&format!("/api/streams/{id}/drill"), &json!({}))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    encoder_tests::until("there and back", async || station.completed(&id).await == 2).await;
    let stream = station.client.get(&format!("/api/streams/{id}")).await.body;
    assert_eq!(stream["primary"]["encoder_id"], "helo-1");
    assert_eq!(station.devices.times(1, IngestChange::Accepted), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_twice_gives_the_same_final_record() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let path = format!("/api/streams/{id}");
    let first = station.client.delete(&path).await;
    assert_eq!(
        (first.status, &first.body["state"]),
        (200, &json!("stopped"))
    );
    assert_eq!(station.devices.on_air(), [""; 0]);
    let second = station.client.delete(&path).await;
    assert_eq!((second.status, &second.body), (200, &first.body));
    let balancer = station
        .client
        .get("/api/monitoring/load-balancer")
        .await
        .body;
    for row in balancer["encoders"].as_array().unwrap() {
        assert_eq!(row["streams"], 0, "{row}");
    }
    assert_eq!(
        station
            .client
            .delete("/api/streams/str_nobody")
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_key_gives_the_first_answer_after_a_restart_too() {
    let mut station = Station::open(Setup::quick(4, Personality::Takeover)).await;
    let mut body = station.request(Protection::None);
    body["encoder_id"] = Value::Null;
    let once = station.client.with_header("idempotency-key", "order-66");
    let first = once.post("/api/streams/init", &body).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let same = once.post("/api/streams/init", &body).await;
    assert_eq!((same.status, &same.body), (201, &first.body));
    station.kill().await;
    station.start_again().await;
    let once = station.client.with_header("idempotency-key", "order-66");
    let after = once.post("/api/streams/init", &body).await;
    assert_eq!((after.status, &after.body), (201, &first.body));
    body["name"] = json!("another one");
    let reused = once.post("/api/streams/init", &body).await;
    assert_eq!(reused.status, 409);
    assert_eq!(reused.body["code"], "idempotency_key_reused");
    let streams = station.client.get("/api/streams").await.body;
    assert_eq!(streams["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_at_once_with_one_idempotency_key_start_one_stream() {
    let station = Station::open(Setup::quick(3, Personality::Takeover)).await;
    let mut body = station.request(Protection::None);
    body["encoder_id"] = Value::Null;
    let once = station.client.with_header("idempotency-key", "twins");
    let (one, two) = tokio::join!(
        once.post("/api/streams/init?wait=live", &body),
        once.post("/api/streams/init?wait=live", &body)
    );
    assert_eq!(
        (one.status, two.status),
        (201, 201),
        "{} {}",
        one.text,
        two.text
    );
    assert_eq!(one.body, two.body);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(station.devices.on_air().len(), 1);
}
