use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::ManagerConfig;
use crate::model::{EncoderId, EncoderSpec};
use crate::testkit::{FakeEncoder, FakeEncoderFactory};

/// Two fake encoders that were heard of, and commands for them.
async fn engine(config: ManagerConfig) -> (Engine, Vec<FakeEncoder>) {
    let encoders: Vec<_> = ["a", "b"].map(FakeEncoder::new).into();
    let factory = encoders
        .iter()
        .fold(FakeEncoderFactory::new(), FakeEncoderFactory::with);
    let mut builder = Manager::builder()
        .with_config(config)
        .with_driver_factory(Arc::new(factory));
    for id in ["a", "b"] {
        let id = EncoderId::try_new(id).unwrap();
        builder = builder.with_encoder(EncoderSpec::new(id, "fake").with_driver("fake"));
    }
    let engine = Engine::new(builder.build().await.unwrap());
    for id in ["a", "b"] {
        let seen = act(&engine, "monitor_encoder", json!({"encoder_id": id})).await;
        assert_eq!(seen.unwrap()["encoder"]["status"], "online");
    }
    (engine, encoders)
}

fn parsed(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

async fn act(engine: &Engine, name: &str, arguments: Value) -> Result<Value> {
    let answer = engine.act(name, &arguments.to_string()).await?;
    Ok(parsed(&answer))
}

fn read(engine: &Engine, name: &str, arguments: Value) -> Result<Value> {
    Ok(parsed(&engine.read(name, &arguments.to_string())?))
}

fn request() -> Value {
    json!({"resolution": "1280x720", "bitrate": 4_500_000, "fps": 30,
        "destination": {"url": "rtmp://ingest.example/live"}})
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_through_its_life() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    let wish = json!({"request": request(), "stream_id": "show", "wait_live_seconds": 30});
    let live = act(&engine, "start_stream", wish).await.unwrap();
    assert_eq!(live["state"], "live");
    assert_ne!(live["stream_key"], crate::model::MASK, "shown once");
    let this = json!({"stream_id": "show"});
    let shown = read(&engine, "stream", this.clone()).unwrap();
    assert_eq!(shown["stream_key"], crate::model::MASK);
    let change = json!({"stream_id": "show", "changes": {"bitrate": 3_000_000}});
    let changed = act(&engine, "update_stream", change).await.unwrap();
    assert_eq!(changed["config"]["bitrate"], 3_000_000);
    let moved = act(&engine, "failover", this.clone()).await.unwrap();
    assert_ne!(moved["from"], moved["to"]);
    let stopped = act(&engine, "stop_stream", this.clone()).await.unwrap();
    assert_eq!(stopped["state"], "stopped");
    let told = act(&engine, "timeline", this).await.unwrap();
    assert!(told.as_array().unwrap().len() > 3, "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_write_of_what_was_read_needs_the_revision_that_was_read() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    let of_encoder = json!({"encoder_id": "a"});
    let read_revision =
        || read(&engine, "encoder", of_encoder.clone()).unwrap()["revision"].clone();
    let old = read_revision();
    assert!(old.as_u64() > Some(0), "{old}");
    let write = async |expect: &Value, site: &str| {
        let encoder = json!({"encoder_id": "a", "address": "fake", "driver": "fake", "site": site});
        let wish = json!({"encoder_id": "a", "encoder": encoder, "expect_revision": expect});
        act(&engine, "update_encoder", wish).await
    };
    let changed = write(&old, "north").await.unwrap();
    assert!(changed["revision"].as_u64() > old.as_u64(), "{changed}");
    assert_eq!(changed["revision"], read_revision());
    let late = write(&old, "south").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::RevisionMismatch);
    let row = &read(&engine, "encoders", json!({})).unwrap()[0];
    assert_eq!(
        (&row["site"], &row["revision"]),
        (&json!("north"), &changed["revision"])
    );
    write(&row["revision"], "south").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_stream_needs_the_revision_that_was_read() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    let wish = json!({"request": request(), "stream_id": "show", "wait_live_seconds": 30});
    let live = act(&engine, "start_stream", wish).await.unwrap();
    assert!(live["revision"].as_u64() > Some(0), "{live}");
    // Until its backup is ready and nothing is written any more.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let read_stream = || read(&engine, "stream", json!({"stream_id": "show"})).unwrap();
    let old = read_stream()["revision"].clone();
    let write = async |expect: &Value, bitrate: u64| {
        let changes = json!({"bitrate": bitrate});
        let wish = json!({"stream_id": "show", "changes": changes, "expect_revision": expect});
        act(&engine, "update_stream", wish).await
    };
    write(&old, 3_000_000).await.unwrap();
    let late = write(&old, 2_000_000).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::RevisionMismatch);
    let row = &read(&engine, "streams", json!({})).unwrap()[0];
    assert_eq!(row["config"]["bitrate"], 3_000_000);
    assert_eq!(row["revision"], read_stream()["revision"]);
    assert!(row["revision"].as_u64() > old.as_u64(), "{row}");
    write(&row["revision"], 2_000_000).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_wait_stops_the_stream() {
    let (engine, encoders) = engine(ManagerConfig::default()).await;
    for encoder in &encoders {
        encoder.accept_start_but_never_stream();
    }
    let wish = json!({"request": request(), "stream_id": "show", "wait_live_seconds": 600});
    let starting = act(&engine, "start_stream", wish);
    let waited = tokio::time::timeout(Duration::from_secs(1), starting).await;
    assert!(waited.is_err(), "it was still waiting");
    let stopped = async {
        while read(&engine, "stream", json!({"stream_id": "show"})).unwrap()["state"] != "stopped" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, stopped)
        .await
        .expect("stopped");
}

#[tokio::test(start_paused = true)]
async fn every_command_names_what_is_wrong_with_its_arguments() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    for name in Engine::READS {
        for arguments in ["[]", "7", "{", "null", r#"{"no_such_field":1}"#, ""] {
            let error = engine.read(name, arguments).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::ValidationFailed,
                "{name}({arguments})"
            );
            assert_eq!(error.operation(), Some(*name));
        }
    }
    for name in Engine::ACTS {
        for arguments in ["[]", "{", r#"{"no_such_field":1}"#] {
            let error = engine.act(name, arguments).await.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::ValidationFailed,
                "{name}({arguments})"
            );
            assert_eq!(error.operation(), Some(*name));
        }
    }
    for unknown in ["", "encoder ", "start_stream"] {
        let error = engine.read(unknown, "{}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test(start_paused = true)]
async fn reads_answer_of_a_fleet_at_rest() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    let of_encoder = [
        "encoder",
        "encoder_status",
        "encoder_metrics",
        "encoder_health",
        "thermal",
        "assignments",
    ];
    for name in Engine::READS {
        let answer = match *name {
            "stream" | "stream_health" => continue,
            name if of_encoder.contains(&name) => read(&engine, name, json!({"encoder_id": "a"})),
            name => read(&engine, name, json!({})),
        };
        assert!(!answer.unwrap().is_null(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_feed_tells_of_one_stream_and_resumes() {
    let (engine, _encoders) = engine(ManagerConfig::default()).await;
    let before = engine.manager().events().last_id();
    let wish = json!({"request": request(), "stream_id": "show", "wait_live_seconds": 30});
    act(&engine, "start_stream", wish).await.unwrap();
    let interest = json!({"stream_id": "show", "after": before}).to_string();
    let mut feed = engine.events(&interest).unwrap();
    let events = feed.next(100).await;
    assert!(!events.is_empty());
    for event in events.iter().map(|event| parsed(event)) {
        assert_eq!(event["event"], "stream_health");
        assert_eq!(event["data"]["stream_id"], "show");
        assert!(event["id"].as_u64() > Some(before));
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_fell_behind_says_what_it_lost() {
    let config = ManagerConfig {
        event_capacity: 8,
        ..ManagerConfig::default()
    };
    let (engine, _encoders) = engine(config).await;
    let mut feed = engine.events("{}").unwrap();
    let bus = engine.manager().events().clone();
    let first = bus.last_id();
    for number in 0..20 {
        let kind = crate::model::EventKind::StreamError(crate::model::StreamErrorReport {
            stream_id: "show".parse().unwrap(),
            encoder_id: None,
            code: number.to_string(),
            severity: crate::model::Severity::Info,
            message: String::new(),
        });
        let subject = crate::model::Subject::Stream("show".parse().unwrap());
        bus.publish(subject, engine.manager().clock().now(), kind);
    }
    let mut seen = Vec::new();
    while seen
        .last()
        .is_none_or(|event: &Value| event["id"].as_u64() != Some(first + 20))
    {
        seen.extend(feed.next(3).await.iter().map(|event| parsed(event)));
    }
    assert_eq!(seen[0], json!({"event": "lagged", "data": {"lost": 12}}));
    assert_eq!(seen.len(), 1 + 8, "{seen:?}");
}
