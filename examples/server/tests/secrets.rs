//! Nothing secret reaches a log, an error, a metric or an event.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

#[path = "server/bench.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use all of it")]
mod bench;

use bench::{Bench, good_stream, request, with_header};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
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
    let bench = Bench::new().await;
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
    let mut seen = Vec::new();
    // A wrong key next to the right one, and a secret in a place where it is refused.
    body["destination"]["stream_key"] = json!("bad key with spaces");
    seen.push(bench.post("/api/streams/init", body).await.text);
    let misplaced = json!({"address": "http://127.0.0.1:9", "password": {"x": "hidden-password"}});
    seen.push(bench.put("/api/encoders/helo-1", misplaced).await.text);
    let query = format!("/api/streams?token={}", bench.admin);
    seen.push(bench.get(&query).await.text);
    bench.encoder("helo-1").go_silent();
    bench.encoder("helo-2").fail_stream();
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    for path in [
        "/metrics",
        "/api/encoders",
        "/api/streams",
        "/api/monitoring/metrics",
    ] {
        seen.push(bench.get(path).await.text);
    }
    seen.push(bench.get(&format!("/api/streams/{id}/timeline")).await.text);
    let (events, _) = bench.state.manager().events().resume(0);
    for event in events.unwrap() {
        seen.push(serde_json::to_string(event.as_ref()).unwrap());
    }
    let revoke = bench.state.keys().list().await.unwrap();
    seen.push(format!("{revoke:?} {:?}", bench.state));
    seen.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    assert!(
        seen.iter().any(|text| text.contains("answered")),
        "the log was captured"
    );
    let secrets = [
        &bench.read,
        &bench.control,
        &bench.admin,
        "my-very-own-stream-key",
        "bad key with spaces",
        "device-password",
        "hidden-password",
    ];
    for secret in secrets {
        for text in &seen {
            let place = text.find(secret);
            assert_eq!(
                place,
                None,
                "{}",
                &text[place.unwrap_or(0).saturating_sub(200)..][..300.min(text.len())]
            );
        }
    }
}
