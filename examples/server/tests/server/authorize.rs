//! Who may publish, as the ingest asks it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use encoder_core::model::Secret;
use encoder_server::config::{IngestAddress, ServerConfig, WitnessConfig};
use serde_json::Value;

use crate::bench::{Answer, Bench, quiet, request, with_header};

const PATH: &str = "/api/ingest/authorize";
const SECRET: &str = "ingest-secret-0123456789abcdef";

fn config() -> ServerConfig {
    let mut config = quiet();
    config.ingest.secret = Some(Secret::from(SECRET));
    config.ingest.witness = Some(WitnessConfig {
        // Nobody answers there, which says nothing of anybody.
        stat_url: "http://127.0.0.1:9/stat".to_owned(),
        control_url: None,
        addresses: vec![IngestAddress {
            url: "rtmp://ingest.example/live".to_owned(),
            application: "live".to_owned(),
            play_url: None,
        }],
        timeout: std::time::Duration::from_secs(1),
    });
    config
}

/// As nginx-rtmp asks.
fn form(key: &str) -> String {
    format!(
        "app=live&flashver=FMLE%2F3.0&swfurl=&tcurl=rtmp%3A%2F%2F127.0.0.1%2Flive&pageurl=\
         &addr=127.0.0.1&clientid=1&call=publish&name={key}&type=live"
    )
}

fn question(secret: &str, body: String) -> Request<Body> {
    let mut request = request("POST", PATH, secret, None);
    *request.body_mut() = Body::from(body);
    with_header(request, "content-type", "application/x-www-form-urlencoded")
}

async fn ask(bench: &Bench, key: &str) -> Answer {
    bench.send(question(SECRET, form(key))).await
}

fn key(stream: &Value) -> &str {
    stream["stream_key"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_is_due_may_publish_and_nobody_else() {
    let bench = Bench::with(config(), 2).await;
    let stream = bench.live_stream().await;
    let answer = ask(&bench, key(&stream)).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(
        answer
            .header("ratelimit-policy")
            .contains("\"ingest\";q=600")
    );

    let answer = ask(&bench, "nobody-knows-this-key").await;
    answer.problem(403, "unknown_stream_key");
    assert!(!answer.text.contains("nobody-knows-this-key"));

    let id = stream["stream_id"].as_str().unwrap();
    bench.delete(&format!("/api/streams/{id}")).await;
    ask(&bench, key(&stream)).await.problem(403, "stream_over");
}

#[tokio::test(start_paused = true)]
async fn only_the_ingest_may_ask() {
    let bench = Bench::with(config(), 1).await;
    for secret in ["", "ingest-secret-0123456789abcdee", "short", &bench.admin] {
        let answer = bench.send(question(secret, form("any"))).await;
        answer.problem(401, "ingest_secret_wrong");
        assert!(!answer.text.contains(SECRET));
    }
    // And the secret opens nothing else.
    let answer = bench.call("GET", "/api/streams", SECRET, None).await;
    answer.problem(401, "key_malformed");
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_nobody_is_asked() {
    let bench = Bench::new().await;
    let answer = bench.send(question(SECRET, form("any"))).await;
    let problem = answer.problem(404, "ingest_not_configured");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("ingest.secret")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_such_form_is_refused() {
    let bench = Bench::with(config(), 1).await;
    let json = request("POST", PATH, SECRET, Some(serde_json::json!({"name": "k"})));
    bench
        .send(json)
        .await
        .problem(415, "unsupported_media_type");
    let missing = question(SECRET, "app=live&call=publish".to_owned());
    bench.send(missing).await.problem(400, "malformed_request");
    // A publisher adds to the form what stands behind its key; it must not overwrite.
    let twice = question(SECRET, form("hidden-key") + "&name=other&call=publish");
    let answer = bench.send(twice).await;
    answer.problem(400, "malformed_request");
    assert!(!answer.text.contains("hidden-key"));
    let play = question(SECRET, form("k").replace("call=publish", "call=play"));
    bench.send(play).await.problem(422, "validation_failed");
    let long = question(SECRET, form(&"k".repeat(70_000)));
    bench.send(long).await.problem(413, "body_too_large");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_command_says_so() {
    let bench = Bench::with(config(), 1).await;
    let stream = bench.live_stream().await;
    bench.state.manager().shutdown().await;
    let answer = ask(&bench, key(&stream)).await;
    answer.problem(503, "shutting_down");
}

#[tokio::test(start_paused = true)]
async fn the_ingest_has_a_limit_of_its_own() {
    let mut config = config();
    config.limits.address.control_per_minute = 1;
    config.limits.failed_auth_per_minute = 1;
    config.limits.ingest_per_minute = 3;
    let bench = Bench::with(config, 1).await;
    let from = |secret: &str| {
        let mut question = question(secret, form("some-key-or-other"));
        let peer = SocketAddr::from(([10, 0, 0, 1], 1));
        question.extensions_mut().insert(ConnectInfo(peer));
        question
    };
    // Somebody guesses from the same address, and is held up.
    let guess = from("not-the-secret-0123456789abcdef");
    bench.send(guess).await.problem(401, "ingest_secret_wrong");
    let guess = from("not-the-secret-0123456789abcdef");
    bench.send(guess).await.problem(429, "rate_limited");
    for _ in 0..3 {
        let answer = bench.send(from(SECRET)).await;
        answer.problem(403, "unknown_stream_key");
    }
    let answer = bench.send(from(SECRET)).await;
    answer.problem(429, "rate_limited");
    assert!(answer.header("ratelimit").contains("\"ingest\";r=0"));
}
