//! Every way to be refused.

use encoder_aja::simulator::{Fault, FaultKind};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Answer, Setup, Station};
use reqwest::Method;
use serde_json::{Value, json};

/// Checks the form of a problem document.
fn problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let body = &answer.body;
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status);
    for field in ["type", "title", "detail", "instance"] {
        assert!(body[field].is_string(), "no {field} in {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_told_apart() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let send = async |kind: &str, body: String| {
        let path = "/api/streams/init";
        station.client.send(Method::POST, path, kind, body).await
    };
    problem(
        &send("application/json", "{".into()).await,
        400,
        "malformed_request",
    );
    problem(
        &send("text/plain", "{}".into()).await,
        415,
        "unsupported_media_type",
    );
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
    problem(&send("application/json", long).await, 413, "body_too_large");
    let nowhere = station.client.get("/api/nothing").await;
    problem(&nowhere, 404, "not_found");
    let method = station.client.delete("/api/streams").await;
    problem(&method, 405, "method_not_allowed");
    problem(
        &station.client.get("/api/streams/str_x").await,
        404,
        "not_found",
    );
    problem(
        &station.client.get("/api/encoders/helo-9").await,
        404,
        "not_found",
    );
    problem(
        &station.client.get("/api/streams?limit=0").await,
        422,
        "validation_failed",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_is_in_one_answer() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let body = json!({
        "resolution": "1000x1000", "bitrate": 50_000_000, "fps": 500,
        "destination": {"url": "http://ingest.example/live", "stream_key": "short"},
    });
    let answer = station.client.post("/api/streams/init", &body).await;
    problem(&answer, 422, "validation_failed");
    let fields = answer.fields();
    for field in [
        "resolution",
        "bitrate",
        "destination.url",
        "destination.stream_key",
    ] {
        assert!(fields.contains(&field), "no {field} in {fields:?}");
    }
    for error in answer.body["errors"].as_array().unwrap() {
        assert!(
            error["code"].is_string() && error["message"].is_string(),
            "{error}"
        );
    }
    let body = json!({"bitrate": "much", "speed": 3});
    let answer = station.client.post("/api/streams/init", &body).await;
    problem(&answer, 422, "validation_failed");
    let fields = answer.fields();
    for field in ["resolution", "bitrate", "fps", "speed"] {
        assert!(fields.contains(&field), "no {field} in {fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_of_the_encoder_is_named() {
    let station = Station::open(Setup::quick(1, Personality::Takeover)).await;
    let mut body = station.request(Protection::None);
    body["fps"] = json!(25);
    let answer = station.client.post("/api/streams/init", &body).await;
    problem(&answer, 422, "validation_failed");
    assert_eq!(answer.fields(), ["fps"]);
    let error = &answer.body["errors"][0];
    assert!(
        error["message"].as_str().unwrap().contains("60, 30, 15"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn full_fleet_is_503_with_the_reason_of_each_encoder() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    station.live(&station.request(Protection::Warm)).await;
    let mut body = station.request(Protection::None);
    body["encoder_id"] = Value::Null;
    let answer = station.client.post("/api/streams/init", &body).await;
    problem(&answer, 503, "no_encoder_available");
    let mut fields = answer.fields();
    fields.sort_unstable();
    assert_eq!(fields, ["helo-1", "helo-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_409() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let client = &station.client;
    let twice = json!({"encoder_id": "helo-1", "address": "http://127.0.0.1:9"});
    problem(
        &client.post("/api/encoders", &twice).await,
        409,
        "already_exists",
    );
    problem(
        &client.delete("/api/encoders/helo-1").await,
        409,
        "conflict",
    );
    let there = json!({"to": "helo-1"});
    let path = format!("/api/streams/{id}/failover");
    problem(&client.post(&path, &there).await, 409, "conflict");
    client.delete(&format!("/api/streams/{id}")).await;
    problem(&client.post(&path, &json!({})).await, 409, "conflict");
    assert_eq!(client.delete("/api/encoders/helo-1").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn encoder_on_air_is_drained_before_it_is_removed() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let answer = station
        .client
        .delete("/api/encoders/helo-1?drain=true")
        .await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    let stream = station.client.get(&format!("/api/streams/{id}")).await.body;
    assert_eq!(stream["primary"]["encoder_id"], "helo-2");
    encoder_tests::until("one publisher", async || {
        station.devices.on_air() == ["helo-2"]
    })
    .await;
    let list = station.client.get("/api/encoders").await.body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_answer_wrongly_or_not_at_all_are_502_and_504() {
    let station = Station::open(Setup::quick(3, Personality::Takeover)).await;
    let control = async |number: usize, body: Value| {
        let path = format!("/api/encoders/helo-{number}/control");
        station.client.post(&path, &body).await
    };
    let set = |kind| Fault::new(kind).on_action("set");
    station.devices.nth(1).inject(FaultKind::WrongJson);
    let answer = control(1, json!({"action": "start_recording"})).await;
    problem(&answer, 502, "device_protocol");
    assert_eq!(answer.body["encoder_id"], "helo-1");
    station.devices.nth(2).inject(set(FaultKind::Hang));
    let answer = control(2, json!({"action": "start_recording"})).await;
    problem(&answer, 504, "device_unreachable");
    // What the device takes and does not keep is found by reading it back.
    station.devices.nth(3).inject(FaultKind::SetNotApplied);
    let wish = json!({"action": "select_input", "video": "sdi"});
    let answer = control(3, wish.clone()).await;
    problem(&answer, 502, "device_rejected");
    station.devices.nth(3).clear_faults();
    let answer = control(3, wish).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["accepted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_say_how_many_and_when() {
    let settings = json!({"limits": {"key": {"control_per_minute": 2, "read_per_minute": 100}}});
    let setup = Setup::quick(1, Personality::Takeover);
    let station = Station::open_with(setup, settings).await;
    let post = async || station.client.post("/api/streams/init", &json!({})).await;
    for left in ["r=1", "r=0"] {
        let answer = post().await;
        assert_eq!(answer.status, 422);
        let limit = answer.header("ratelimit").unwrap();
        assert!(limit.contains(left), "{limit}");
        assert!(
            answer
                .header("ratelimit-policy")
                .unwrap()
                .contains("q=2;w=60")
        );
    }
    let refused = post().await;
    problem(&refused, 429, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        station.client.get("/api/streams").await.status,
        200,
        "reading has its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_have_a_tighter_limit() {
    let settings = json!({"limits": {"failed_auth_per_minute": 3}});
    let setup = Setup::quick(1, Personality::Takeover);
    let station = Station::open_with(setup, settings).await;
    let stranger = station.client.with_key(None);
    for _ in 0..3 {
        problem(&stranger.get("/api/streams").await, 401, "key_missing");
    }
    let refused = stranger.get("/api/streams").await;
    problem(&refused, 429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        station.client.get("/api/streams").await.status,
        200,
        "others are let in"
    );
}
