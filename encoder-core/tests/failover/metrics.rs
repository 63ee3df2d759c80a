//! Metrics of a fleet over time.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::Manager;
use encoder_core::model::{EncoderSpec, FailoverRequest, Personality, Protection, StreamId};
use encoder_core::testkit::{FakeEncoder, FakeEncoderFactory};

use super::bench::{Bench, Setup, id, pass};

const SECOND: Duration = Duration::from_secs(1);

/// A warm stream on air.
async fn live(bench: &Bench) -> StreamId {
    bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await
}

fn lines<'a>(text: &'a str, needle: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(needle)).collect()
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let found = text.lines().find_map(|line| line.strip_prefix(series))?;
    found.trim().parse().ok()
}

#[tokio::test(start_paused = true)]
async fn every_series_of_an_encoder_ends_when_it_is_removed() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let device = bench.encoder(&id(2));
    device.go_silent();
    pass(SECOND * 30).await;
    device.come_back();
    pass(SECOND * 30).await;
    bench.manager.cool_down(&id(2)).unwrap();
    pass(SECOND).await;
    let text = bench.manager.render_metrics();
    for series in [
        "encoder_request_failures_total{encoder_id=\"enc-2\",kind=\"device_unreachable\"}",
        "encoder_request_duration_seconds_count{encoder_id=\"enc-2\"}",
        "encoder_coolings_total{encoder_id=\"enc-2\",reason=\"manual\"}",
        "encoder_connection_returns_total{encoder_id=\"enc-2\"}",
    ] {
        assert!(value(&text, series) >= Some(1.0), "{series} in {text}");
    }
    bench.manager.remove_encoder(&id(2), false).await.unwrap();
    pass(SECOND * 30).await;
    let text = bench.manager.render_metrics();
    assert_eq!(lines(&text, "enc-2"), [""; 0]);
    assert!(!lines(&text, "enc-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn counts_of_an_encoder_go_over_to_its_replacement() {
    let device = FakeEncoder::new("enc-1");
    device.go_silent();
    let spec = EncoderSpec::new(id(1), "fake://a").with_driver("fake");
    let manager = Manager::builder()
        .with_driver_factory(Arc::new(FakeEncoderFactory::new().with(&device)))
        .with_encoder(spec.clone());
    let manager = manager.build().await.unwrap();
    pass(SECOND * 30).await;
    let series = "encoder_request_failures_total{encoder_id=\"enc-1\",kind=\"device_unreachable\"}";
    let before = value(&manager.render_metrics(), series).unwrap();
    let moved = EncoderSpec::new(id(1), "fake://b").with_driver("fake");
    manager.update_encoder(moved, None).await.unwrap();
    pass(SECOND * 30).await;
    let after = value(&manager.render_metrics(), series).unwrap();
    assert!(before >= 1.0 && after > before, "{before} and then {after}");
}

#[tokio::test(start_paused = true)]
async fn series_of_a_stream_follow_it_and_end_with_it() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = live(&bench).await;
    pass(SECOND * 5).await;
    let info = |text: &str, encoder: &str, role: &str| {
        let series = format!(
            "encoder_stream_encoder_info{{stream_id=\"{stream}\",encoder_id=\"{encoder}\",role=\"{role}\"}}"
        );
        value(text, &series)
    };
    let text = bench.manager.render_metrics();
    assert_eq!(info(&text, "enc-1", "primary"), Some(1.0), "{text}");
    let live = format!("encoder_stream_state{{stream_id=\"{stream}\",state=\"live\"}}");
    assert_eq!(value(&text, &live), Some(1.0));
    assert_eq!(value(&text, "encoder_streams{state=\"live\"}"), Some(1.0));
    bench
        .manager
        .failover(&stream, FailoverRequest::default())
        .await
        .unwrap();
    pass(SECOND * 10).await;
    let text = bench.manager.render_metrics();
    assert_eq!(info(&text, "enc-2", "primary"), Some(1.0), "{text}");
    assert_eq!(info(&text, "enc-1", "primary"), None);
    let counted = "encoder_failovers_total{reason=\"manual\",result=\"succeeded\"}";
    assert_eq!(value(&text, counted), Some(1.0));
    let total = "encoder_failover_duration_seconds_count{phase=\"total\"}";
    assert_eq!(value(&text, total), Some(1.0));
    bench.manager.stop_stream(&stream).await.unwrap();
    pass(SECOND).await;
    let text = bench.manager.render_metrics();
    assert_eq!(lines(&text, stream.as_str()), [""; 0]);
    assert_eq!(value(&text, "encoder_streams{state=\"live\"}"), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn drill_is_counted_when_the_stream_is_back() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = live(&bench).await;
    pass(SECOND * 5).await;
    bench
        .manager
        .drill(&stream, FailoverRequest::default())
        .await
        .unwrap();
    pass(SECOND * 120).await;
    let text = bench.manager.render_metrics();
    let counted = "encoder_drills_total{result=\"succeeded\"}";
    assert_eq!(value(&text, counted), Some(1.0), "{text}");
}

#[tokio::test(start_paused = true)]
async fn watcher_that_passes_is_told_apart_from_one_that_does_not() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    let series = "encoder_watcher_last_pass_timestamp_seconds{encoder_id=\"enc-1\"}";
    let first = value(&bench.manager.render_metrics(), series).unwrap();
    bench.encoder(&id(1)).go_silent();
    pass(SECOND * 60).await;
    let later = value(&bench.manager.render_metrics(), series).unwrap();
    assert!(later > first + 30.0, "{first} and then {later}");
    let contact = "encoder_last_contact_timestamp_seconds{encoder_id=\"enc-1\"}";
    let contact = value(&bench.manager.render_metrics(), contact).unwrap();
    assert!(contact < first + 10.0, "{contact}");
}
