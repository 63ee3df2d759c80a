//! A manager whose driver, balancer, health policy and remediator are all of another language.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use encoder_core::foreign::{
    CreatedDriver, ForeignBalancer, ForeignDriverFactory, ForeignHealthPolicy,
    ForeignObjectFactory, ForeignRemediator,
};
use encoder_core::health::Composite;
use encoder_core::model::{
    Bitrate, DeviceStreamState, EncoderId, EncoderSpec, FrameRate, Protection, Resolution,
    StreamRequest,
};
use encoder_core::remediation::Ladder;
use encoder_core::testkit::{CallKind, FakeEncoder};
use encoder_core::{EncoderDriver, ErrorKind, Manager, ManagerConfig, Result};

use crate::plays;
use crate::script::{Script, object, patient, until};

#[derive(Debug)]
struct Maker(Vec<FakeEncoder>);

#[async_trait]
impl ForeignObjectFactory for Maker {
    async fn create(&self, spec: String) -> Result<CreatedDriver> {
        let spec: EncoderSpec = plays::arguments(&spec);
        let found = self.0.iter().find(|encoder| encoder.id() == &spec.id);
        let driver = found.expect("a device for each registration").driver();
        Ok(CreatedDriver {
            object: object(&Arc::new(plays::driver(&driver))),
            capability: plays::json(driver.capability()),
        })
    }
}

/// Lets a script call the manager before it answers.
fn curious(script: Script, method: &'static str, manager: &Arc<OnceLock<Manager>>) -> Arc<Script> {
    let (script, manager) = (Arc::new(script), Arc::clone(manager));
    let inner = object(&script);
    Arc::new(Script::new().with(method, move |arguments, driver| {
        let (inner, manager) = (Arc::clone(&inner), Arc::clone(&manager));
        async move {
            if let Some(manager) = manager.get() {
                drop((
                    manager.encoders(),
                    manager.streams(),
                    manager.load_balancer(),
                ));
            }
            inner.call(method, arguments, driver).await
        }
    }))
}

fn request() -> StreamRequest {
    let (size, rate) = (Resolution::new(1920, 1080), FrameRate::from_fps(30.0));
    let mut request = StreamRequest::new(size, Bitrate::from_kbps(6_000), rate);
    request.protection = Some(Protection::None);
    request.to_url("rtmp://ingest.example/live")
}

struct Stage {
    manager: Manager,
    encoders: Vec<FakeEncoder>,
    remediator: Arc<Script>,
    fallbacks: Box<dyn Fn() -> u64>,
}

async fn stage(balancer: Script) -> Stage {
    let shared = Arc::new(OnceLock::new());
    let encoders: Vec<_> = ["helo-1", "helo-2"].map(FakeEncoder::new).into();
    let balancer = curious(balancer, "select", &shared);
    let policy = curious(plays::policy(), "assess", &shared);
    let remediator = curious(plays::ladder(Ladder::default()), "next_step", &shared);
    let config = patient();
    let built_in = Arc::new(Composite::built_in(&ManagerConfig::default()));
    let balancing = Arc::new(ForeignBalancer::new(object(&balancer), &config).unwrap());
    let judging = ForeignHealthPolicy::new(object(&policy), &config, built_in).unwrap();
    let judging = Arc::new(judging);
    let mending = Arc::new(ForeignRemediator::new(object(&remediator), &config).unwrap());
    let maker = Arc::new(Maker(encoders.clone()));
    let mut builder = Manager::builder()
        .with_driver_factory(Arc::new(ForeignDriverFactory::new("mine", maker, &config)))
        .with_balancer(Arc::clone(&balancing) as _)
        .with_health_policy(Arc::clone(&judging) as _)
        .with_remediator(Arc::clone(&mending) as _);
    for encoder in &encoders {
        let spec = EncoderSpec::new(encoder.id().clone(), "http://10.0.0.1").with_driver("mine");
        builder = builder.with_encoder(spec);
    }
    let manager = builder.build().await.unwrap();
    assert!(shared.set(manager.clone()).is_ok());
    until("both are known", || manager.fleet_counts().online == 2).await;
    Stage {
        manager,
        encoders,
        remediator,
        fallbacks: Box::new(move || {
            balancing.fallbacks() + judging.fallbacks() + mending.fallbacks()
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_placed_judged_and_mended_by_another_language() {
    let second = r#"{"primary": "helo-2"}"#;
    let stage = stage(Script::new().answering("select", second)).await;
    let stream = stage.manager.start_stream(request()).await.unwrap();
    let chosen: EncoderId = stream.record.primary.encoder_id;
    assert_eq!(chosen.as_str(), "helo-2");
    let live = stage
        .manager
        .wait_live(&stream.record.id, Duration::from_secs(10))
        .await;
    live.unwrap();
    let device = &stage.encoders[1];
    device.clear_calls();
    device.fail_stream();
    until("mended", || {
        let restarted = device
            .commands()
            .iter()
            .any(|call| matches!(call, CallKind::Start));
        restarted && device.stream_state() == DeviceStreamState::Streaming
    })
    .await;
    assert!(stage.remediator.times("next_step") > 0);
    assert_eq!((stage.fallbacks)(), 0);
    stage.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_fail_do_not_keep_a_stream_off_air() {
    let stage = stage(Script::new().raising("select", ErrorKind::Unexpected)).await;
    let stream = stage.manager.start_stream(request()).await.unwrap();
    let live = stage
        .manager
        .wait_live(&stream.record.id, Duration::from_secs(10))
        .await;
    live.unwrap();
    assert_eq!((stage.fallbacks)(), 1);
    stage.manager.shutdown().await;
}
