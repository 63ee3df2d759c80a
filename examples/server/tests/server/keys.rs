//! API keys over the wire.

use serde_json::json;

use crate::bench::{Bench, quiet, request};

#[tokio::test(start_paused = true)]
async fn refusals_have_codes() {
    let bench = Bench::new().await;
    let get = async |key: &str| bench.call("GET", "/api/streams", key, None).await;
    let missing = get("").await;
    missing.problem(401, "key_missing");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    get("em_nonsense").await.problem(401, "key_malformed");
    let stranger = encoder_server::auth::KeyText::generate();
    get(stranger.text().expose())
        .await
        .problem(401, "key_unknown");
    let basic = {
        let mut request = request("GET", "/api/streams", "", None);
        request
            .headers_mut()
            .insert("authorization", "Basic dXNlcjpwYXNz".parse().unwrap());
        bench.send(request).await
    };
    basic.problem(401, "key_missing");
}

#[tokio::test(start_paused = true)]
async fn a_key_lives_from_creation_to_revocation() {
    let bench = Bench::new().await;
    let wish = json!({"name": "night shift", "scope": "read"});
    let made = bench
        .call("POST", "/api/keys", &bench.admin, Some(wish))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    let expires_at = made["expires_at"].as_str().unwrap();
    assert!(expires_at.starts_with("2023-12-14T22:13:2"), "{made}");
    assert_eq!(
        bench.call("GET", "/api/streams", key, None).await.status,
        200
    );

    let list = bench.call("GET", "/api/keys", &bench.admin, None).await;
    assert!(!list.text.contains(key), "a key is shown once");
    assert!(!list.text.contains("hash"), "{}", list.text);
    let list = list.json();
    let found = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["key_id"] == made["key_id"]);
    assert!(found.unwrap()["last_used_at"].is_string());

    let path = format!("/api/keys/{}", made["key_id"].as_str().unwrap());
    let revoked = bench.call("DELETE", &path, &bench.admin, None).await.json();
    assert!(revoked["revoked_at"].is_string());
    bench
        .call("GET", "/api/streams", key, None)
        .await
        .problem(401, "key_revoked");
}

#[tokio::test(start_paused = true)]
async fn a_key_expires_when_it_was_told_to() {
    let bench = Bench::new().await;
    let wish = json!({"name": "guest", "scope": "read", "expires_at": "2023-11-14T22:14:20Z"});
    let made = bench
        .call("POST", "/api/keys", &bench.admin, Some(wish))
        .await
        .json();
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        bench.call("GET", "/api/streams", key, None).await.status,
        200
    );
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    bench
        .call("GET", "/api/streams", key, None)
        .await
        .problem(401, "key_expired");
}

#[tokio::test(start_paused = true)]
async fn scopes_nest() {
    let bench = Bench::new().await;
    let wish = json!({"name": "x", "scope": "root"});
    let answer = bench
        .call("POST", "/api/keys", &bench.admin, Some(wish))
        .await;
    assert_eq!(
        answer.problem(422, "validation_failed")["errors"][0]["field"],
        "scope"
    );
    for (method, path, needs) in [
        ("GET", "/api/streams", 0),
        ("GET", "/metrics", 0),
        ("GET", "/api/events?stream_id=a%20b", 0),
        ("POST", "/api/streams/init", 1),
        ("POST", "/encoders/helo-1/control", 1),
        ("DELETE", "/api/encoders/none", 1),
        ("GET", "/api/keys", 2),
        ("POST", "/api/keys", 2),
    ] {
        for (has, key) in [&bench.read, &bench.control, &bench.admin]
            .into_iter()
            .enumerate()
        {
            let answer = bench.call(method, path, key, None).await;
            let refused = answer.status == 403;
            assert_eq!(
                refused,
                has < needs,
                "{method} {path} with scope {has}: {}",
                answer.text
            );
            if refused {
                answer.problem(403, "scope_insufficient");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn open_routes_need_no_key() {
    let bench = Bench::new().await;
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        assert_eq!(
            bench.call("GET", path, "", None).await.status,
            200,
            "{path}"
        );
    }
    bench
        .call("GET", "/metrics", "", None)
        .await
        .problem(401, "key_missing");
    let mut config = quiet();
    config.metrics_open = true;
    let open = Bench::with(config, 1).await;
    let metrics = open.call("GET", "/metrics", "", None).await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.text.contains("encoder_health_score"),
        "{}",
        metrics.text
    );
}
