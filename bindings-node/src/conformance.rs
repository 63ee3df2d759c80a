//! The library's conformance suites, for objects of JavaScript.

use std::panic::{self, Location};
use std::sync::{Arc, Mutex, Once, PoisonError};
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
use encoder_core::testkit::{sample_config, sample_target, suite};
use encoder_core::{Error, ErrorKind, Result};
use napi_derive::napi;
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::errors::guard;
use crate::factory::DriverDocument;
use crate::object::{JsObject, ObjectDocument};
use crate::port::{NativePort, Port};

/// What a decision may take here: the suites are about what is decided, not how fast, and the
/// machine may be busy.
const DECIDE_DEADLINE: Duration = Duration::from_secs(5);

#[napi]
impl NativePort {
    /// The items of each suite, in the order of the contracts, as JSON.
    #[napi]
    #[must_use]
    pub fn suites(&self) -> String {
        let suites = serde_json::json!({
            "driver": suite::DRIVER,
            "balancer": suite::BALANCER,
            "health_policy": suite::HEALTH,
            "remediator": suite::REMEDIATION,
        });
        suites.to_string()
    }

    /// Runs an item of a suite, as a call that answers `null`, or in a JSON string what is wrong.
    /// `subject` is the document of a driver under test, or the number of a maker of policies.
    ///
    /// # Errors
    /// As an error document, when the subject cannot be read.
    #[napi]
    pub fn check(
        &self,
        call: u32,
        suite: String,
        item: String,
        subject: String,
    ) -> napi::Result<()> {
        guard(|| {
            let port = self.port().clone();
            let check = Check::read(&suite, &subject)?;
            keep_quiet();
            self.port().run(call, async move {
                let outcome = check.run(&port, &item).await?;
                let told = outcome.err().map(|wrong| wrong.trim().to_owned());
                Ok(serde_json::to_string(&told).expect("text has JSON"))
            })
        })
    }
}

/// What is run an item on.
#[derive(Debug)]
enum Check {
    Driver(Box<Subject>),
    Balancer(u32),
    HealthPolicy(u32),
    Remediator(u32),
}

/// A driver under test, and the object that does things to its device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    id: EncoderId,
    made: DriverDocument,
    device: ObjectDocument,
    settings: Option<StreamConfig>,
    target: Option<PublishTarget>,
    within_seconds: Option<f64>,
}

impl Check {
    fn read(suite: &str, subject: &str) -> Result<Self> {
        let wrong = |error: serde_json::Error| {
            Error::new(ErrorKind::ValidationFailed, format!("subject: {error}"))
        };
        let number = || serde_json::from_str(subject).map_err(wrong);
        match suite {
            "driver" => Ok(Self::Driver(serde_json::from_str(subject).map_err(wrong)?)),
            "balancer" => number().map(Self::Balancer),
            "health_policy" => number().map(Self::HealthPolicy),
            "remediator" => number().map(Self::Remediator),
            other => {
                let message = format!("there is no suite `{}`", other.escape_default());
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    async fn run(self, port: &Port, item: &str) -> Result<Outcome> {
        match self {
            Self::Driver(subject) => {
                let subject = subject.take(port)?;
                Ok(suite::run_driver(item, subject).await)
            }
            Self::Balancer(maker) => {
                let made = Made::by(port, maker, ForeignBalancer::new);
                let make = made.make(|one| one as Arc<dyn Balancer>);
                let outcome = suite::run_balancer(item, make).await;
                Ok(outcome.and(made.decided(ForeignBalancer::first_refusal)))
            }
            Self::HealthPolicy(maker) => {
                let made = Made::by(port, maker, |object, foreign| {
                    ForeignHealthPolicy::new(object, foreign, Arc::new(lasting()))
                });
                let make = made.make(|one| one as Arc<dyn HealthPolicy>);
                let outcome = suite::run_health(item, make).await;
                Ok(outcome.and(made.decided(ForeignHealthPolicy::first_refusal)))
            }
            Self::Remediator(maker) => {
                let made = Made::by(port, maker, ForeignRemediator::new);
                let make = made.make(|one| one as Arc<dyn Remediator>);
                let outcome = suite::run_remediation(item, make).await;
                Ok(outcome.and(made.decided(ForeignRemediator::first_refusal)))
            }
        }
    }
}

/// Nothing, or what is wrong in words.
type Outcome = std::result::Result<(), String>;

impl Subject {
    fn take(self, port: &Port) -> Result<DriverUnderTest> {
        let created = self.made.take(port.clone());
        let (foreign, within) = (patient(), self.within_seconds);
        let driver =
            ForeignDriver::from_document(created.object, self.id, &created.capability, &foreign)?;
        let device = Device(Arc::new(JsObject::new(port.clone(), self.device)));
        let (config, target) = (
            self.settings.unwrap_or_else(sample_config),
            self.target.unwrap_or_else(sample_target),
        );
        let cut_off = device.hook("cut_off");
        let mut subject = DriverUnderTest::new(Arc::new(driver), config, target, cut_off);
        if device.0.has("ignore_writes") {
            subject = subject.with_ignored_writes(device.hook("ignore_writes"));
        }
        if device.0.has("break_feed") {
            subject = subject.with_broken_feed(device.hook("break_feed"));
        }
        if let Some(within) = within {
            let within = Duration::try_from_secs_f64(within).map_err(|error| {
                let message = format!("withinSeconds: {error}");
                Error::new(ErrorKind::ValidationFailed, message)
            })?;
            subject = subject.within(within);
        }
        Ok(subject)
    }
}

/// The device of a driver under test.
#[derive(Clone)]
struct Device(Arc<JsObject>);

impl Device {
    /// Something that is done to the device. When it fails, so does the item.
    fn hook(
        &self,
        method: &'static str,
    ) -> impl Fn() -> futures::future::BoxFuture<'static, ()> + Send + Sync + use<> {
        let object = Arc::clone(&self.0);
        move || {
            let object = Arc::clone(&object);
            Box::pin(async move {
                let done = object.call(method, "[]".to_owned(), None).await;
                done.unwrap_or_else(|error| panic!("{method} of the device: {error}"));
            })
        }
    }
}

/// Makes policies and keeps them, to know afterwards whether they decided by themselves.
struct Made<T> {
    port: Port,
    maker: u32,
    adapt: fn(Arc<dyn ForeignObject>, &ForeignConfig) -> Result<T>,
    all: Arc<Mutex<Vec<Arc<T>>>>,
}

impl<T: Send + Sync + 'static> Made<T> {
    fn by(
        port: &Port,
        maker: u32,
        adapt: fn(Arc<dyn ForeignObject>, &ForeignConfig) -> Result<T>,
    ) -> Self {
        Self {
            port: port.clone(),
            maker,
            adapt,
            all: Arc::default(),
        }
    }

    /// The suite makes policies where it stands, on a thread that may wait for JavaScript. What
    /// fails is told in words, as all that is wrong.
    fn make<D: ?Sized + 'static>(&self, widen: fn(Arc<T>) -> Arc<D>) -> suite::Make<D> {
        let (port, maker, adapt) = (self.port.clone(), self.maker, self.adapt);
        let (all, runtime) = (Arc::clone(&self.all), Handle::current());
        Arc::new(move || {
            let asked = port.ask(maker, "make", "[]", None);
            let answer = tokio::task::block_in_place(|| runtime.block_on(asked));
            let document = answer.unwrap_or_else(|error| panic!("nothing was made: {error}"));
            let document = serde_json::from_str(&document).expect("the package describes objects");
            let object = Arc::new(JsObject::new(port.clone(), document));
            let one = adapt(object, &patient()).unwrap_or_else(|error| panic!("{error}"));
            let one = Arc::new(one);
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(Arc::clone(&one));
            widen(one)
        })
    }

    /// Whether every answer could be used: the built-in policy would hide a wrong one.
    fn decided(&self, first_refusal: fn(&T) -> Option<&str>) -> Outcome {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all
            .iter()
            .find_map(|one| first_refusal(one).map(str::to_owned))
        {
            None => Ok(()),
            Some(why) => Err(format!(
                "the built-in one had to decide, since the answer could not be used: {why}"
            )),
        }
    }
}

/// What concludes first: the built-in policies that keep the contract by themselves. That of
/// restarts gets milder with time, which is no matter of the policy under test.
fn lasting() -> Composite {
    Composite::new(vec![
        Arc::new(DirectPolicy::default()),
        Arc::new(ConnectionPolicy::default()),
    ])
}

/// Keeps what a suite finds wrong out of the program's standard error: it is the answer.
fn keep_quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", Location::file);
            let found = file.contains("testkit") || file.ends_with(file!());
            if !found {
                others(panic);
            }
        }));
    });
}

fn patient() -> ForeignConfig {
    let mut config = ForeignConfig::default();
    config.decide_deadline = DECIDE_DEADLINE;
    config
}
