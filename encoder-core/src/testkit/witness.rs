//! One suite for every [`IngestWitness`]: a test per item of its contract.
//!
//! The suite knows the ingest through its witness only. Publishing, leaving and dying come as
//! hooks, so that the same items run against a fake ingest on a paused clock and against a real one
//! over sockets.
//!
//! ```no_run
//! use std::sync::Arc;
//! use encoder_core::EncoderDriver;
//! use encoder_core::model::Personality;
//! use encoder_core::testkit::witness::WitnessUnderTest;
//! use encoder_core::testkit::{FakeEncoder, FakeIngest, FakeWitness, sample_config, sample_target};
//!
//! async fn fake() -> WitnessUnderTest {
//!     let ingest = FakeIngest::new(Personality::Reject);
//!     let witness = FakeWitness::new("ingest-1", &ingest);
//!     let encoder = FakeEncoder::new("enc-1").with_ingest(&ingest);
//!     let (publisher, leaver, dying) = (encoder.clone(), encoder, witness.clone());
//!     WitnessUnderTest::new(Arc::new(witness), sample_target())
//!         .with_publish(move || {
//!             let encoder = publisher.clone();
//!             async move {
//!                 let (config, target) = (sample_config(), sample_target());
//!                 let configured = encoder.configure(&config, &target).await;
//!                 configured.expect("an idle device takes settings");
//!                 encoder.start().await.expect("an idle device starts");
//!             }
//!         })
//!         .with_leave(move || {
//!             let encoder = leaver.clone();
//!             async move { encoder.stop().await.expect("a device stops") }
//!         })
//!         .with_kill(move || {
//!             dying.set_failing(true);
//!             std::future::ready(())
//!         })
//! }
//!
//! encoder_core::witness_conformance!(fake_witness, fake);
//! # fn main() {}
//! ```

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::FutureExt;
use tokio::time::Instant;

use super::driver::Hook;
use crate::error::ErrorKind;
use crate::ingest::{IngestWitness, Sighting};
use crate::model::PublishTarget;

/// Time between looks while the suite waits for something.
const LOOK: Duration = Duration::from_millis(20);

/// A witness of an ingest where nobody publishes.
pub struct WitnessUnderTest {
    witness: Arc<dyn IngestWitness>,
    target: PublishTarget,
    elsewhere: Option<String>,
    publish: Hook,
    leave: Hook,
    kill: Hook,
    within: Duration,
    /// Never looked at; the mutex only makes it shareable.
    _kept: Option<Mutex<Box<dyn Any + Send>>>,
}

impl WitnessUnderTest {
    /// A witness, and a target at an address that it covers. The hooks do nothing until they are
    /// set, so set all three.
    ///
    /// What happens at the ingest may take 5 s to be seen, see [`within`](Self::within).
    pub fn new(witness: Arc<dyn IngestWitness>, target: PublishTarget) -> Self {
        let nothing = || -> Hook { Box::new(|| std::future::ready(()).boxed()) };
        Self {
            witness,
            target,
            elsewhere: None,
            publish: nothing(),
            leave: nothing(),
            kill: nothing(),
            within: Duration::from_secs(5),
            _kept: None,
        }
    }

    /// How to publish the target, with media that goes on, until it leaves or is dropped. It does
    /// not connect anew.
    #[must_use]
    pub fn with_publish<F>(mut self, publish: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.publish = hook(publish);
        self
    }

    /// How to end that in good order.
    #[must_use]
    pub fn with_leave<F>(mut self, leave: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.leave = hook(leave);
        self
    }

    /// How to make the ingest stop answering for good.
    #[must_use]
    pub fn with_kill<F>(mut self, kill: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.kill = hook(kill);
        self
    }

    /// An address that the witness does not cover.
    #[must_use]
    pub fn with_elsewhere(mut self, url: &str) -> Self {
        self.elsewhere = Some(url.to_owned());
        self
    }

    /// Sets how long anything may take to be seen, and an ingest that is dead to be noticed.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Keeps something, such as a server, until the test is over.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self._kept = Some(Mutex::new(Box::new(kept)));
        self
    }

    async fn look(&self) -> Vec<Sighting> {
        let looked = self.witness.look().await;
        looked.unwrap_or_else(|error| panic!("look: {error:?}"))
    }

    /// The target, as it is seen now.
    async fn seen(&self) -> Option<Sighting> {
        let mut found = self.look().await;
        found.retain(|sighting| sighting.target == self.target);
        assert!(found.len() <= 1, "one key is seen twice: {found:?}");
        found.pop()
    }

    /// Looks until what is seen is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(Option<&Sighting>) -> bool) {
        let began = Instant::now();
        loop {
            let seen = self.seen().await;
            if wanted(seen.as_ref()) {
                return;
            }
            assert!(
                began.elapsed() < self.within,
                "not within {:?}: {what}; seen: {seen:?}",
                self.within
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn publish(&self) {
        (self.publish)().await;
        self.until("the publisher is seen", |seen| seen.is_some())
            .await;
    }
}

impl fmt::Debug for WitnessUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessUnderTest")
            .field("witness", &self.witness)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

fn hook<F>(action: impl Fn() -> F + Send + Sync + 'static) -> Hook
where
    F: Future<Output = ()> + Send + 'static,
{
    Box::new(move || action().boxed())
}

/// Makes a module with one test per item of the contract of
/// [`IngestWitness`](crate::IngestWitness).
///
/// Takes the module's name and an async function without arguments that gives a
/// [`WitnessUnderTest`](crate::testkit::witness::WitnessUnderTest). An attribute before the name
/// replaces `#[tokio::test]`, for example `#[tokio::test(start_paused = true)]` for an ingest that
/// lives on tokio's clock. Items about what the witness does not count or cannot do pass.
#[macro_export]
macro_rules! witness_conformance {
    ($suite:ident, $factory:expr) => {
        $crate::witness_conformance!(#[tokio::test] $suite, $factory);
    };
    (#[$test:meta] $suite:ident, $factory:expr) => {
        $crate::witness_conformance!(
            @items #[$test] $suite, $factory,
            covers_is_stable
            sees_only_what_it_covers
            an_idle_ingest_is_empty
            a_publisher_is_seen
            received_bytes_grow
            a_dead_ingest_is_an_error
            dropped_publishers_leave
        );
    };
    (@items #[$test:meta] $suite:ident, $factory:expr, $($item:ident)+) => {
        mod $suite {
            use super::*;
            $(
                #[$test]
                async fn $item() {
                    $crate::testkit::witness::$item(($factory)().await).await;
                }
            )+
        }
    };
}

/// Contract item 1.
pub async fn covers_is_stable(subject: WitnessUnderTest) {
    let check = |when: &str| {
        let witness = &subject.witness;
        assert!(
            witness.covers(&subject.target.url),
            "its own address, {when}"
        );
        if let Some(elsewhere) = &subject.elsewhere {
            assert!(!witness.covers(elsewhere), "another address, {when}");
        }
    };
    check("idle");
    subject.publish().await;
    check("while somebody publishes");
    (subject.kill)().await;
    // Whether the dead ingest answers is the matter of item 6.
    let _ = subject.witness.look().await;
    check("when it is dead");
}

/// Contract item 2.
pub async fn sees_only_what_it_covers(subject: WitnessUnderTest) {
    subject.publish().await;
    for sighting in subject.look().await {
        let url = &sighting.target.url;
        assert!(subject.witness.covers(url), "seen and not covered: {url}");
    }
}

/// Contract item 3.
pub async fn an_idle_ingest_is_empty(subject: WitnessUnderTest) {
    assert_eq!(subject.seen().await, None);
}

/// Contract item 4.
pub async fn a_publisher_is_seen(subject: WitnessUnderTest) {
    for _ in 0..2 {
        subject.publish().await;
        (subject.leave)().await;
        subject
            .until("the publisher is gone", |seen| seen.is_none())
            .await;
    }
}

/// Contract item 5.
pub async fn received_bytes_grow(subject: WitnessUnderTest) {
    subject.publish().await;
    let Some(first) = subject.seen().await.and_then(|seen| seen.bytes_in) else {
        return;
    };
    let more = |seen: Option<&Sighting>| {
        seen.is_some_and(|seen| seen.bytes_in.is_some_and(|bytes| bytes > first))
    };
    subject.until("more bytes than before", more).await;
}

/// Contract item 6.
pub async fn a_dead_ingest_is_an_error(subject: WitnessUnderTest) {
    subject.publish().await;
    (subject.kill)().await;
    // Twice: an answer kept from before would be given again.
    for _ in 0..2 {
        let answer = tokio::time::timeout(subject.within, subject.witness.look()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no timeout within {:?}", subject.within));
        let error = answer.expect_err("a dead ingest was looked at");
        assert_eq!(error.kind(), ErrorKind::DeviceUnreachable, "{error:?}");
    }
}

/// Contract item 7.
pub async fn dropped_publishers_leave(subject: WitnessUnderTest) {
    subject.publish().await;
    match subject.witness.drop_publishers(&subject.target).await {
        Ok(()) => assert_eq!(subject.seen().await, None, "dropped, and still there"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}"),
    }
}
