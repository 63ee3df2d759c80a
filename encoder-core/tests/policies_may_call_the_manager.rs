//! Policies are asked without a lock held: they may call the manager, and what they choose at the
//! same time is never given away twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use encoder_core::balancer::{Balancer, Demand, LeastLoaded, Placement};
use encoder_core::fleet::Scoreboard;
use encoder_core::health::{Composite, HealthPolicy, History};
use encoder_core::model::{
    Assessment, Bitrate, EncoderId, EncoderSpec, FrameRate, Protection, Resolution, StreamRequest,
};
use encoder_core::remediation::{Attempt, Incident, Ladder, Remediator, Step};
use encoder_core::testkit::FakeEncoder;
use encoder_core::{
    EncoderDriver, Error, ErrorKind, Manager, ManagerBuilder, ManagerConfig, Result,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A manager that sees each of these encoders.
async fn manager(encoders: &[FakeEncoder], builder: ManagerBuilder) -> Manager {
    let mut builder = builder;
    for encoder in encoders {
        let driver = encoder.driver();
        let spec = EncoderSpec::new(driver.id().clone(), "http://10.0.0.1");
        builder = builder.with_encoder_driver(spec, driver);
    }
    let manager = builder.build().await.expect("the settings are valid");
    until(|| manager.fleet_counts().online == encoders.len()).await;
    manager
}

fn fleet(count: usize) -> Vec<FakeEncoder> {
    let name = |number| FakeEncoder::new(&format!("enc-{number}"));
    (0..count).map(name).collect()
}

async fn until(holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn request() -> StreamRequest {
    let (size, rate) = (Resolution::new(1920, 1080), FrameRate::from_fps(30.0));
    let mut request = StreamRequest::new(size, Bitrate::from_kbps(6_000), rate);
    request.protection = Some(Protection::None);
    request.to_url("rtmp://ingest.example/live")
}

/// Starts streams at the same time.
async fn start(manager: &Manager, count: usize) -> Vec<Result<EncoderId>> {
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..count {
        let manager = manager.clone();
        starting.spawn(async move {
            let stream = manager.start_stream(request()).await?;
            Ok(stream.record.primary.encoder_id)
        });
    }
    starting.join_all().await
}

/// Lets the first two choices see the same fleet, in which the same encoder is the best.
#[derive(Debug, Default)]
struct InStep {
    choices: Mutex<usize>,
    chosen: Condvar,
}

impl Balancer for InStep {
    fn name(&self) -> &str {
        "in_step"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, _: u64) -> Option<Placement> {
        let placement = LeastLoaded.select(demand, fleet, 0);
        let mut choices = self.choices.lock().expect("no test panics in here");
        *choices += 1;
        self.chosen.notify_all();
        let alone = |choices: &mut usize| *choices < 2;
        // Under a lock the other one never comes, and both choices are taken one by one.
        drop(
            self.chosen
                .wait_timeout_while(choices, Duration::from_secs(2), alone),
        );
        placement
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_choices_of_the_same_encoder_are_not_both_taken() {
    let balancer = Arc::new(InStep::default());
    let builder = Manager::builder().with_balancer(Arc::clone(&balancer) as Arc<dyn Balancer>);
    let manager = manager(&fleet(2), builder).await;
    let started = start(&manager, 2).await;
    let taken: BTreeSet<_> = started.into_iter().map(Result::unwrap).collect();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!(
        *balancer.choices.lock().unwrap(),
        3,
        "one of them chose again"
    );
    manager.shutdown().await;
}

/// Takes its time, so that many see the same fleet.
#[derive(Debug)]
struct Ponderous;

impl Balancer for Ponderous {
    fn name(&self) -> &str {
        "ponderous"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        let placement = LeastLoaded.select(demand, fleet, draw);
        std::thread::sleep(Duration::from_millis(2));
        placement
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn parallel_starts_take_each_encoder_once() {
    let builder = Manager::builder().with_balancer(Arc::new(Ponderous));
    let manager = manager(&fleet(12), builder).await;
    let started = start(&manager, 40).await;
    let (taken, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
    let taken: BTreeSet<_> = taken.into_iter().map(Result::unwrap).collect();
    assert_eq!((taken.len(), refused.len()), (12, 28));
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NoEncoderAvailable);
    }
    for encoder in manager.encoders() {
        assert_eq!(encoder.streams.len(), 1, "{}", encoder.spec.id);
    }
    manager.shutdown().await;
}

/// Chooses an encoder that somebody else takes meanwhile.
#[derive(Debug, Default)]
struct Overtaken(Reentry);

impl Balancer for Overtaken {
    fn name(&self) -> &str {
        "overtaken"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, draw: u64) -> Option<Placement> {
        let first = EncoderId::try_new("enc-0").expect("a valid name");
        self.0.ask(|manager| manager.encoders());
        let placement = LeastLoaded.select(demand, fleet, draw)?;
        // Never what is free: a row that was full from the start.
        let primary = fleet.row_of(&first).unwrap_or(placement.primary);
        let demanded = demand.primary.is_some();
        Some(if demanded {
            placement
        } else {
            Placement {
                primary,
                backup: None,
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn choices_that_never_hold_end_in_a_conflict() {
    let balancer = Arc::new(Overtaken::default());
    let builder = Manager::builder().with_balancer(Arc::clone(&balancer) as Arc<dyn Balancer>);
    let manager = manager(&fleet(2), builder).await;
    balancer.0.give(&manager);
    let mut first = request();
    first.encoder_id = Some(EncoderId::try_new("enc-0").unwrap());
    manager.start_stream(first).await.unwrap();
    let error = manager.start_stream(request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(error.retry(), encoder_core::Retry::Safe);
    balancer.0.assert_free();
    manager.shutdown().await;
}

/// Calls the manager back from a policy, on another thread so that a lock would be noticed and not
/// hang the test.
#[derive(Debug, Default)]
struct Reentry {
    manager: OnceLock<Manager>,
    answered: AtomicUsize,
    locked_out: AtomicUsize,
}

impl Reentry {
    fn give(&self, manager: &Manager) {
        self.manager.set(manager.clone()).expect("given once");
    }

    fn ask<T: Send + 'static>(&self, question: fn(&Manager) -> T) {
        let Some(manager) = self.manager.get().cloned() else {
            return;
        };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(question(&manager)).is_ok());
        let counter = match receiver.recv_timeout(Duration::from_secs(2)) {
            Ok(_) => &self.answered,
            Err(_) => &self.locked_out,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    fn assert_free(&self) {
        assert!(self.answered() > 0, "never asked");
        assert_eq!(self.locked_out.load(Ordering::SeqCst), 0);
    }
}

/// Looks at the whole manager: everything that takes a lock.
fn everything(manager: &Manager) {
    let (encoders, streams) = (manager.encoders(), manager.streams());
    let rows = (manager.load_balancer(), manager.fleet_counts());
    drop((encoders, streams, rows, manager.render_metrics()));
}

#[derive(Debug)]
struct CuriousPolicy(Reentry, Composite);

impl HealthPolicy for CuriousPolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        self.0.ask(everything);
        self.1.assess(history, now)
    }
}

#[derive(Debug, Default)]
struct CuriousRemediator(Reentry, Ladder);

#[async_trait]
impl Remediator for CuriousRemediator {
    fn next_step(&self, incident: &Incident, tried: &[Attempt]) -> Option<Step> {
        self.0.ask(everything);
        self.1.next_step(incident, tried)
    }

    async fn run(&self, step: &Step, driver: &dyn EncoderDriver) -> Result<(), Error> {
        self.1.run(step, driver).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn judging_and_mending_hold_no_lock() {
    let built_in = Composite::built_in(&ManagerConfig::default());
    let policy = Arc::new(CuriousPolicy(Reentry::default(), built_in));
    let remediator = Arc::new(CuriousRemediator::default());
    let builder = Manager::builder()
        .with_health_policy(Arc::clone(&policy) as Arc<dyn HealthPolicy>)
        .with_remediator(Arc::clone(&remediator) as Arc<dyn Remediator>);
    let encoders = fleet(1);
    let manager = manager(&encoders, builder).await;
    policy.0.give(&manager);
    remediator.0.give(&manager);
    let stream = manager.start_stream(request()).await.unwrap();
    manager
        .wait_live(&stream.record.id, PATIENCE)
        .await
        .unwrap();
    encoders[0].fail_stream();
    until(|| remediator.0.answered() > 0 && policy.0.answered() > 0).await;
    policy.0.assert_free();
    remediator.0.assert_free();
    manager.shutdown().await;
}
