//! Nothing secret reaches a log, an error, a metric or an event.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use encoder_core::model::Secret;
use serde_json::json;

#[path = "server/bench.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use all of it")]
mod bench;
mod log;

use bench::{Bench, good_stream, quiet, request, with_header};
use log::Log;

const INGEST_SECRET: &str = "the-secret-of-the-ingest";

/// Uses secrets in right and wrong places, breaks encoders, and collects every text that comes of
/// it.
async fn everything_said(bench: &Bench) -> Vec<String> {
    let mut body = good_stream();
    body["destination"]["stream_key"] = json!("my-very-own-stream-key");
    let once = request(
        "POST",
        "/api/streams/init?wait=live",
        &bench.control,
        Some(body.clone()),
    );
    let started = bench.send(with_header(once, "idempotency-key", "k1")).await;
    assert_eq!(started.status, 201, "{}", started.text);
    let id = started.json()["stream_id"].as_str().unwrap().to_owned();
    body["destination"]["stream_key"] = json!("bad key with spaces");
    let misplaced = json!({"address": "http://127.0.0.1:9", "password": {"x": "hidden-password"}});
    let query = format!("/api/streams?token={}", bench.admin);
    let form = "application/x-www-form-urlencoded";
    let question = |key: &str, secret: &str| {
        let mut question = request("POST", "/api/ingest/authorize", secret, None);
        *question.body_mut() = format!("app=live&call=publish&name={key}").into();
        with_header(question, "content-type", form)
    };
    let questions = [
        question("my-very-own-stream-key", INGEST_SECRET),
        question("a-key-of-no-stream", INGEST_SECRET),
        question("a-key-of-no-stream", "a-wrong-ingest-secret"),
    ];
    let mut said = vec![
        bench.post("/api/streams/init", body).await.text,
        bench.put("/api/encoders/helo-1", misplaced).await.text,
        bench.get(&query).await.text,
    ];
    for question in questions {
        said.push(bench.send(question).await.text);
    }
    bench.encoder("helo-1").go_silent();
    bench.encoder("helo-2").fail_stream();
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let timeline = format!("/api/streams/{id}/timeline");
    for path in [
        "/metrics",
        "/api/encoders",
        "/api/streams",
        "/api/monitoring/alerts",
        &timeline,
    ] {
        said.push(bench.get(path).await.text);
    }
    let (events, _) = bench.state.manager().events().resume(0);
    for event in events.unwrap() {
        said.push(serde_json::to_string(event.as_ref()).unwrap());
    }
    let keys = bench.state.keys().list().await.unwrap();
    said.push(format!("{keys:?} {:?}", bench.state));
    said
}

#[tokio::test(start_paused = true)]
async fn secrets_stay_out_of_logs_errors_metrics_and_events() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // Alone in its process, so that the log of every thread is seen.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut config = quiet();
    config.ingest.secret = Some(Secret::from(INGEST_SECRET));
    let bench = Bench::with(config, 3).await;
    let mut said = everything_said(&bench).await;
    let log = log.text();
    assert!(log.contains("answered"), "the log was captured");
    said.push(log);
    for secret in [
        &bench.read,
        &bench.control,
        &bench.admin,
        "my-very-own-stream-key",
        "bad key with spaces",
        "device-password",
        "hidden-password",
        INGEST_SECRET,
        "a-key-of-no-stream",
        "a-wrong-ingest-secret",
    ] {
        for text in &said {
            let around = text
                .find(secret)
                .map(|at| &text[at.saturating_sub(200)..at]);
            assert_eq!(around, None, "{secret}");
        }
    }
}
