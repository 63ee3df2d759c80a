//! The ingest that is shipped, as it runs.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::IngestWitness;
use encoder_core::model::{Resolution, Secret};
use encoder_core::testkit::witness::WitnessUnderTest;
use encoder_server::ingest::{LocalIngest, LocalIngestOptions};
use encoder_server::serve;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, good_stream, quiet};
use crate::media::{Publisher, exists, ingest, ingest_with, target, until_seen, witness};

const SECRET: &str = "ingest-secret-0123456789abcdef";

/// The witness of a real nginx, to which a real ffmpeg publishes.
async fn nginx() -> WitnessUnderTest {
    let ingest = ingest().await;
    let target = target(&ingest, "conforming-publisher");
    let witness = Arc::new(witness(&ingest));
    let ingest = Arc::new(Mutex::new(Some(ingest)));
    let publisher: Arc<Mutex<Option<Publisher>>> = Arc::default();
    let (publishing, leaving) = (Arc::clone(&publisher), publisher);
    let published = target.clone();
    WitnessUnderTest::new(witness, target)
        .with_elsewhere("rtmp://elsewhere.example/live")
        .within(Duration::from_secs(10))
        .with_publish(move || {
            let (publisher, target) = (Arc::clone(&publishing), published.clone());
            async move { *publisher.lock().await = Some(Publisher::start(&target).await) }
        })
        .with_leave(move || {
            let publisher = Arc::clone(&leaving);
            async move { publisher.lock().await.take().unwrap().stop().await }
        })
        .with_kill(move || {
            let ingest = Arc::clone(&ingest);
            async move { ingest.lock().await.take().unwrap().shutdown().await }
        })
}

encoder_core::witness_conformance!(nginx_rtmp, nginx);

/// A server on a socket and an ingest that asks it.
struct Pair {
    bench: Bench,
    ingest: LocalIngest,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Pair {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = LocalIngestOptions::new().with_authorize(address, Secret::from(SECRET));
        let ingest = ingest_with(options).await;
        let mut config = quiet();
        config.ingest.secret = Some(Secret::from(SECRET));
        config.ingest.witness = Some(ingest.witness_config());
        let bench = Bench::with(config, 2).await;
        let stop = CancellationToken::new();
        let served = serve(
            bench.state.clone(),
            listener,
            stop.clone().cancelled_owned(),
        );
        #[expect(clippy::disallowed_methods, reason = "a test is its own supervisor")]
        let server = tokio::spawn(served);
        Self {
            bench,
            ingest,
            stop,
            server,
        }
    }

    /// A stream whose encoder claims to publish to the ingest.
    async fn stream(&self, key: &str) -> Value {
        let mut body = good_stream();
        body["destination"] = json!({"url": self.ingest.rtmp_url("live"), "stream_key": key});
        let answer = self.bench.post("/api/streams/init?wait=live", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// Waits until the stream's health tells of its media, and gives what it tells.
    async fn until_reported(&self, stream: &Value) -> Value {
        let id = stream["stream_id"].as_str().unwrap();
        let path = format!("/api/streams/{id}/health");
        for _ in 0..200 {
            let report = self.bench.get(&path).await.json()["ingest"].take();
            if report["receiving"] == true && !report["resolution"].is_null() {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("media of {id} was not reported within ten seconds");
    }
}

#[tokio::test]
async fn who_holds_a_streams_key_is_let_in_and_its_media_is_reported() {
    let pair = Pair::start().await;
    let witness = witness(&pair.ingest);
    let known = target(&pair.ingest, "a-key-that-is-known");
    let mut stranger = Publisher::start(&target(&pair.ingest, "a-key-of-nobody")).await;
    let stream = pair.stream("a-key-that-is-known").await;
    let publisher = Publisher::start(&known).await;
    until_seen(&witness, &known, true).await;
    assert!(stranger.is_turned_away().await);

    let report = pair.until_reported(&stream).await;
    assert_eq!(report["witness"], "nginx-rtmp");
    assert_eq!(report["resolution"], "1280x720");
    assert_eq!(report["publishers"], 1);
    assert_eq!(report["fps"], Value::Null);
    assert!(report["seen_at"].is_string() && report["since"].is_string());
    publisher.stop().await;
}

#[tokio::test]
async fn who_takes_over_finds_the_key_free() {
    let pair = Pair::start().await;
    let (witness, target) = (
        witness(&pair.ingest),
        target(&pair.ingest, "passed-from-hand"),
    );
    let stream = pair.stream("passed-from-hand").await;
    let mut first = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    // The manager has to see it as well, to know that somebody is in the way.
    pair.until_reported(&stream).await;
    let second = Publisher::start(&target).await;
    assert!(first.is_turned_away().await);
    until_seen(&witness, &target, true).await;
    second.stop().await;
}

#[tokio::test]
async fn a_server_that_is_gone_keeps_nobody_off_air() {
    let pair = Pair::start().await;
    pair.stop.cancel();
    pair.server.await.unwrap().unwrap();
    let (witness, target) = (witness(&pair.ingest), target(&pair.ingest, "nobody-to-ask"));
    let publisher = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    publisher.stop().await;
}

#[tokio::test]
async fn a_publisher_is_seen_with_all_that_nginx_knows() {
    let ingest = ingest().await;
    let (witness, target) = (witness(&ingest), target(&ingest, "first-publisher"));
    let publisher = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    let seen = witness.look().await.unwrap();
    let [sighting] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    let [who] = sighting.publishers.as_slice() else {
        panic!("{sighting:?}")
    };
    assert!(who.address.unwrap().is_loopback());
    assert!(who.agent.is_some() && sighting.connected_for.is_some());
    assert_eq!(sighting.resolution, Some(Resolution::new(1280, 720)));
    publisher.stop().await;
    until_seen(&witness, &target, false).await;
}

#[tokio::test]
async fn a_second_publisher_is_refused() {
    let ingest = ingest().await;
    let (witness, target) = (witness(&ingest), target(&ingest, "one-at-a-time"));
    let first = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    let mut second = Publisher::start(&target).await;
    assert!(second.is_turned_away().await);
    until_seen(&witness, &target, true).await;
    first.stop().await;
}

#[tokio::test]
async fn a_publisher_that_hangs_is_dropped() {
    let options = LocalIngestOptions::new().with_idle_timeout(Duration::from_secs(1));
    let ingest = ingest_with(options).await;
    let (witness, target) = (witness(&ingest), target(&ingest, "soon-silent"));
    let publisher = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    publisher.pause();
    until_seen(&witness, &target, false).await;
    publisher.stop().await;
}

#[tokio::test]
async fn a_local_ingest_ends_when_told_and_when_dropped() {
    let first = ingest().await;
    let pid = first.pid();
    assert!(exists(pid));
    first.shutdown().await;
    assert!(!exists(pid));
    let second = ingest().await;
    let pid = second.pid();
    drop(second);
    while exists(pid) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
