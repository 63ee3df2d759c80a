//! Rate limits over the wire.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use serde_json::json;

use crate::bench::{Answer, Bench, quiet, request};

async fn from(bench: &Bench, last: u8, key: &str) -> Answer {
    let mut request = request("GET", "/api/streams", key, None);
    let peer = SocketAddr::new(IpAddr::from([10, 0, 0, last]), 1000);
    request.extensions_mut().insert(ConnectInfo(peer));
    bench.send(request).await
}

fn refused(answer: &Answer) {
    answer.problem(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn answers_say_how_much_is_left() {
    let bench = Bench::with(Default::default(), 1).await;
    let answer = bench.get("/api/streams").await;
    assert_eq!(
        answer.header("ratelimit-policy"),
        "\"key-read\";q=100;w=60, \"address-read\";q=100;w=60"
    );
    assert!(
        answer
            .header("ratelimit")
            .starts_with("\"key-read\";r=99;t=1"),
        "{:?}",
        answer.headers
    );
    let answer = bench
        .post("/api/encoders/helo-1/control", json!({"action": "mute"}))
        .await;
    assert!(
        answer
            .header("ratelimit-policy")
            .contains("\"key-control\";q=30;w=60")
    );
}

#[tokio::test(start_paused = true)]
async fn one_key_cannot_take_everything() {
    let mut config = quiet();
    config.limits.key.read_per_minute = 3;
    let bench = Bench::with(config, 1).await;
    for _ in 0..3 {
        assert_eq!(bench.get("/api/streams").await.status, 200);
    }
    let answer = bench.get("/api/streams").await;
    refused(&answer);
    assert!(answer.header("ratelimit").contains("\"key-read\";r=0"));
    assert_eq!(
        bench
            .call("GET", "/api/streams", &bench.admin, None)
            .await
            .status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn one_address_cannot_take_everything() {
    let mut config = quiet();
    config.limits.address.read_per_minute = 2;
    let bench = Bench::with(config, 1).await;
    for _ in 0..2 {
        assert_eq!(from(&bench, 1, &bench.read).await.status, 200);
    }
    refused(&from(&bench, 1, &bench.admin).await);
    assert_eq!(from(&bench, 2, &bench.read).await.status, 200);
    // Every route counts, also those without a key and those that do not exist.
    let mut request = request("GET", "/nowhere", "", None);
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1))));
    refused(&bench.send(request).await);
}

#[tokio::test(start_paused = true)]
async fn guessing_keys_is_limited_more_tightly() {
    let mut config = quiet();
    config.limits.failed_auth_per_minute = 3;
    let bench = Bench::with(config, 1).await;
    assert_eq!(from(&bench, 1, &bench.read).await.status, 200);
    for _ in 0..3 {
        let guess = encoder_server::auth::KeyText::generate();
        from(&bench, 1, guess.text().expose())
            .await
            .problem(401, "key_unknown");
    }
    refused(&from(&bench, 1, "em_nonsense").await);
    refused(&from(&bench, 1, &bench.admin).await);
    // A key that worked before still does, and so does every key from elsewhere.
    assert_eq!(from(&bench, 1, &bench.read).await.status, 200);
    assert_eq!(from(&bench, 2, &bench.admin).await.status, 200);
}
