//! Who did what, as an admin reads it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{Bench, good_stream, quiet, request, with_header};

async fn audit(bench: &Bench, query: &str) -> Vec<Value> {
    let path = format!("/api/audit{query}");
    let answer = bench.call("GET", &path, &bench.admin, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_act_is_kept_with_who_what_and_outcome() {
    let bench = Bench::new().await;
    let asked = request(
        "POST",
        "/api/streams/init",
        &bench.control,
        Some(good_stream()),
    );
    let asked = with_header(asked, "x-request-id", "req_show");
    let stream = bench.send(asked).await.json();
    let id = stream["stream_id"].as_str().unwrap();
    bench.get(&format!("/api/streams/{id}")).await;
    bench.delete(&format!("/api/streams/{id}")).await;
    bench.delete("/api/streams/str_none").await;

    let found = audit(&bench, "").await;
    let shown: Vec<_> = found
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["status"].as_u64()))
        .collect();
    let stop = "DELETE /api/streams/{id}";
    assert_eq!(
        shown,
        [
            (stop, Some(404)),
            (stop, Some(200)),
            ("POST /api/streams/init", Some(201))
        ],
        "newest first, and reading is no act"
    );
    assert_eq!(found[0]["code"], "not_found");
    assert_eq!(found[1]["subject"]["id"], id);
    let start = &found[2];
    assert_eq!(start["subject"]["made"], format!("/api/streams/{id}"));
    assert_eq!(start["request_id"], "req_show");
    assert_eq!(start["via"], "api");
    assert_eq!(start["actor"]["name"], "controller");
    assert_eq!(start["actor"]["scope"], "control");
    assert!(start["address"].is_string() && start["took_ms"].is_u64());
    let secret = stream["stream_key"].as_str().unwrap();
    assert!(!found.iter().any(|entry| entry.to_string().contains(secret)));

    let by_subject = audit(&bench, &format!("?subject={id}&action=DELETE")).await;
    assert_eq!(by_subject.len(), 1);
    let key = start["actor"]["key_id"].as_str().unwrap();
    assert_eq!(audit(&bench, &format!("?key={key}")).await.len(), 3);
    let old = audit(&bench, "?to=2023-11-01T00:00:00Z").await;
    assert_eq!(old, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn looking_at_secrets_is_an_act() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let path = format!("/api/streams/{}", stream["stream_id"].as_str().unwrap());
    let revealed = format!("{path}?reveal=key");
    bench.call("GET", &path, &bench.control, None).await;
    bench.call("GET", &revealed, &bench.control, None).await;
    bench.call("GET", "/api/keys", &bench.admin, None).await;
    let found = audit(&bench, "?action=GET").await;
    let actions: Vec<_> = found
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["GET /api/keys", "GET /api/streams/{id}"]);
    assert_eq!(found[1]["subject"]["reveal"], "key");
}

#[tokio::test(start_paused = true)]
async fn refused_keys_are_kept_without_the_key() {
    let bench = Bench::new().await;
    let stranger = encoder_server::auth::KeyText::generate();
    let stranger = stranger.text().expose();
    bench.call("GET", "/api/streams", stranger, None).await;
    bench.call("GET", "/api/streams", "", None).await;
    bench
        .call("POST", "/api/keys", &bench.control, Some(json!({})))
        .await;
    let found = audit(&bench, "").await;
    let shown: Vec<_> = found
        .iter()
        .map(|entry| {
            (
                entry["status"].as_u64().unwrap(),
                entry["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (403, "scope_insufficient"),
            (401, "key_missing"),
            (401, "key_unknown")
        ]
    );
    assert_eq!(found[0]["actor"]["name"], "controller");
    assert!(found[1]["actor"].is_null());
    assert!(!format!("{found:?}").contains(stranger));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_shut_out_fills_no_log() {
    let mut config = quiet();
    config.limits.failed_auth_per_minute = 3;
    let bench = Bench::with(config, 1).await;
    audit(&bench, "").await;
    for _ in 0..20 {
        bench.call("GET", "/api/streams", "em_nonsense", None).await;
    }
    let found = audit(&bench, "?limit=100&action=streams").await;
    assert!((1..=3).contains(&found.len()), "{found:#?}");
}

#[tokio::test(start_paused = true)]
async fn only_an_admin_reads_it_and_wrong_questions_are_named() {
    let bench = Bench::new().await;
    let answer = bench.call("GET", "/api/audit", &bench.control, None).await;
    answer.problem(403, "scope_insufficient");
    let wrong = "/api/audit?from=yesterday&to=soon";
    let answer = bench.call("GET", wrong, &bench.admin, None).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(crate::bench::fields(&problem), ["to", "from"]);
}

/// A store that is down must not hold up the act that saves a show.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_delays_an_answer_by_little() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let id = stream["stream_id"].as_str().unwrap();
    bench.store.break_down();
    let began = tokio::time::Instant::now();
    let path = format!("/api/streams/{id}/failover");
    let answer = bench.post(&path, json!({})).await;
    assert_ne!(answer.status, 500, "{}", answer.text);
    assert!(
        began.elapsed() <= Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_act_whose_client_went_away_is_kept_as_well() {
    let bench = Bench::new().await;
    let answer = tokio::time::timeout(
        Duration::from_millis(1),
        bench.post("/api/streams/init?wait=live", good_stream()),
    );
    assert!(answer.await.is_err(), "the client is impatient");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let found = audit(&bench, "?action=init").await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["status"].is_null());
}
