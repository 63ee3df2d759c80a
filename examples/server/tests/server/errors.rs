//! Every kind of failure is a problem document of its own status and code.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use encoder_core::ErrorKind;
use encoder_core::testkit::{FakeEncoder, Fault, FaultyDriver, Operation, When};
use serde_json::{Value, json};

use crate::bench::{Bench, fields, good_stream, quiet, request};

#[tokio::test(start_paused = true)]
async fn every_violation_comes_in_one_answer() {
    let bench = Bench::new().await;
    let body = json!({
        "resolution": "10x10", "bitrate": 5, "fps": 30, "name": "",
        "destination": {"url": "http://nowhere", "stream_key": "short"},
    });
    let answer = bench.post("/api/streams/init", body).await;
    let problem = answer.problem(422, "validation_failed");
    let named = fields(&problem);
    for field in [
        "resolution",
        "bitrate",
        "destination.url",
        "destination.stream_key",
    ] {
        assert!(named.contains(&field), "{field} in {named:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_form_and_of_value_come_together() {
    let bench = Bench::new().await;
    let body = json!({
        "resolution": 1080, "bitrate": 5, "speed": 1,
        "destination": {"url": "rtmp://ingest.example/live", "stream_key": "sh0rt"},
    });
    let answer = bench.post("/api/streams/init", body).await;
    let problem = answer.problem(422, "validation_failed");
    let named = fields(&problem);
    for field in [
        "resolution",
        "fps",
        "speed",
        "bitrate",
        "destination.stream_key",
    ] {
        assert_eq!(
            named.iter().filter(|name| **name == field).count(),
            1,
            "{field} in {named:?}"
        );
    }
    assert!(
        !answer.text.contains("sh0rt"),
        "a stream key must not be repeated"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_json_is_malformed() {
    let bench = Bench::new().await;
    for (body, status, code) in [
        ("{\"a\":", 400, "malformed_request"),
        ("", 400, "malformed_request"),
        ("[]", 422, "validation_failed"),
    ] {
        let mut request = request("POST", "/api/streams/init", &bench.control, None);
        request
            .headers_mut()
            .insert("content-type", "application/json".parse().unwrap());
        *request.body_mut() = Body::from(body);
        bench.send(request).await.problem(status, code);
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_have_a_type_and_a_size() {
    let bench = Bench::new().await;
    let send = async |kind: &str, body: String| {
        let mut request = request("POST", "/api/streams/init", &bench.control, None);
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        *request.body_mut() = Body::from(body);
        bench.send(request).await
    };
    send("text/plain", good_stream().to_string())
        .await
        .problem(415, "unsupported_media_type");
    let large = json!({"name": "x".repeat(70_000)}).to_string();
    send("application/json", large)
        .await
        .problem(413, "body_too_large");
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_not_found() {
    let bench = Bench::new().await;
    for path in [
        "/api/streams/str_none",
        "/api/streams/str_none/health",
        "/api/streams/str_none/timeline",
        "/api/encoders/none",
        "/api/encoders/none/status",
        "/encoders/none/metrics",
        "/health/encoder/none",
        "/api/monitoring/streams/config/none",
        "/api/encoders/no%20id",
        "/nowhere",
        "/api/nowhere/at/all",
    ] {
        let problem = bench.get(path).await.problem(404, "not_found");
        assert_eq!(problem["instance"], path);
    }
    bench
        .delete("/api/streams/str_none")
        .await
        .problem(404, "not_found");
    bench
        .delete("/api/encoders/none")
        .await
        .problem(404, "not_found");
    bench
        .post("/api/streams/str_none/failover", json!({}))
        .await
        .problem(404, "not_found");
    let keys = bench
        .call("DELETE", "/api/keys/key_none", &bench.admin, None)
        .await;
    keys.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_method_is_told_with_those_that_fit() {
    let bench = Bench::new().await;
    let answer = bench
        .call("PATCH", "/api/encoders/helo-1", &bench.admin, None)
        .await;
    answer.problem(405, "method_not_allowed");
    assert!(
        answer.header("allow").contains("PUT"),
        "{:?}",
        answer.headers
    );
    bench
        .call("DELETE", "/api/streams", &bench.admin, None)
        .await
        .problem(405, "method_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn without_an_eligible_encoder_each_has_its_reason() {
    let bench = Bench::with(quiet(), 2).await;
    for encoder in &bench.encoders {
        let path = format!(
            "/api/encoders/{}/control",
            encoder_core::EncoderDriver::id(encoder)
        );
        assert_eq!(
            bench
                .post(&path, json!({"action": "enter_maintenance"}))
                .await
                .status,
            200
        );
    }
    let answer = bench.post("/api/streams/init", good_stream()).await;
    let problem = answer.problem(503, "no_encoder_available");
    assert_eq!(fields(&problem), ["helo-1", "helo-2"]);
    assert!(
        problem["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("maintenance")
    );
}

async fn with_faulty_control(kind: ErrorKind) -> Value {
    let encoder = FakeEncoder::new("helo-1");
    let driver = FaultyDriver::new(Arc::new(encoder.clone()));
    driver.inject(Operation::Control, When::Always, Fault::Fail(kind));
    let drivers = vec![Arc::new(driver) as _];
    let bench = Bench::over_drivers(quiet(), Arc::default(), vec![encoder], drivers).await;
    let answer = bench
        .post("/api/encoders/helo-1/control", json!({"action": "mute"}))
        .await;
    let status = match kind {
        ErrorKind::DeviceUnreachable => 504,
        _ => 502,
    };
    answer.problem(status, kind.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_device_that_answers_wrongly_is_a_bad_gateway() {
    for kind in [
        ErrorKind::DeviceProtocol,
        ErrorKind::DeviceRejected,
        ErrorKind::DeviceAuth,
    ] {
        let problem = with_faulty_control(kind).await;
        assert!(problem["operation"].is_string(), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_answer_is_a_gateway_timeout() {
    with_faulty_control(ErrorKind::DeviceUnreachable).await;
}

#[tokio::test(start_paused = true)]
async fn an_ability_the_driver_lacks_is_unsupported() {
    let encoder = FakeEncoder::new("helo-1").with_capability(|can| can.record = false);
    let bench = Bench::over(quiet(), Arc::default(), vec![encoder]).await;
    let answer = bench
        .post(
            "/api/encoders/helo-1/control",
            json!({"action": "start_recording"}),
        )
        .await;
    answer.problem(422, "unsupported");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_come_up_is_released() {
    let bench = Bench::with(quiet(), 1).await;
    bench.encoders[0].accept_start_but_never_stream();
    let answer = bench
        .post("/api/streams/init?wait=live", good_stream())
        .await;
    answer.problem(504, "deadline_exceeded");
    let streams = bench.get("/api/streams").await.json();
    let state = streams["items"][0]["state"]
        .as_str()
        .unwrap_or("stopped")
        .to_owned();
    assert!(
        ["stopped", "stopping", "failed"].contains(&state.as_str()),
        "{streams}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_told_without_its_place() {
    let bench = Bench::new().await;
    // Keys that were used lately go on working.
    assert_eq!(bench.get("/api/streams").await.status, 200);
    assert_eq!(bench.delete("/api/streams/str_none").await.status, 404);
    bench.store.break_down();
    let answer = bench.post("/api/streams/init", good_stream()).await;
    answer.problem(503, "store_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.text.contains("secret-place"), "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_is_not_the_leader_says_so() {
    let leader = Bench::new().await;
    let mut config = quiet();
    config.manager.instance = "second".to_owned();
    let second = Bench::over(config, Arc::clone(&leader.store), Vec::new()).await;
    let answer = second.post("/api/streams/init", good_stream()).await;
    answer.problem(503, "not_leader");
    assert_eq!(answer.header("retry-after"), "5");
    second
        .call("GET", "/readyz", "", None)
        .await
        .problem(503, "not_ready");
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_shuts_down_takes_no_work() {
    let bench = Bench::new().await;
    assert_eq!(bench.call("GET", "/readyz", "", None).await.status, 200);
    bench.state.manager().shutdown().await;
    bench
        .post("/api/streams/init", good_stream())
        .await
        .problem(503, "shutting_down");
    bench
        .call("GET", "/readyz", "", None)
        .await
        .problem(503, "not_ready");
    assert_eq!(bench.call("GET", "/healthz", "", None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn request_ids_are_kept_or_made() {
    let bench = Bench::new().await;
    let made = bench.get("/nowhere").await;
    assert_eq!(made.json()["request_id"], made.header("x-request-id"));
    let request = Request::get("/nowhere")
        .header("x-request-id", "mine")
        .body(Body::empty());
    let kept = bench.send(request.unwrap()).await;
    assert_eq!(
        (
            kept.header("x-request-id"),
            kept.json()["request_id"].as_str()
        ),
        ("mine", Some("mine"))
    );
}
