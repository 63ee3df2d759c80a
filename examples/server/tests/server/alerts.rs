//! Alerts, silences, notices and sinks over the wire.

use serde_json::{Value, json};

use crate::bench::{Bench, fields, quiet};

fn with_telegram() -> encoder_server::config::ServerConfig {
    let mut config = quiet();
    let sinks = json!({
        // Nobody listens there.
        "telegram": {"phone": {"token": "1:hush", "chat_id": "1", "base_url": "http://127.0.0.1:9"}},
    });
    config.manager.alerts.sinks = serde_json::from_value(sinks).unwrap();
    config
}

#[tokio::test(start_paused = true)]
async fn a_silence_lives_from_creation_to_its_end() {
    let bench = Bench::new().await;
    let wish = json!({
        "match": {"encoder": ["helo-1"], "severity": ["critical"]},
        "until": "2023-11-15T00:00:00Z", "reason": "cabling",
    });
    let made = bench.post("/api/monitoring/silences", wish).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["state"], "active");
    assert_eq!(made["match"]["encoder"], json!(["helo-1"]));
    assert!(made["created_by"].as_str().is_some_and(|by| !by.is_empty()));

    let path = format!(
        "/api/monitoring/silences/{}",
        made["silence_id"].as_str().unwrap()
    );
    let ended = bench.delete(&path).await;
    assert_eq!(ended.json()["state"], "ended");
    let list = bench.get("/api/monitoring/silences").await.json();
    assert_eq!(list["items"][0]["state"], "ended");
    bench
        .delete("/api/monitoring/silences/sil_none")
        .await
        .problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_silence_is_named() {
    let bench = Bench::new().await;
    let wish = json!({"match": {"encoders": []}, "until": "soon", "why": "?"});
    let problem = bench.post("/api/monitoring/silences", wish).await;
    let problem = problem.problem(422, "validation_failed");
    let named = fields(&problem);
    for field in ["match", "until", "reason", "why"] {
        assert!(named.contains(&field), "{field} in {named:?}");
    }
    let wish = json!({"match": {}, "until": "2020-01-01T00:00:00Z", "reason": "x"});
    let problem = bench.post("/api/monitoring/silences", wish).await;
    let problem = problem.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["match", "until", "until"]);
}

#[tokio::test(start_paused = true)]
async fn reading_changes_nothing() {
    let bench = Bench::with(with_telegram(), 1).await;
    for (method, path) in [
        ("POST", "/api/monitoring/silences"),
        ("DELETE", "/api/monitoring/silences/sil_1"),
        ("POST", "/api/monitoring/notifications/ntc_1/retry"),
        ("POST", "/api/monitoring/sinks/phone/test"),
    ] {
        let answer = bench.call(method, path, &bench.read, Some(json!({}))).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_sink_is_tried_and_answers_for_itself() {
    let bench = Bench::with(with_telegram(), 1).await;
    let sinks = bench.get("/api/monitoring/sinks").await.json();
    assert_eq!(
        sinks["items"],
        json!([{"name": "phone", "kind": "telegram", "waiting": 0, "dead_letters": 0,
                "last_sent_at": null, "last_error": null}])
    );
    let tried = bench
        .post("/api/monitoring/sinks/phone/test", json!({}))
        .await;
    let answer = tried.json();
    assert_eq!((tried.status, &answer["delivered"]), (200, &json!(false)));
    let error = answer["error"].as_str().unwrap();
    assert!(
        error.contains("cannot be reached") && !error.contains("hush"),
        "{error}"
    );
    bench
        .post("/api/monitoring/sinks/mail/test", json!({}))
        .await
        .problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn history_of_alerts_is_asked_by_time() {
    let bench = Bench::with(quiet(), 1).await;
    bench.encoder("helo-1").go_silent();
    let mut items = Value::Null;
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        items = bench.get("/api/monitoring/alerts").await.json()["items"].clone();
        if items.as_array().is_some_and(|items| !items.is_empty()) {
            break;
        }
    }
    assert_eq!(items[0]["encoder_id"], "helo-1", "{items}");
    let count = async |query: &str| {
        let answer = bench.get(&format!("/api/monitoring/alerts?{query}")).await;
        answer.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(
        count("from=2023-11-14T00:00:00Z&to=2023-11-15T00:00:00Z").await,
        items.as_array().unwrap().len()
    );
    assert_eq!(count("to=2023-11-14T00:00:00Z").await, 0);
    let wrong = bench.get("/api/monitoring/notifications?state=lost").await;
    wrong.problem(422, "validation_failed");
    let wrong = bench.get("/api/monitoring/alerts?from=yesterday").await;
    wrong.problem(422, "validation_failed");
}
