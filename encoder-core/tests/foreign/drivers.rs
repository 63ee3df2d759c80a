//! Drivers of another language, and their makers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encoder_core::foreign::{
    CreatedDriver, ForeignDriver, ForeignDriverFactory, ForeignObjectFactory,
};
use encoder_core::model::{Action, EncoderId, EncoderSpec, EncoderStatus, Secret};
use encoder_core::testkit::{sample_config, sample_target};
use encoder_core::{Capability, DriverFactory, EncoderDriver, Error, ErrorKind, Result, Retry};
use serde_json::{Value, json};

use crate::script::{Script, impatient, object, patient};

fn helo() -> EncoderId {
    EncoderId::try_new("helo-1").unwrap()
}

/// A driver that can do nothing by itself.
pub(crate) fn obedient() -> Script {
    Script::new()
        .answering("status", "{}")
        .answering("configure", "null")
        .answering("start", "null")
        .answering("stop", "true")
}

fn driver(script: Script) -> (ForeignDriver, Arc<Script>) {
    let script = Arc::new(script);
    let made = ForeignDriver::from_document(object(&script), helo(), "{}", &patient());
    (made.unwrap(), script)
}

#[tokio::test]
async fn commands_take_their_arguments_as_documents() {
    let (driver, script) = driver(obedient());
    driver
        .configure(&sample_config(), &sample_target())
        .await
        .unwrap();
    driver.start().await.unwrap();
    driver.stop().await.unwrap();
    assert_eq!(driver.status().await.unwrap(), EncoderStatus::default());
    let asked = script.asked();
    let names: Vec<_> = asked.iter().map(|asked| asked.0).collect();
    assert_eq!(names, ["configure", "start", "stop", "status"]);
    let arguments: Value = serde_json::from_str(&asked[0].1).unwrap();
    let (config, target) = (sample_config(), sample_target());
    assert_eq!(arguments[0]["bitrate"], config.bitrate.0);
    assert_eq!(
        arguments[1],
        json!({"url": target.url, "stream_key": target.stream_key.expose()})
    );
    assert_eq!(asked[1].1, "[]");
}

#[tokio::test]
async fn an_answer_that_is_no_status_names_what_is_wrong() {
    for (answer, message) in [
        (
            r#"{"system": {"cpu": 40}}"#,
            "status(): system.cpu: unknown key",
        ),
        (
            r#"{"stream_state": "on_air"}"#,
            "status(): stream_state: unknown variant `on_air`, expected one of",
        ),
        ("null", "status(): invalid type: null"),
    ] {
        let (driver, _) = driver(obedient().answering("status", answer));
        let error = driver.status().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
        assert!(error.message().starts_with(message), "{error}");
        let context = error.context().iter().find(|(key, _)| key == "encoder");
        assert_eq!(context.unwrap().1, "helo-1");
        assert_eq!(error.operation(), Some("Script.status"));
    }
}

#[tokio::test]
async fn what_it_raises_keeps_its_kind() {
    let raised = || {
        Error::new(ErrorKind::DeviceAuth, "wrong password")
            .with_operation("Helo.login")
            .with_retry(Retry::Exhausted)
    };
    let (driver, _) =
        driver(obedient().with("start", move |_, _| std::future::ready(Err(raised()))));
    let error = driver.start().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::DeviceAuth, Retry::Exhausted)
    );
    let text = "device_auth: wrong password (Helo.login, encoder=helo-1)";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_answer_is_a_device_without_answer() {
    let (driver, script) = driver(obedient().hanging("start"));
    let begun = tokio::time::Instant::now();
    let error = driver.start().await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(error.kind(), ErrorKind::DeviceUnreachable);
    assert_eq!(error.message(), "start() gave no answer within 10000 ms");
    assert_eq!(script.cancelled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled() {
    let (driver, script) = driver(obedient().hanging("stop"));
    let waited = tokio::time::timeout(Duration::from_secs(1), driver.stop()).await;
    assert!(waited.is_err());
    assert_eq!((script.times("stop"), script.cancelled()), (1, 1));
}

#[tokio::test]
async fn what_the_capability_denies_never_reaches_the_object() {
    let script = Arc::new(obedient().answering("control", "null"));
    let capability = r#"{"reboot": true}"#;
    let driver = ForeignDriver::from_document(object(&script), helo(), capability, &patient());
    let driver = driver.unwrap();
    driver.control(&Action::Reboot).await.unwrap();
    let error = driver.control(&Action::Mute).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        script.asked(),
        [("control", r#"[{"action":"reboot"}]"#.to_owned())]
    );
}

#[test]
fn a_driver_must_have_what_its_capability_needs() {
    for (capability, message) in [
        ("{}", "Script lacks configure(), start(), stop()"),
        (
            r#"{"mute": true, "pushes_events": true}"#,
            "Script lacks configure(), start(), stop(), control(), next_event()",
        ),
        (r#"{"fly": true}"#, "capability: fly: unknown key"),
        (
            r#"{"limits": {"max_bitrate": "8M"}}"#,
            "capability: limits.max_bitrate: invalid type",
        ),
    ] {
        let script = Arc::new(Script::new().answering("status", "{}"));
        let made = ForeignDriver::from_document(object(&script), helo(), capability, &patient());
        let error = made.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.message().starts_with(message), "{error}");
    }
}

/// What a maker in another language does.
#[derive(Debug)]
enum Maker {
    Makes(Arc<Script>, &'static str),
    Refuses,
    Hangs,
}

#[async_trait]
impl ForeignObjectFactory for Maker {
    async fn create(&self, spec: String) -> Result<CreatedDriver> {
        let spec: Value = serde_json::from_str(&spec).unwrap();
        assert_eq!(spec["password"], "secret", "the driver logs in with it");
        // A maker needs the runtime that waits for it.
        tokio::task::yield_now().await;
        match self {
            Self::Makes(script, capability) => Ok(CreatedDriver {
                object: object(script),
                capability: (*capability).to_owned(),
            }),
            Self::Refuses => Err(Error::new(ErrorKind::ValidationFailed, "no such address")),
            Self::Hangs => std::future::pending().await,
        }
    }
}

fn create(maker: Maker) -> Result<Arc<dyn EncoderDriver>> {
    let factory = ForeignDriverFactory::new("my-device", Arc::new(maker), &impatient());
    assert_eq!(factory.name(), "my-device");
    let spec = EncoderSpec::new(helo(), "http://10.0.0.1");
    factory.create(&spec.with_password(Secret::from("secret")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn factories_make_drivers() {
    let script = Arc::new(obedient());
    let driver = create(Maker::Makes(Arc::clone(&script), r#"{"reads_back": true}"#)).unwrap();
    assert_eq!(driver.id(), &helo());
    let mut capability = Capability::default();
    capability.reads_back = true;
    assert_eq!(driver.capability(), capability);
    driver.start().await.unwrap();
    assert_eq!(script.times("start"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn factories_say_why_there_is_no_driver() {
    let kind = |maker| create(maker).unwrap_err().kind();
    assert_eq!(kind(Maker::Refuses), ErrorKind::ValidationFailed);
    assert_eq!(kind(Maker::Hangs), ErrorKind::DeadlineExceeded);
    let script = Arc::new(obedient());
    assert_eq!(kind(Maker::Makes(script, "[]")), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn factories_need_a_runtime_that_can_wait() {
    let error = create(Maker::Refuses).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.message().contains("multi-thread runtime"), "{error}");
}
