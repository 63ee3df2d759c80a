//! Documents: one of each kind, as a small fleet shows it at a fixed moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::foreign::{Engine, compute};
use encoder_core::model::{EncoderId, EncoderSpec, Timestamp};
use encoder_core::tasks::Clock;
use encoder_core::testkit::{FakeEncoder, FakeEncoderFactory};
use encoder_core::{Manager, Result};
use serde_json::{Map, Value, json};

use crate::file;

/// 2026-11-26T08:00:00Z.
const MOMENT: Timestamp = Timestamp::from_millis(1_795_680_000_000);

/// Two encoders in two rooms, one of them warm, with a stream on the other.
async fn studio() -> Result<Engine> {
    let warm = FakeEncoder::new("helo-1").with_capability(|can| can.reports_temperature = true);
    warm.set_temperature(61.5);
    let spare = FakeEncoder::new("helo-2");
    let factory = FakeEncoderFactory::new().with(&warm).with(&spare);
    let mut builder = Manager::builder()
        .with_clock(Clock::anchored(MOMENT))
        .with_driver_factory(Arc::new(factory));
    for (id, site) in [("helo-1", "studio"), ("helo-2", "van")] {
        let spec = EncoderSpec::new(EncoderId::try_new(id)?, "fake").with_driver("fake");
        builder = builder.with_encoder(spec.with_site(site));
    }
    let engine = Engine::new(builder.build().await?);
    for id in ["helo-1", "helo-2"] {
        engine
            .act("monitor_encoder", &json!({"encoder_id": id}).to_string())
            .await?;
    }
    Ok(engine)
}

async fn on_air(engine: &Engine) -> Result<Value> {
    let wish = json!({"stream_id": "str_show", "wait_live_seconds": 30, "request": {
        "resolution": "1920x1080", "bitrate": 5_000_000, "fps": 30, "name": "Council meeting",
        "encoder_id": "helo-1", "labels": {"room": "A"},
        "destination": {"url": "rtmp://ingest.example/live", "stream_key": "not_a_secret"}}});
    let live = parsed(&engine.act("start_stream", &wish.to_string()).await?);
    // Until the backup is ready and nothing moves any more.
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(live)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Reads under the names of their documents.
fn reads(engine: &Engine) -> Result<Map<String, Value>> {
    let encoder = json!({"encoder_id": "helo-1"});
    let stream = json!({"stream_id": "str_show"});
    let wanted = [
        ("encoder", "Encoder", &encoder),
        ("encoder_status", "EncoderStatus", &encoder),
        ("encoder_metrics", "EncoderMetrics", &encoder),
        ("encoder_health", "EncoderHealthAnswer", &encoder),
        ("assignments", "EncoderAssignments", &encoder),
        ("thermal", "Temperature", &encoder),
        ("fleet_counts", "FleetCounts", &json!({})),
        ("stream", "Stream", &stream),
        ("stream_health", "StreamHealth", &stream),
        ("load_balancer", "LoadBalancer", &json!({})),
        ("storage", "Storage", &json!({})),
    ]
    .map(|(command, document, arguments)| (command, document, arguments.to_string()));
    let read = |(command, document, arguments): (&str, &str, String)| {
        Ok((
            document.to_owned(),
            parsed(&engine.read(command, &arguments)?),
        ))
    };
    wanted.into_iter().map(read).collect()
}

/// Puts fixed text in the place of generated ids.
fn fix_ids(value: &mut Value) {
    match value {
        Value::String(text) => {
            let found = ["alt_", "inc_"]
                .into_iter()
                .find(|prefix| text.starts_with(prefix));
            if let Some(prefix) = found {
                *text = format!("{prefix}generated");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(fix_ids),
        Value::Object(fields) => fields.values_mut().for_each(fix_ids),
        _ => {}
    }
}

/// The first event of each kind, and the timeline.
async fn what_happened(engine: &Engine) -> Result<(Value, Value)> {
    let mut feed = engine.events(r#"{"after": 0}"#)?;
    let mut events = BTreeMap::new();
    for event in feed.next(10_000).await.iter().map(|event| parsed(event)) {
        let name = event["event"].as_str().expect("a name").to_owned();
        events.entry(name).or_insert(event);
    }

    let timeline = engine
        .act("timeline", r#"{"stream_id": "str_show"}"#)
        .await?;
    Ok((json!(events), parsed(&timeline)))
}

#[tokio::test(start_paused = true)]
async fn documents_are_those_of_the_vector_file() {
    let engine = studio().await.unwrap();
    let started = on_air(&engine).await.unwrap();
    let mut documents = reads(&engine).unwrap();
    documents.insert("StreamStarted".to_owned(), started);
    let moved = engine.act(
        "failover",
        r#"{"stream_id": "str_show", "request": {"reason": "rehearsal"}}"#,
    );
    documents.insert("FailoverAccepted".to_owned(), parsed(&moved.await.unwrap()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (events, timeline) = what_happened(&engine).await.unwrap();
    documents.insert("Timeline".to_owned(), timeline);
    documents.insert(
        "ManagerConfig".to_owned(),
        parsed(&compute("default_config", "{}").unwrap()),
    );
    let mut file = json!({"documents": documents, "events": events});
    fix_ids(&mut file);
    file::assert_is("documents.json", &file::pretty(&file));
}
