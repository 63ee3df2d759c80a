//! Drivers that are lent to `run`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use encoder_core::foreign::{ForeignDriver, ForeignRemediator, LentDriver};
use encoder_core::model::{DeviceStreamState, EncoderId};
use encoder_core::remediation::{Remediator, Step};
use encoder_core::testkit::{CallKind, FakeEncoder, sample_config, sample_target};
use encoder_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::drivers::obedient;
use crate::plays::json;
use crate::script::{Script, object, patient};

const STEP: Step = Step::Restart {
    deadline: Duration::from_secs(3),
};

/// A device that is ready to be started.
async fn device() -> FakeEncoder {
    let device = FakeEncoder::new("helo-1");
    let driver = device.driver();
    driver
        .configure(&sample_config(), &sample_target())
        .await
        .unwrap();
    device.clear_calls();
    device
}

fn remediator(script: Script) -> (ForeignRemediator, Arc<Script>) {
    let script = Arc::new(script.answering("next_step", "null"));
    (
        ForeignRemediator::new(object(&script), &patient()).unwrap(),
        script,
    )
}

/// An object whose `run` is this.
fn running<F>(run: impl Fn(LentDriver) -> F + Send + Sync + 'static) -> ForeignRemediator
where
    F: Future<Output = Result<String>> + Send + 'static,
{
    let lent = |driver: Option<LentDriver>| driver.expect("`run` gets a driver");
    remediator(Script::new().with("run", move |_, driver| run(lent(driver)))).0
}

fn none() -> String {
    "[]".to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_object_works_on_the_driver() {
    let device = device().await;
    let remediator = running(|driver| async move {
        assert_eq!(driver.id().as_str(), "helo-1");
        let can: Value = serde_json::from_str(driver.capability()).unwrap();
        assert_eq!(can["reports_input"], true);
        let configure = json((sample_config(), sample_target()));
        assert_eq!(driver.call("configure", configure).await?, "null");
        let status = driver.call("status", none()).await?;
        assert!(status.contains(r#""stream_state":"idle""#), "{status}");
        driver.call("start", none()).await
    });
    remediator
        .run(&STEP, device.driver().as_ref())
        .await
        .unwrap();
    assert_eq!(device.stream_state(), DeviceStreamState::Streaming);
    let commands = device.commands();
    assert!(
        matches!(commands[0], CallKind::Configure { .. }),
        "{commands:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_calls_at_once_are_served_at_once() {
    let device = FakeEncoder::new("helo-1").with_latency(Duration::from_secs(1));
    let remediator = running(|driver| async move {
        let both =
            futures::future::join(driver.call("status", none()), driver.call("status", none()));
        let (one, other) = both.await;
        one.and(other)
    });
    let begun = tokio::time::Instant::now();
    remediator
        .run(&Step::Reconnect, device.driver().as_ref())
        .await
        .unwrap();
    assert!(
        begun.elapsed() < Duration::from_millis(1900),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_call_the_driver_is_gone() {
    let device = device().await;
    let kept: Arc<Mutex<Option<LentDriver>>> = Arc::default();
    let keeping = Arc::clone(&kept);
    let remediator = running(move |driver| {
        *keeping.lock().unwrap() = Some(driver.clone());
        async move { driver.call("start", none()).await }
    });
    remediator
        .run(&STEP, device.driver().as_ref())
        .await
        .unwrap();
    let driver = kept.lock().unwrap().take().unwrap();
    device.clear_calls();
    let error = driver.call("stop", none()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.message(),
        "stop: the driver was lent until `run` ended, and it has"
    );
    assert_eq!(device.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_taken_back_while_run_goes_on() {
    let device = Arc::new(obedient().hanging("status"));
    let id = EncoderId::try_new("helo-1").unwrap();
    let driver = ForeignDriver::from_document(object(&device), id, "{}", &patient()).unwrap();
    let seen = Arc::clone(&device);
    let remediator = running(move |driver| {
        let seen = Arc::clone(&seen);
        async move {
            let call = driver.call("status", none());
            let second = Duration::from_secs(1);
            assert!(tokio::time::timeout(second, call).await.is_err());
            tokio::time::sleep(second).await;
            assert_eq!((seen.times("status"), seen.cancelled()), (1, 1));
            driver.call("start", none()).await
        }
    });
    remediator.run(&Step::Reconnect, &driver).await.unwrap();
    assert_eq!(device.times("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_when_run_ends_is_taken_back() {
    let device = FakeEncoder::new("helo-1").with_latency(Duration::from_secs(60));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let remediator = running(move |driver| {
        let sender = sender.lock().unwrap().take().unwrap();
        async move {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move {
                let _ = sender.send(driver.call("status", none()).await);
            });
            tasks.detach_all();
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err(Error::new(ErrorKind::Unexpected, "gave up"))
        }
    });
    let driver = device.driver();
    let error = remediator.run(&STEP, driver.as_ref()).await.unwrap_err();
    assert_eq!(error.message(), "gave up");
    let error = receiver.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_driver_and_of_its_use_reach_the_object() {
    let device = device().await;
    device.refuse_start(1);
    let remediator = running(|driver| async move {
        let kind = |answer: Result<String>| answer.unwrap_err().kind();
        assert_eq!(
            kind(driver.call("start", none()).await),
            ErrorKind::DeviceRejected
        );
        assert_eq!(
            kind(driver.call("events", none()).await),
            ErrorKind::NotFound
        );
        let wrong = driver
            .call("control", r#"[{"action": "fly"}]"#.to_owned())
            .await;
        assert_eq!(kind(wrong), ErrorKind::ValidationFailed);
        let error = driver
            .call("configure", "[{}]".to_owned())
            .await
            .unwrap_err();
        let message = "arguments of configure(): [0]: missing field `resolution`";
        assert_eq!(error.message(), message);
        Err(Error::new(ErrorKind::DeviceRejected, "as seen"))
    });
    let error = remediator
        .run(&STEP, device.driver().as_ref())
        .await
        .unwrap_err();
    assert_eq!(error.message(), "as seen");
}

#[tokio::test(start_paused = true)]
async fn run_counts_only_when_the_device_says_so() {
    let device = device().await;
    let (remediator, _) = remediator(Script::new().answering("run", "null"));
    let begun = tokio::time::Instant::now();
    let error = remediator
        .run(&STEP, device.driver().as_ref())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(
        begun.elapsed() <= Duration::from_millis(3010),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn run_is_cancelled_at_its_deadline() {
    let device = device().await;
    let (remediator, script) = remediator(Script::new().hanging("run"));
    let error = remediator
        .run(&STEP, device.driver().as_ref())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.operation(), Some("Script.run"));
    assert_eq!(script.cancelled(), 1);
}
