//! The metrics of a server with a fleet.

use encoder_core::Manager;
use encoder_core::metrics::{Declaration, table};
use encoder_core::testkit::docs::assert_region;
use encoder_core::testkit::promtool;

use crate::bench::{Bench, good_stream, quiet};

/// The metrics that the server adds to those of a manager.
async fn added(bench: &Bench) -> Vec<Declaration> {
    let plain = Manager::builder().build().await.unwrap();
    let known = plain.metrics().declarations();
    let all = bench.state.manager().metrics().declarations();
    all.into_iter().filter(|one| !known.contains(one)).collect()
}

fn value(text: &str, series: &str) -> Option<f64> {
    let found = text.lines().find_map(|line| line.strip_prefix(series))?;
    found.trim().parse().ok()
}

#[tokio::test(start_paused = true)]
async fn docs_list_every_metric_of_the_server() {
    let added = added(&Bench::new().await).await;
    let page = "../../encoder-core/src/docs/metrics.md";
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    assert_region(page, "server", &table(&added));
}

#[tokio::test(start_paused = true)]
async fn promtool_has_no_complaint_about_a_scrape() {
    let bench = Bench::new().await;
    bench.live_stream().await;
    let text = bench.get("/metrics").await.text;
    let test = "promtool_has_no_complaint_about_a_scrape";
    let complaints = promtool::complaints(test, &text);
    assert_eq!(complaints, [""; 0], "{text}");
}

#[tokio::test(start_paused = true)]
async fn every_metric_of_the_server_is_told() {
    let bench = Bench::new().await;
    bench.get("/api/streams").await;
    let text = bench.get("/metrics").await.text;
    for Declaration { name, .. } in added(&bench).await {
        assert!(
            text.contains(&format!("# TYPE {name} ")),
            "{name} in {text}"
        );
    }
    let requests =
        "encoder_server_requests_total{method=\"GET\",route=\"/api/streams\",status=\"200\"}";
    assert_eq!(value(&text, requests), Some(1.0));
    let seconds = "encoder_server_request_duration_seconds_count{method=\"GET\",route=\"/api/streams\",status_class=\"2xx\"}";
    assert_eq!(value(&text, seconds), Some(1.0));
    assert!(value(&text, "process_resident_memory_bytes ") > Some(1e6));
    assert!(value(&text, "process_start_time_seconds ") > Some(1e9));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_by_the_limit_that_refused() {
    let mut config = quiet();
    config.limits.key.control_per_minute = 1;
    config.limits.failed_auth_per_minute = 1;
    let bench = Bench::with(config, 1).await;
    for _ in 0..3 {
        bench.post("/api/streams/init", good_stream()).await;
    }
    let before = bench.get("/metrics").await.text;
    let scope = |scope| format!("encoder_server_rate_limited_total{{scope=\"{scope}\"}}");
    assert_eq!(value(&before, &scope("key_control")), Some(2.0), "{before}");
    assert_eq!(value(&before, &scope("socket_messages")), Some(0.0));
    for _ in 0..3 {
        bench.call("GET", "/api/streams", "em_wrong", None).await;
    }
    let text = bench.state.manager().render_metrics();
    assert_eq!(value(&text, &scope("failed_auth")), Some(2.0), "{text}");
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_by_transport_and_gone_when_they_leave() {
    let bench = Bench::new().await;
    let clients = |transport| {
        let text = bench.state.manager().render_metrics();
        value(
            &text,
            &format!("encoder_server_clients{{transport=\"{transport}\"}}"),
        )
    };
    assert_eq!(
        (clients("sse"), clients("socketio")),
        (Some(0.0), Some(0.0))
    );
    let request = crate::bench::request("GET", "/api/events", &bench.read, None);
    let open = tower::ServiceExt::oneshot(bench.app.clone(), request)
        .await
        .unwrap();
    assert_eq!(
        (clients("sse"), clients("websocket")),
        (Some(1.0), Some(0.0))
    );
    drop(open);
    // The task that fills the client's inbox ends on its next turn.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    assert_eq!(clients("sse"), Some(0.0));
}
