//! The sinks against servers that answer like the real ones.
#![cfg(feature = "notify")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::sync::Arc;
use std::time::Duration;

use encoder_core::alerts::sinks::build;
use encoder_core::alerts::{AlertSink, AlertsConfig, Notice};
use encoder_core::tasks::Clock;
use encoder_core::{ErrorKind, Retry};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TOKEN: &str = "987654:hush-Hush_hush";

fn sink(kind: &str, settings: Value) -> Arc<dyn AlertSink> {
    let config: AlertsConfig =
        serde_json::from_value(json!({"sinks": {kind: {"it": settings}}})).unwrap();
    build(&config, &Clock::system()).unwrap().remove(0)
}

fn telegram(server: &MockServer) -> Arc<dyn AlertSink> {
    let settings =
        json!({"token": TOKEN, "chat_id": "-100", "thread_id": 7, "base_url": server.uri()});
    sink("telegram", settings)
}

fn webhook(server: &MockServer) -> Arc<dyn AlertSink> {
    let settings = json!({
        "url": format!("{}/hook", server.uri()), "allowed_hosts": ["127.0.0.1"],
        "secrets": [NEW, OLD],
    });
    sink("webhook", settings)
}

fn notice() -> Notice {
    Notice::test(Clock::system().now())
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn assert_hushed(error: &encoder_core::Error) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn telegram_gets_a_message() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/bot{TOKEN}/sendMessage")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true, "result": {}})))
        .mount(&server)
        .await;
    telegram(&server).deliver(&notice()).await.unwrap();
    let body: Value = only_request(&server).await.body_json().unwrap();
    assert_eq!(
        (&body["chat_id"], &body["message_thread_id"]),
        (&json!("-100"), &json!(7))
    );
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("[TEST] Test notice"), "{text}");
}

#[tokio::test]
async fn telegram_says_how_long_to_wait() {
    let answer = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 37",
        "parameters": {"retry_after": 37},
    });
    let server = answering(ResponseTemplate::new(429).set_body_json(answer)).await;
    let error = telegram(&server).deliver(&notice()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Safe);
    let asked = error
        .context()
        .iter()
        .find(|(key, _)| *key == "retry_after_seconds");
    assert_eq!(asked.unwrap().1, "37");
}

#[tokio::test]
async fn token_of_telegram_is_in_no_error() {
    let answer = json!({"ok": false, "description": format!("bot{TOKEN} is blocked")});
    let server = answering(ResponseTemplate::new(403).set_body_json(answer)).await;
    let error = telegram(&server).deliver(&notice()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::DeviceRejected, Retry::Never)
    );
    assert_hushed(&error);

    let nonsense = answering(ResponseTemplate::new(200).set_body_string("<html>")).await;
    let error = telegram(&nonsense).deliver(&notice()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::DeviceProtocol, Retry::Safe)
    );
    assert_hushed(&error);

    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let nowhere = format!("http://127.0.0.1:{port}");
    let gone = sink(
        "telegram",
        json!({"token": TOKEN, "chat_id": "1", "base_url": nowhere}),
    );
    let error = gone.deliver(&notice()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::DeviceUnreachable, Retry::Safe)
    );
    assert_hushed(&error);
}

#[tokio::test]
async fn webhook_is_verified_with_either_secret() {
    let server = answering(ResponseTemplate::new(204)).await;
    let notice = notice();
    webhook(&server).deliver(&notice).await.unwrap();
    let request = only_request(&server).await;
    for secret in [OLD, NEW] {
        let verifier = Webhook::new(secret).unwrap();
        verifier.verify(&request.body, &request.headers).unwrap();
        let altered = [&request.body[..], b" "].concat();
        verifier.verify(&altered, &request.headers).unwrap_err();
    }
    let stranger = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    stranger
        .verify(&request.body, &request.headers)
        .unwrap_err();
    assert_eq!(request.headers["webhook-id"], notice.notice_id.as_str());
    let body: Value = request.body_json().unwrap();
    assert_eq!(body["type"], "alert.test");
    assert_eq!(body["data"]["notice_id"], notice.notice_id.as_str());
}

#[tokio::test]
async fn webhook_is_not_led_elsewhere() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    let there = format!("{}/other", elsewhere.uri());
    let server = answering(ResponseTemplate::new(307).insert_header("location", there)).await;
    let error = webhook(&server).deliver(&notice()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Never);
    assert!(
        error.message().contains("redirects are not followed"),
        "{error}"
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn webhook_is_tried_again_unless_it_is_gone() {
    for (status, retry) in [(500, Retry::Safe), (404, Retry::Safe), (410, Retry::Never)] {
        let server = answering(ResponseTemplate::new(status)).await;
        let error = webhook(&server).deliver(&notice()).await.unwrap_err();
        assert_eq!(error.retry(), retry, "{status}");
    }
}

#[tokio::test]
async fn endless_answer_is_read_to_a_limit() {
    let endless = "x".repeat(4 << 20);
    let server = answering(ResponseTemplate::new(400).set_body_string(endless)).await;
    let delivered = webhook(&server);
    let notice = notice();
    let answer = tokio::time::timeout(Duration::from_secs(20), delivered.deliver(&notice));
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
}

#[tokio::test]
async fn alertmanager_refuses_for_good_or_for_now() {
    for (status, retry) in [(400, Retry::Never), (503, Retry::Safe)] {
        let server = answering(ResponseTemplate::new(status).set_body_string("\"why\"\n")).await;
        let it = sink(
            "alertmanager",
            json!({"url": server.uri(), "token": "hush-hush"}),
        );
        let error = it.deliver(&notice()).await.unwrap_err();
        assert_eq!(error.retry(), retry);
        assert_eq!(
            error.to_string(),
            format!("device_rejected: the receiver refused: \"why\" (status={status})")
        );
        let request = only_request(&server).await;
        assert_eq!(request.url.path(), "/api/v2/alerts");
        assert_eq!(request.headers["authorization"], "Bearer hush-hush");
    }
}
