//! One suite for every [`EncoderDriver`]: a test per item of its contract.
//!
//! The suite knows the device through its driver only. What a driver cannot do by itself, such as
//! cutting the device off, comes as a hook, so that the same items run against a scripted device
//! on a paused clock and against a simulated one over real sockets.
//!
//! ```no_run
//! use encoder_core::testkit::driver::DriverUnderTest;
//! use encoder_core::testkit::{FakeEncoder, sample_config, sample_target};
//!
//! async fn fake() -> DriverUnderTest {
//!     let encoder = FakeEncoder::new("enc-1");
//!     let device = encoder.clone();
//!     let cut_off = move || {
//!         device.go_silent();
//!         std::future::ready(())
//!     };
//!     DriverUnderTest::new(encoder.driver(), sample_config(), sample_target(), cut_off)
//! }
//!
//! encoder_core::driver_conformance!(fake_encoder, fake);
//! # fn main() {}
//! ```

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use crate::driver::EncoderDriver;
use crate::model::{PublishTarget, StreamConfig};

mod items;
mod watching;

pub use self::items::*;

/// Something done to the device behind the driver's back.
pub(crate) type Hook = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A driver with an idle, well-behaved device behind it.
pub struct DriverUnderTest {
    pub(crate) driver: Arc<dyn EncoderDriver>,
    pub(crate) config: StreamConfig,
    pub(crate) target: PublishTarget,
    pub(crate) cut_off: Hook,
    pub(crate) ignore_writes: Option<Hook>,
    pub(crate) break_feed: Option<Hook>,
    pub(crate) within: Duration,
    /// Never looked at; the mutex only makes it shareable.
    _kept: Option<Mutex<Box<dyn Any + Send>>>,
}

impl DriverUnderTest {
    /// A driver for an idle device that can take these settings and publish to that target.
    /// `cut_off` makes the device stop answering for good.
    ///
    /// Transitions of the device may take 10 s, see [`within`](Self::within).
    pub fn new<F>(
        driver: Arc<dyn EncoderDriver>,
        config: StreamConfig,
        target: PublishTarget,
        cut_off: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            driver,
            config,
            target,
            cut_off: hook(cut_off),
            ignore_writes: None,
            break_feed: None,
            within: Duration::from_secs(10),
            _kept: None,
        }
    }

    /// Sets how long starting, stopping, noticing a dead device and delivering an event may take.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// How to make the device accept settings without effect. Without it the suite cannot prove
    /// that a driver notices.
    #[must_use]
    pub fn with_ignored_writes<F>(
        mut self,
        ignore_writes: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.ignore_writes = Some(hook(ignore_writes));
        self
    }

    /// How to break the event feed so that it can be had again. Without it the suite sees the
    /// first snapshot only.
    #[must_use]
    pub fn with_broken_feed<F>(mut self, break_feed: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.break_feed = Some(hook(break_feed));
        self
    }

    /// Keeps something, such as a simulated device, until the test is over.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self._kept = Some(Mutex::new(Box::new(kept)));
        self
    }
}

impl fmt::Debug for DriverUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverUnderTest")
            .field("driver", &self.driver)
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
/// [`EncoderDriver`](crate::EncoderDriver).
///
/// Takes the module's name and an async function without arguments that gives a
/// [`DriverUnderTest`](crate::testkit::driver::DriverUnderTest). An attribute before the name
/// replaces `#[tokio::test]`, for example `#[tokio::test(start_paused = true)]` for a device that
/// lives on tokio's clock. Items about what the driver's capability lacks pass without looking.
#[macro_export]
macro_rules! driver_conformance {
    ($suite:ident, $factory:expr) => {
        $crate::driver_conformance!(#[tokio::test] $suite, $factory);
    };
    (#[$test:meta] $suite:ident, $factory:expr) => {
        $crate::__driver_items!(driver_conformance @items #[$test] $suite, $factory,);
    };
    (@items #[$test:meta] $suite:ident, $factory:expr, $($item:ident)+) => {
        mod $suite {
            use super::*;
            $(
                #[$test]
                async fn $item() {
                    $crate::testkit::driver::$item(($factory)().await).await;
                }
            )+
        }
    };
}

/// The items of the contract, once for all who go through them: hands them, after its own
/// arguments, to the macro that it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __driver_items {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! { $($arguments)*
            identity_is_stable
            status_reads_the_device
            absent_readings_are_none
            configure_reads_back
            configure_is_idempotent
            start_is_idempotent
            stop_is_idempotent
            start_leads_to_streaming
            stop_leads_to_idle
            unsupported_is_an_error
            events_begin_with_a_snapshot
            events_report_the_stream_state
            dropping_a_call_leaves_a_valid_device
        }
    };
}
