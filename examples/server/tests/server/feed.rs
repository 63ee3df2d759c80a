//! The live feed as server-sent events.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::bench::{Bench, request, with_header};

/// A client of the event stream.
struct Feed {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug)]
struct Told {
    id: Option<u64>,
    event: String,
    data: Value,
}

impl Feed {
    async fn open(bench: &Bench, path: &str, after: Option<u64>) -> Self {
        let mut request = request("GET", path, &bench.read, None);
        if let Some(after) = after {
            request = with_header(request, "last-event-id", &after.to_string());
        }
        Self::of(bench, request).await
    }

    async fn of(bench: &Bench, request: axum::http::Request<Body>) -> Self {
        let response = bench.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; `None` when the feed ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|v| v.trim().to_owned())
                };
                let told = field("event:").map(|event| Told {
                    id: field("id:").map(|id| id.parse().unwrap()),
                    event,
                    data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                });
                self.text = rest.to_owned();
                if told.is_some() {
                    return told;
                }
                continue;
            }
            let bytes = tokio::time::timeout(Duration::from_secs(60), self.body.next()).await;
            let bytes = bytes.expect("the feed says nothing")?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failover_is_told_without_a_gap() {
    let bench = Bench::new().await;
    let stream = bench.live_stream().await;
    let id = stream["stream_id"].as_str().unwrap();
    let mut feed = Feed::open(&bench, &format!("/api/events?stream_id={id}"), None).await;
    bench
        .encoder(stream["primary"]["encoder_id"].as_str().unwrap())
        .go_silent();
    let (mut last, mut kinds) = (None, Vec::new());
    loop {
        let told = feed.next().await.unwrap();
        assert_eq!(
            told.data["stream_id"], id,
            "only what was asked for: {told:?}"
        );
        assert!(told.data["timestamp"].is_string() && told.id.is_some());
        let sequence = told.data["sequence"].as_u64().unwrap();
        if let Some(last) = last {
            assert_eq!(sequence, last + 1, "{told:?}");
        }
        last = Some(sequence);
        let done = told.event == "stream_failover" && told.data["phase"] == "completed";
        kinds.push(told.event);
        if done {
            break;
        }
    }
    for kind in ["stream_error", "stream_failover", "stream_health"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} in {kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_returning_client_catches_up() {
    let bench = Bench::new().await;
    let mut feed = Feed::open(&bench, "/api/events", None).await;
    bench.live_stream().await;
    let first = feed.next().await.unwrap().id.unwrap();
    drop(feed);
    let mut again = Feed::open(&bench, "/api/events", Some(first)).await;
    assert_eq!(again.next().await.unwrap().id, Some(first + 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_of_another_life_is_told_to_read_again() {
    let bench = Bench::new().await;
    let mut feed = Feed::open(&bench, "/api/events", Some(1_000_000)).await;
    let told = feed.next().await.unwrap();
    assert_eq!(
        (told.event.as_str(), &told.data["resync"]),
        ("lagged", &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn the_feed_ends_with_the_key() {
    let bench = Bench::new().await;
    let wish = json!({"name": "x", "scope": "read"});
    let key = bench
        .call("POST", "/api/keys", &bench.admin, Some(wish))
        .await
        .json();
    let request = request("GET", "/api/events", key["key"].as_str().unwrap(), None);
    let mut feed = Feed::of(&bench, request).await;
    let path = format!("/api/keys/{}", key["key_id"].as_str().unwrap());
    bench.call("DELETE", &path, &bench.admin, None).await;
    let end = loop {
        let told = feed.next().await.unwrap();
        if told.event == "end" {
            break told;
        }
    };
    assert_eq!(end.data["code"], "key_revoked");
    assert!(feed.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn unknown_subjects_are_refused() {
    let bench = Bench::new().await;
    bench
        .get("/api/events?stream_id=none")
        .await
        .problem(404, "not_found");
    bench
        .get("/api/events?encoder_id=a%20b")
        .await
        .problem(422, "validation_failed");
}
