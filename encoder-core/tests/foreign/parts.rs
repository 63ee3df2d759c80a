//! Objects that take part in a manager that is made from a document.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::ErrorKind;
use encoder_core::foreign::{Engine, ForeignPlugins, ManagerOptions};
use encoder_core::testkit::{FakeEncoder, FakeEncoderFactory};
use serde_json::{Value, json};

use crate::script::Script;

/// The encoder that gets a stream while the program's balancer raises.
async fn chosen_instead(named: &str) -> Value {
    let encoder = |id: &str, weight: u32| json!({"encoder_id": id, "address": "fake", "driver": "fake", "weight": weight});
    let options = json!({
        "config": {"balancer": named},
        "encoders": [encoder("a", 1), encoder("b", 50)],
    });
    let plugins = ForeignPlugins {
        balancer: Some(Arc::new(
            Script::new().raising("select", ErrorKind::Unexpected),
        )),
        ..ForeignPlugins::default()
    };
    let factory = ["a", "b"].map(FakeEncoder::new);
    let factory = factory
        .iter()
        .fold(FakeEncoderFactory::new(), FakeEncoderFactory::with);
    let options = ManagerOptions::read(&options.to_string()).unwrap();
    let builder = options.builder(plugins).await.unwrap();
    let manager = builder
        .with_driver_factory(Arc::new(factory))
        .build()
        .await
        .unwrap();
    let engine = Engine::new(manager);
    for id in ["a", "b"] {
        engine
            .act("monitor_encoder", &json!({"encoder_id": id}).to_string())
            .await
            .unwrap();
    }
    let request = json!({"request": {"resolution": "1280x720", "bitrate": 4_500_000, "fps": 30,
        "protection": "none", "destination": {"url": "rtmp://ingest.example/live"}}});
    let started = engine
        .act("start_stream", &request.to_string())
        .await
        .unwrap();
    let started: Value = serde_json::from_str(&started).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(30), engine.manager().shutdown()).await;
    assert!(ended.is_ok());
    started["primary"]["encoder_id"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balancer_that_the_settings_name_stands_behind_the_programs_own() {
    assert_eq!(chosen_instead("weighted").await, "b", "weights count");
    assert_eq!(
        chosen_instead("round_robin").await,
        "a",
        "one after the other"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_without_its_method_is_refused_before_anything_is_made() {
    let plugins = ForeignPlugins {
        health_policy: Some(Arc::new(Script::new().answering("judge", "null"))),
        ..ForeignPlugins::default()
    };
    let error = ManagerOptions::read("{}")
        .unwrap()
        .builder(plugins)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.message().contains("assess"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_driver_is_an_error_and_not_an_empty_fleet() {
    let encoder = json!({"encoder_id": "helo-1", "address": "fake", "driver": "fke"});
    let options = json!({"encoders": [encoder]}).to_string();
    let options = ManagerOptions::read(&options).unwrap();
    let builder = options.builder(ForeignPlugins::default()).await.unwrap();
    let factory = FakeEncoderFactory::new().with(&FakeEncoder::new("helo-1"));
    let error = builder
        .with_driver_factory(Arc::new(factory))
        .build()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValidationFailed);
    assert_eq!(
        error.to_string(),
        "validation_failed: unknown driver; available: fake (encoder=helo-1)"
    );
}
