//! Every adapter keeps the contract of what it stands for.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use encoder_core::balancer::Balancer;
use encoder_core::foreign::{
    ForeignBalancer, ForeignDriver, ForeignHealthPolicy, ForeignRemediator,
};
use encoder_core::health::{Composite, ConnectionPolicy, DirectPolicy, HealthPolicy};
use encoder_core::remediation::{Ladder, LadderConfig, Remediator};
use encoder_core::testkit::driver::DriverUnderTest;
use encoder_core::testkit::{FakeEncoder, sample_config, sample_target, suite};

use crate::plays;
use crate::script::{Script, object, patient};

/// Makes policies and remembers them, to ask afterwards whether they decided by themselves.
struct Made<T>(Arc<Mutex<Vec<Arc<T>>>>, fn() -> T);

impl<T: Send + Sync + 'static> Made<T> {
    fn by(make: fn() -> T) -> Self {
        Self(Arc::default(), make)
    }

    fn make<D: ?Sized + 'static>(&self, widen: fn(Arc<T>) -> Arc<D>) -> suite::Make<D> {
        let (made, make) = (Arc::clone(&self.0), self.1);
        Arc::new(move || {
            let one = Arc::new(make());
            made.lock().unwrap().push(Arc::clone(&one));
            widen(one)
        })
    }

    fn assert_own_decisions(&self, fallbacks: fn(&T) -> u64) {
        let made = self.0.lock().unwrap();
        assert!(!made.is_empty());
        assert!(
            made.iter().all(|one| fallbacks(one) == 0),
            "the built-in one was asked"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balancer() {
    let made = Made::by(|| {
        ForeignBalancer::new(object(&Arc::new(plays::balancer())), &patient()).unwrap()
    });
    for item in suite::BALANCER {
        let make = made.make(|one| one as Arc<dyn Balancer>);
        assert_eq!(suite::run_balancer(item, make).await, Ok(()), "{item}");
    }
    made.assert_own_decisions(ForeignBalancer::fallbacks);
}

fn policy() -> ForeignHealthPolicy {
    let built_in = Arc::new(Composite::new(vec![
        Arc::new(DirectPolicy::default()),
        Arc::new(ConnectionPolicy::default()),
    ]));
    ForeignHealthPolicy::new(object(&Arc::new(plays::policy())), &patient(), built_in).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_policy() {
    let made = Made::by(policy);
    for item in suite::HEALTH {
        let make = made.make(|one| one as Arc<dyn HealthPolicy>);
        assert_eq!(suite::run_health(item, make).await, Ok(()), "{item}");
    }
    made.assert_own_decisions(ForeignHealthPolicy::fallbacks);
}

/// A ladder whose steps fail soon.
fn short() -> Ladder {
    let mut config = LadderConfig::default();
    config.restart_deadline = Duration::from_millis(900);
    Ladder::new(config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remediator() {
    let scripts: [fn() -> ForeignRemediator; 2] = [
        || remediate(plays::ladder(short())).with_built_in(short()),
        || remediate(plays::running_ladder(short())),
    ];
    for make in scripts {
        let made = Made::by(make);
        for item in suite::REMEDIATION {
            let make = made.make(|one| one as Arc<dyn Remediator>);
            assert_eq!(suite::run_remediation(item, make).await, Ok(()), "{item}");
        }
        made.assert_own_decisions(ForeignRemediator::fallbacks);
    }
}

fn remediate(script: Script) -> ForeignRemediator {
    ForeignRemediator::new(object(&Arc::new(script)), &patient()).unwrap()
}

fn subject() -> DriverUnderTest {
    let device = FakeEncoder::new("helo-1")
        .with_start_delay(Duration::from_millis(30))
        .with_stop_delay(Duration::from_millis(10))
        .with_call_timeout(Duration::from_millis(50));
    let inner = device.driver();
    let script = Arc::new(plays::driver(&inner));
    let (id, capability) = (inner.id().clone(), inner.capability());
    let driver = ForeignDriver::new(object(&script), id, capability, &patient()).unwrap();
    let hook = |act: fn(&FakeEncoder)| {
        let device = device.clone();
        move || {
            act(&device);
            ready(())
        }
    };
    let cut_off = hook(FakeEncoder::go_silent);
    DriverUnderTest::new(Arc::new(driver), sample_config(), sample_target(), cut_off)
        .with_ignored_writes(hook(FakeEncoder::ignore_configure))
        .with_broken_feed(hook(FakeEncoder::break_feed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn driver() {
    for item in suite::DRIVER {
        assert_eq!(suite::run_driver(item, subject()).await, Ok(()), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suites_say_what_is_wrong() {
    let hopeless = || {
        let script = Arc::new(Script::new().answering("select", "null"));
        let built_in = Arc::new(Nobody);
        let balancer = ForeignBalancer::new(object(&script), &patient()).unwrap();
        Arc::new(balancer.with_built_in(built_in)) as Arc<dyn Balancer>
    };
    let item = "none_only_without_eligible_rows";
    let wrong = suite::run_balancer(item, Arc::new(hopeless))
        .await
        .unwrap_err();
    assert!(wrong.contains("left: false"), "{wrong}");
    let unknown = suite::run_driver("is_pretty", subject()).await.unwrap_err();
    assert_eq!(unknown, "the suite has no item `is_pretty`");
    let device = FakeEncoder::new("a").with_call_timeout(Duration::from_millis(20));
    let alive = || ready(());
    let (config, target) = (sample_config(), sample_target());
    let immortal = DriverUnderTest::new(device.driver(), config, target, alive);
    let wrong = suite::run_driver("status_reads_the_device", immortal)
        .await
        .unwrap_err();
    assert!(wrong.contains("a dead device gave its status"), "{wrong}");
}

/// Never chooses anybody.
#[derive(Debug)]
struct Nobody;

impl Balancer for Nobody {
    fn name(&self) -> &str {
        "nobody"
    }

    fn select(
        &self,
        _: &encoder_core::balancer::Demand,
        _: &encoder_core::fleet::Scoreboard,
        _: u64,
    ) -> Option<encoder_core::balancer::Placement> {
        None
    }
}
