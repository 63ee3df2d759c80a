//! Encoders, health and monitoring over the wire.

use serde_json::{Value, json};

use crate::bench::{Bench, CREATED, fields, quiet, request, with_header};

#[tokio::test(start_paused = true)]
async fn an_encoder_shows_everything_but_its_password() {
    let bench = Bench::new().await;
    let answer = bench.get("/api/encoders/helo-1").await;
    let encoder = answer.json();
    assert_eq!(
        (&encoder["encoder_id"], &encoder["driver"]),
        (&json!("helo-1"), &json!("fake"))
    );
    assert_eq!(encoder["status"], "online");
    assert!(encoder.get("password").is_none() && !answer.text.contains("device-password"));
    assert!(encoder["capability"]["record"].is_boolean());
    assert!(answer.header("etag").starts_with('"'));
}

#[tokio::test(start_paused = true)]
async fn a_change_needs_the_current_tag() {
    let bench = Bench::new().await;
    let tag = bench
        .get("/api/encoders/helo-1")
        .await
        .header("etag")
        .to_owned();
    let body = json!({"address": "http://127.0.0.1:9", "driver": "fake", "site": "rack-a"});
    let put = async |tag: &str| {
        let request = request(
            "PUT",
            "/api/encoders/helo-1",
            &bench.control,
            Some(body.clone()),
        );
        bench.send(with_header(request, "if-match", tag)).await
    };
    put("\"0\"").await.problem(412, "revision_mismatch");
    put("nonsense").await.problem(412, "revision_mismatch");
    let changed = put(&tag).await;
    assert_eq!(
        (changed.status, &changed.json()["site"]),
        (200, &json!("rack-a")),
        "{}",
        changed.text
    );
    let revision = &changed.json()["revision"];
    assert_eq!(changed.header("etag"), format!("\"{revision}\""));
    put(&tag).await.problem(412, "revision_mismatch");
    assert_eq!(put("*").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn registrations_are_checked() {
    let bench = Bench::new().await;
    let body = json!({"encoder_id": "a b", "weight": "heavy", "colour": 1});
    let answer = bench.post("/api/encoders", body).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(
        fields(&problem),
        ["encoder_id", "address", "weight", "colour"]
    );
    let body = json!({"encoder_id": "helo-1", "address": "http://127.0.0.1:9"});
    bench
        .post("/api/encoders", body)
        .await
        .problem(409, "already_exists");
    let body = json!({"encoder_id": "helo-9", "address": "http://127.0.0.1:9", "driver": "none"});
    let answer = bench.post("/api/encoders", body).await;
    answer.problem(422, "validation_failed");
}

#[tokio::test(start_paused = true)]
async fn an_encoder_on_air_is_not_removed() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let primary = stream["primary"]["encoder_id"].as_str().unwrap();
    bench
        .delete(&format!("/api/encoders/{primary}"))
        .await
        .problem(409, "conflict");
    let free = ["helo-1", "helo-2", "helo-3"]
        .into_iter()
        .find(|id| stream["primary"]["encoder_id"] != *id && stream["backup"]["encoder_id"] != *id);
    let path = format!("/api/encoders/{}", free.unwrap());
    assert_eq!(bench.delete(&path).await.status, 204);
    bench.get(&path).await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn status_names_the_stream_it_publishes() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let path = format!(
        "/api/encoders/{}/status",
        stream["primary"]["encoder_id"].as_str().unwrap()
    );
    let status = bench.get(&path).await.json();
    assert_eq!(status["stream_id"], stream["stream_id"]);
    assert_eq!(status["streaming_state"], "streaming");
    assert_eq!(status["current_metrics"]["cpu_usage"], Value::Null);
    assert_eq!(status["current_metrics"]["temperature"], 45.0);
    let backup = stream["backup"]["encoder_id"].as_str().unwrap();
    let status = bench
        .get(&format!("/api/encoders/{backup}/status"))
        .await
        .json();
    assert_eq!(status["stream_id"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn aliases_give_the_same_document() {
    let bench = Bench::new().await;
    bench.live_stream().await;
    for (alias, path) in [
        ("/encoders/helo-1/metrics", "/api/encoders/helo-1/metrics"),
        (
            "/api/monitoring/encoders/helo-1/metrics",
            "/api/encoders/helo-1/metrics",
        ),
        (
            "/monitoring/streams/health",
            "/api/monitoring/streams/health",
        ),
        (
            "/monitoring/streams/config/helo-1",
            "/api/monitoring/streams/config/helo-1",
        ),
    ] {
        assert_eq!(
            bench.get(alias).await.json(),
            bench.get(path).await.json(),
            "{alias}"
        );
    }
    let action = json!({"action": "mute"});
    let answer = bench.post("/encoders/helo-1/control", action).await;
    assert_eq!(answer.json()["accepted"], true, "{}", answer.text);
    assert!(bench.encoder("helo-1").is_muted());
}

#[tokio::test(start_paused = true)]
async fn control_takes_states_not_toggles() {
    let bench = Bench::new().await;
    let path = "/api/encoders/helo-1/control";
    let done = bench
        .post(path, json!({"action": "start_recording"}))
        .await
        .json();
    assert_eq!(done["action"], "start_recording");
    assert!(done["confirmed"].is_boolean() && done["state"].is_string());
    for action in [
        json!({"action": "toggle"}),
        json!({"action": "recall_preset"}),
        json!({}),
        json!({"action": "mute", "x": 1}),
    ] {
        bench
            .post(path, action)
            .await
            .problem(422, "validation_failed");
    }
}

#[tokio::test(start_paused = true)]
async fn bulk_has_a_result_for_each() {
    let bench = Bench::new().await;
    let body = json!({"encoder_ids": ["helo-1", "none", "helo-2"], "action": "mute"});
    let answer = bench.post("/api/encoders/bulk", body).await.json();
    let results = answer["results"].as_array().unwrap();
    let seen: Vec<_> = results
        .iter()
        .map(|r| (r["encoder_id"].clone(), r["status"].clone()))
        .collect();
    assert_eq!(
        seen,
        [
            (json!("helo-1"), json!(200)),
            (json!("none"), json!(404)),
            (json!("helo-2"), json!(200))
        ]
    );
    assert_eq!(results[1]["problem"]["code"], "not_found");
}

#[tokio::test(start_paused = true)]
async fn counts_add_up() {
    let bench = Bench::with(quiet(), 4).await;
    bench.live_stream().await;
    let counts = bench.get("/api/encoders/system/status").await.json();
    assert_eq!(
        (&counts["total"], &counts["streaming"]),
        (&json!(4), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn health_shows_encoder_and_machine() {
    let bench = Bench::new().await;
    let health = bench.get("/health/encoder/helo-1").await.json();
    assert!(health["timestamp"].as_str().unwrap().ends_with('Z'));
    let encoder = &health["encoder"];
    assert_eq!(
        (&encoder["encoder_id"], &encoder["streaming"]["active"]),
        (&json!("helo-1"), &json!(false))
    );
    assert_eq!(encoder["device_status"]["temperature"], 45.0);
    assert_eq!(encoder["device_status"]["cpu_usage"], Value::Null);
    assert!(encoder["thermal_status"]["cooling_active"].is_boolean());
    let all = bench.get("/health/detailed").await.json();
    assert_eq!(
        (&all["status"], &all["services"]["store"]["status"]),
        (&json!("healthy"), &json!("ok"))
    );
    assert_eq!(all["encoders"].as_object().unwrap().len(), 3);
    assert!(all["system"]["memory_used_percent"].is_number(), "{all}");
    bench.store.break_down();
    let all = bench.get("/health/detailed").await.json();
    assert_eq!(all["services"]["store"]["status"], "failed");
}

#[tokio::test(start_paused = true)]
async fn monitoring_shows_fleet_streams_and_figures() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let (id, primary) = (
        &stream["stream_id"],
        stream["primary"]["encoder_id"].as_str().unwrap(),
    );
    let status = bench.get("/api/monitoring/status").await.json();
    assert_eq!(
        (&status["encoders"]["total"], &status["streams"]["active"]),
        (&json!(3), &json!(1))
    );
    assert!(status["performance"]["requests"].as_u64().unwrap() > 0);
    assert_eq!(status["components"]["manager"]["status"], "ok");

    let balancer = bench.get("/api/monitoring/load-balancer").await.json();
    assert_eq!(balancer["policy"], "weighted");
    assert_eq!(balancer["encoders"].as_array().unwrap().len(), 3);
    assert!(balancer["distribution"]["variance"].is_number());

    let streams = bench.get("/api/monitoring/streams/health").await.json();
    assert!(
        streams[id.as_str().unwrap()]["backup_available"].is_boolean(),
        "{streams}"
    );

    let config = bench
        .get(&format!("/api/monitoring/streams/config/{primary}"))
        .await
        .json();
    assert_eq!(
        (&config["primary_id"], &config["active_streams"]),
        (&json!(primary), &json!([id]))
    );
    assert_eq!(config["config"]["resolution"], "1920x1080");

    let figures = bench.get("/api/monitoring/metrics").await.json();
    let names: Vec<_> = figures["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].clone())
        .collect();
    assert!(names.contains(&json!("encoder_health_score")), "{names:?}");
    assert!(
        names.contains(&json!("encoder_server_requests_total")),
        "{names:?}"
    );
    assert!(
        bench
            .get("/metrics")
            .await
            .text
            .contains("encoder_server_requests_total")
    );
}

#[tokio::test(start_paused = true)]
async fn a_registration_leads_to_its_document() {
    let bench = Bench::new().await;
    let body = json!({"encoder_id": "helo-9", "address": "http://127.0.0.1:9", "password": "pw"});
    let answer = bench.post("/api/encoders", body).await;
    assert_eq!(answer.status, CREATED, "{}", answer.text);
    assert_eq!(answer.header("location"), "/api/encoders/helo-9");
    let shown = bench.get("/api/encoders/helo-9").await;
    assert_eq!(shown.header("etag"), answer.header("etag"));
    assert_eq!(
        (&shown.json()["driver"], &shown.json()["weight"]),
        (&json!("aja-helo"), &json!(1.0))
    );
    let generated = json!({"address": "http://127.0.0.1:9"});
    let id = bench.post("/api/encoders", generated).await.json()["encoder_id"].clone();
    assert!(id.as_str().unwrap().starts_with("enc_"), "{id}");
}

#[tokio::test(start_paused = true)]
async fn alerts_open_and_are_taken_on() {
    let bench = Bench::new().await;
    assert_eq!(
        bench.get("/api/monitoring/alerts").await.json()["items"],
        json!([])
    );
    bench.encoder("helo-1").go_silent();
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    let alerts = bench
        .get("/api/monitoring/alerts?encoder=helo-1&state=firing")
        .await
        .json();
    let alert = &alerts["items"][0];
    assert_eq!(
        (&alert["encoder_id"], &alert["state"]),
        (&json!("helo-1"), &json!("firing"))
    );
    assert!(alert["suggested_actions"].is_array() && alert["resolved_at"].is_null());
    assert_ne!(
        bench.get("/api/monitoring/status").await.json()["status"],
        "healthy"
    );
    assert_eq!(
        bench
            .get("/api/monitoring/alerts?encoder=helo-2")
            .await
            .json()["items"],
        json!([])
    );
    let id = alert["alert_id"].as_str().unwrap();
    let path = format!("/api/monitoring/alerts/{id}/acknowledge");
    let taken = bench.call("POST", &path, &bench.control, None).await.json();
    assert_eq!(taken["state"], "acknowledged");
    let none = bench.call(
        "POST",
        "/api/monitoring/alerts/none/acknowledge",
        &bench.control,
        None,
    );
    none.await.problem(404, "not_found");
}
