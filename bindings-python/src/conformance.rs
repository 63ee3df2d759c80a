//! The conformance suites of the library, for drivers and policies that are Python objects.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encoder_core::balancer::Balancer;
use encoder_core::foreign::{
    ForeignBalancer, ForeignConfig, ForeignDriver, ForeignHealthPolicy, ForeignObject,
    ForeignRemediator,
};
use encoder_core::health::{Composite, ConnectionPolicy, DirectPolicy, HealthPolicy};
use encoder_core::model::{EncoderId, PublishTarget, StreamConfig};
use encoder_core::remediation::Remediator;
use encoder_core::testkit::driver::DriverUnderTest;
use encoder_core::testkit::suite;
use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::errors::raised;
use crate::object::{Home, PythonObject};
use crate::operation::{Operation, answered};
use crate::runtime::Process;

/// What is wrong with a subject; empty when nothing is.
type Complaint = String;

/// Runs one item of a suite (`driver`, `balancer`, `health_policy` or `remediator`) on what `make`
/// gives, which is called in that event loop or a thread. Answers what is wrong, or an empty text.
#[pyfunction]
pub(crate) fn check(
    py: Python<'_>,
    suite: &str,
    item: String,
    make: &Bound<'_, PyAny>,
    event_loop: &Bound<'_, PyAny>,
    done: Py<PyAny>,
) -> PyResult<Operation> {
    let process = Process::present(py).map_err(|error| raised(py, &error))?;
    let maker = Home::new(&process, event_loop)?.object(&format!("{suite}_maker"), make)?;
    Ok(match suite {
        "driver" => answered(&process, done, driver(item, maker)),
        "balancer" => answered(&process, done, balancer(item, maker)),
        "health_policy" => answered(&process, done, health_policy(item, maker)),
        _ => answered(&process, done, remediator(item, maker)),
    })
}

/// Time for a decision on a busy machine: the suites ask for what is decided, not for how fast.
fn patient() -> ForeignConfig {
    let mut config = ForeignConfig::default();
    config.decide_deadline = Duration::from_secs(5);
    config
}

/// A driver with a device behind it, as `make` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    encoder_id: EncoderId,
    capability: Value,
    config: StreamConfig,
    target: PublishTarget,
    within_seconds: f64,
}

async fn driver(item: String, maker: PythonObject) -> Result<Complaint> {
    let (subject, object) = made(&maker).await?;
    let subject: Subject = serde_json::from_str(&subject)
        .map_err(|error| Error::new(ErrorKind::ValidationFailed, error.to_string()))?;
    let within = Duration::try_from_secs_f64(subject.within_seconds)
        .map_err(|error| Error::new(ErrorKind::ValidationFailed, format!("within: {error}")))?;
    let driver = ForeignDriver::from_document(
        Arc::new(object.clone()),
        subject.encoder_id,
        &subject.capability.to_string(),
        &patient(),
    )?;
    let failed = Failed::default();
    let hook = |name| hook(&object, name, &failed);
    let (config, target) = (subject.config, subject.target);
    let mut subject =
        DriverUnderTest::new(Arc::new(driver), config, target, hook("cut_off")).within(within);
    if object.has("ignore_writes") {
        subject = subject.with_ignored_writes(hook("ignore_writes"));
    }
    if object.has("break_feed") {
        subject = subject.with_broken_feed(hook("break_feed"));
    }
    let outcome = suite::run_driver(&item, subject).await;
    match failed.take() {
        Some(error) => Err(error),
        None => Ok(outcome.err().unwrap_or_default()),
    }
}

/// The first hook that failed: that is a mistake of the test, not of the driver.
#[derive(Clone, Debug, Default)]
struct Failed(Arc<Mutex<Option<Error>>>);

impl Failed {
    fn note(&self, error: Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn hook(
    object: &PythonObject,
    name: &'static str,
    failed: &Failed,
) -> impl Fn() -> futures::future::BoxFuture<'static, ()> + Send + Sync + 'static {
    let (object, failed) = (object.clone(), failed.clone());
    move || {
        let (object, failed) = (object.clone(), failed.clone());
        Box::pin(async move {
            if let Err(error) = object.call(name, "[]".to_owned(), None).await {
                failed.note(error);
            }
        })
    }
}

async fn made(maker: &PythonObject) -> Result<(String, PythonObject)> {
    let given = maker.ask("make", "[]".to_owned(), None).await?;
    let nothing = || Error::new(ErrorKind::ValidationFailed, "make() gave nothing");
    Ok((given.document, given.made.ok_or_else(nothing)?))
}

/// The policies that were made for one item, to be asked afterwards whether they decided
/// themselves. A built-in policy that decided instead would hide every mistake.
struct Policies<T> {
    made: Arc<Mutex<Vec<Arc<T>>>>,
    failed: Failed,
    maker: PythonObject,
}

impl<T: Send + Sync + 'static> Policies<T> {
    fn of(maker: PythonObject) -> Self {
        Self {
            made: Arc::default(),
            failed: Failed::default(),
            maker,
        }
    }

    /// Makes policies for a suite. What cannot be made is a panic, which ends the item.
    fn make<D: ?Sized + 'static>(
        &self,
        adapt: fn(Arc<PythonObject>) -> Result<T>,
        widen: fn(Arc<T>) -> Arc<D>,
    ) -> suite::Make<D> {
        let (made, failed, maker) = (self.made.clone(), self.failed.clone(), self.maker.clone());
        let runtime = self.maker.home().process().handle().clone();
        Arc::new(move || {
            let making = async { adapt(Arc::new(self::made(&maker).await?.1)) };
            let policy = tokio::task::block_in_place(|| runtime.block_on(making));
            let policy = Arc::new(policy.unwrap_or_else(|error| {
                let told = error.to_string();
                failed.note(error);
                panic!("{told}")
            }));
            let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
            made.push(Arc::clone(&policy));
            widen(policy)
        })
    }

    fn judge(
        self,
        outcome: std::result::Result<(), String>,
        first_refusal: fn(&T) -> Option<&str>,
    ) -> Result<Complaint> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = made.iter().find_map(|policy| first_refusal(policy));
        Ok(match refusal {
            Some(refusal) => format!("an answer could not be used: {refusal}"),
            None => outcome.err().unwrap_or_default(),
        })
    }
}

async fn balancer(item: String, maker: PythonObject) -> Result<Complaint> {
    let policies = Policies::of(maker);
    let make = policies.make(
        |object| ForeignBalancer::new(object, &patient()),
        |balancer| balancer as Arc<dyn Balancer>,
    );
    let outcome = suite::run_balancer(&item, make).await;
    policies.judge(outcome, ForeignBalancer::first_refusal)
}

/// What a policy may agree with. Restarts are not in it: they are forgotten in time, and a policy
/// that repeats that verdict would seem to improve it while nothing is heard.
fn built_in() -> Composite {
    Composite::new(vec![
        Arc::new(DirectPolicy::default()),
        Arc::new(ConnectionPolicy::default()),
    ])
}

async fn health_policy(item: String, maker: PythonObject) -> Result<Complaint> {
    let policies = Policies::of(maker);
    let make = policies.make(
        |object| ForeignHealthPolicy::new(object, &patient(), Arc::new(built_in())),
        |policy| policy as Arc<dyn HealthPolicy>,
    );
    let outcome = suite::run_health(&item, make).await;
    policies.judge(outcome, ForeignHealthPolicy::first_refusal)
}

async fn remediator(item: String, maker: PythonObject) -> Result<Complaint> {
    let policies = Policies::of(maker);
    let make = policies.make(
        |object| ForeignRemediator::new(object, &patient()),
        |remediator| remediator as Arc<dyn Remediator>,
    );
    let outcome = suite::run_remediation(&item, make).await;
    policies.judge(outcome, ForeignRemediator::first_refusal)
}
