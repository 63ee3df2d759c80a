//! Streams over the wire.

use std::sync::Arc;

use encoder_core::testkit::CallKind;
use serde_json::{Value, json};

use crate::bench::{Bench, CREATED, good_stream, quiet, request, with_header};

#[tokio::test(start_paused = true)]
async fn init_answers_at_once_with_the_key() {
    let bench = Bench::new().await;
    let answer = bench.post("/api/streams/init", good_stream()).await;
    assert_eq!(answer.status, CREATED, "{}", answer.text);
    let stream = answer.json();
    assert_eq!(stream["state"], "starting");
    assert_eq!(stream["primary"]["state"], "starting");
    assert!(stream["stream_key"].as_str().unwrap().len() >= 10);
    assert_eq!(stream["rtmp_url"], "rtmp://ingest.example/live");
    assert_eq!(stream["protection"], "warm");
    assert!(stream["backup"]["encoder_id"].is_string());
    assert!(stream["backup"]["ready"].is_boolean());
    assert_eq!(stream["config"]["fps"], json!(30));
    assert_eq!(stream["warnings"], json!([]));
    let path = format!("/api/streams/{}", stream["stream_id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
}

#[tokio::test(start_paused = true)]
async fn a_recommendation_is_a_warning() {
    let bench = Bench::new().await;
    let mut body = good_stream();
    body["bitrate"] = json!(5_000_000);
    let stream = bench.post("/api/streams/init", body).await.json();
    assert_eq!(stream["warnings"][0]["field"], "bitrate");
    assert_eq!(stream["warnings"][0]["code"], "below_recommended");
    assert_eq!(stream["warnings"][0]["recommended"], 8_000_000);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_live_means_that_the_device_says_so() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    assert_eq!(stream["state"], "live");
    let primary = stream["primary"]["encoder_id"].as_str().unwrap();
    assert!(bench.encoder(primary).is_publishing());
    let answer = bench
        .post("/api/streams/init?wait=dead", good_stream())
        .await;
    answer.problem(422, "validation_failed");
}

#[tokio::test(start_paused = true)]
async fn the_key_is_masked_unless_it_is_asked_for() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let key = stream["stream_key"].as_str().unwrap();
    let path = format!("/api/streams/{}", stream["stream_id"].as_str().unwrap());
    assert_eq!(bench.get(&path).await.json()["stream_key"], "********");
    for path in [
        path.as_str(),
        "/api/streams",
        "/api/monitoring/streams/health",
        "/metrics",
    ] {
        assert!(!bench.get(path).await.text.contains(key), "{path}");
    }
    let reveal = format!("{path}?reveal=key");
    bench.get(&reveal).await.problem(403, "scope_insufficient");
    let shown = bench
        .call("GET", &reveal, &bench.control, None)
        .await
        .json();
    assert_eq!(shown["stream_key"], key);
    let stopped = bench.delete(&path).await;
    assert!(!stopped.text.contains(key));
}

#[tokio::test(start_paused = true)]
async fn health_is_flat_and_numbered() {
    let bench = Bench::new().await;
    let id = bench.live_stream().await["stream_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let health = bench.get(&format!("/api/streams/{id}/health")).await.json();
    assert_eq!(health["stream_id"], id.as_str());
    assert!(
        ["healthy", "degraded"].contains(&health["status"].as_str().unwrap()),
        "{health}"
    );
    assert!(health["sequence"].as_u64().unwrap() > 0);
    assert!(health["backup"]["reasons"].is_array() && health["issues"].is_array());
    for field in [
        "health_score",
        "cpu_usage",
        "memory_usage",
        "temperature",
        "dropped_frames",
    ] {
        assert!(
            health.get(field).is_some(),
            "{field} must be there, if only null"
        );
    }
    assert_eq!(health["cpu_usage"], Value::Null, "absent is null");
}

#[tokio::test(start_paused = true)]
async fn changing_the_settings_needs_the_current_tag() {
    let bench = Bench::new().await;
    let id = bench.live_stream().await["stream_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (path, config) = (
        format!("/api/streams/{id}"),
        format!("/api/streams/{id}/config"),
    );
    let put = async |tag: &str, body: Value| {
        let request = request("PUT", &config, &bench.control, Some(body));
        bench.send(with_header(request, "if-match", tag)).await
    };
    put("\"1\"", json!({"bitrate": 6_000_000}))
        .await
        .problem(412, "revision_mismatch");
    put("W/\"1\"", json!({"bitrate": 6_000_000}))
        .await
        .problem(412, "revision_mismatch");
    let read = bench.get(&path).await;
    let tag = read.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", read.json()["revision"]));
    let answer = put(&tag, json!({"bitrate": 7_000_000})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let changed = answer.json();
    assert_eq!(
        (&changed["bitrate"], &changed["config"]["bitrate"]),
        (&json!(7_000_000), &json!(7_000_000))
    );
    assert!(changed["warnings"].is_array() && changed["backup"]["ready"].is_boolean());
    assert_ne!(answer.header("etag"), tag);
    let answer = bench
        .put(&config, json!({"bitrate": 1, "resolution": "1x1"}))
        .await;
    assert_eq!(
        answer.problem(422, "validation_failed")["errors"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_twice_is_stopping_once() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let path = format!("/api/streams/{}", stream["stream_id"].as_str().unwrap());
    for _ in 0..2 {
        let answer = bench.delete(&path).await;
        assert_eq!(
            (answer.status, &answer.json()["state"]),
            (200, &json!("stopped"))
        );
    }
    assert!(
        bench
            .encoders
            .iter()
            .all(|encoder| !encoder.is_publishing())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failover_is_accepted_and_told() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let id = stream["stream_id"].as_str().unwrap();
    let accepted = bench
        .post(
            &format!("/api/streams/{id}/failover"),
            json!({"reason": "test"}),
        )
        .await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let accepted = accepted.json();
    assert_eq!(accepted["from"], stream["primary"]["encoder_id"]);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let moved = bench.get(&format!("/api/streams/{id}")).await.json();
    assert_eq!(moved["primary"]["encoder_id"], accepted["to"]);
    let timeline = bench
        .get(&format!("/api/streams/{id}/timeline"))
        .await
        .json();
    let entries = timeline["items"].as_array().unwrap();
    assert!(
        entries
            .iter()
            .any(|entry| entry["incident_id"] == accepted["incident_id"]),
        "{timeline}"
    );
    let first = bench
        .get(&format!("/api/streams/{id}/timeline?limit=1"))
        .await
        .json();
    assert_eq!(first["items"], json!([entries[0]]));
    assert!(first["next_cursor"].is_string());
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let bench = Bench::with(quiet(), 5).await;
    let first = bench.get("/api/encoders?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = bench
        .get(&format!("/api/encoders?limit=4&cursor={cursor}"))
        .await
        .json();
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["encoder_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [ids(&first), ids(&second)].concat(),
        ["helo-1", "helo-2", "helo-3", "helo-4", "helo-5"]
    );
    assert_eq!(second["next_cursor"], Value::Null);
    bench
        .get("/api/encoders?limit=0")
        .await
        .problem(422, "validation_failed");
    bench
        .get("/api/encoders?cursor=%20")
        .await
        .problem(422, "validation_failed");
}

fn once(bench: &Bench, key: &str, body: Value) -> axum::http::Request<axum::body::Body> {
    let request = request("POST", "/api/streams/init", &bench.control, Some(body));
    with_header(request, "idempotency-key", key)
}

#[tokio::test(start_paused = true)]
async fn the_same_request_twice_starts_one_stream() {
    let bench = Bench::new().await;
    let first = bench.send(once(&bench, "k1", good_stream())).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let second = bench.send(once(&bench, "k1", good_stream())).await;
    assert_eq!((first.status, &first.text), (CREATED, &second.text));
    assert_eq!(second.status, CREATED);
    assert_eq!(
        bench.get("/api/streams").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut other = good_stream();
    other["bitrate"] = json!(7_000_000);
    bench
        .send(once(&bench, "k1", other))
        .await
        .problem(409, "idempotency_key_reused");
}

#[tokio::test(start_paused = true)]
async fn duplicates_at_the_same_time_run_once() {
    let bench = Bench::new().await;
    let all = (0..8).map(|_| bench.send(once(&bench, "k1", good_stream())));
    let answers = futures::future::join_all(all).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == CREATED && answer.text == answers[0].text)
    );
    let starts = bench.encoders.iter().flat_map(|encoder| encoder.commands());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(starts.filter(|call| *call == CallKind::Start).count() <= 1);
    assert_eq!(bench.state.manager().streams().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_survives_a_restart() {
    let bench = Bench::new().await;
    let first = bench.send(once(&bench, "k1", good_stream())).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    bench.state.manager().shutdown().await;
    let again = Bench::over(quiet(), Arc::clone(&bench.store), bench.encoders.clone()).await;
    let request = request(
        "POST",
        "/api/streams/init",
        &bench.control,
        Some(good_stream()),
    );
    let second = again
        .send(with_header(request, "idempotency-key", "k1"))
        .await;
    assert_eq!((second.status, second.text), (CREATED, first.text));
    assert_eq!(again.state.manager().streams().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_may_be_tried_again() {
    let bench = Bench::with(quiet(), 1).await;
    let control = "/api/encoders/helo-1/control";
    bench
        .post(control, json!({"action": "enter_maintenance"}))
        .await;
    bench
        .send(once(&bench, "k1", good_stream()))
        .await
        .problem(503, "no_encoder_available");
    bench
        .post(control, json!({"action": "leave_maintenance"}))
        .await;
    assert_eq!(
        bench.send(once(&bench, "k1", good_stream())).await.status,
        CREATED
    );
    bench
        .send(once(&bench, "", good_stream()))
        .await
        .problem(422, "validation_failed");
    bench
        .send(once(&bench, "k2", json!({})))
        .await
        .problem(422, "validation_failed");
    bench
        .send(once(&bench, "k2", json!({"a": 1})))
        .await
        .problem(422, "validation_failed");
}
