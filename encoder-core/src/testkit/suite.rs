//! The suites at run time, for drivers and policies that are tested from another language.
//!
//! The macros, such as [`driver_conformance!`](crate::driver_conformance), make one `#[test]` of
//! each item. Here an item is run by its name, and says what is wrong instead of panicking. Items
//! run on the real clock, in tokio's multi-thread runtime.
//!
//! ```
//! use std::sync::Arc;
//! use encoder_core::balancer::{Balancer, Weighted};
//! use encoder_core::testkit::suite;
//!
//! # #[tokio::main]
//! # async fn main() {
//! for item in suite::BALANCER {
//!     let make: suite::Make<dyn Balancer> = Arc::new(|| Arc::new(Weighted::default()));
//!     assert_eq!(suite::run_balancer(item, make).await, Ok(()), "{item}");
//! }
//! # }
//! ```

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;

use super::driver::DriverUnderTest;
use super::{balancer, driver, health, remediation};
use crate::balancer::Balancer;
use crate::health::HealthPolicy;
use crate::remediation::Remediator;

/// Makes a fresh policy: a suite needs several to compare.
pub type Make<T> = Arc<dyn Fn() -> Arc<T> + Send + Sync>;

/// The items of [`EncoderDriver`](crate::EncoderDriver)'s contract, in its order.
pub const DRIVER: &[&str] = crate::__driver_items!(__suite @names);
/// The items of [`Balancer`]'s contract.
pub const BALANCER: &[&str] = crate::__balancer_items!(__suite @names);
/// The items of [`HealthPolicy`]'s contract.
pub const HEALTH: &[&str] = crate::__health_items!(__suite @names);
/// The items of [`Remediator`]'s contract.
pub const REMEDIATION: &[&str] = crate::__remediation_items!(__suite @names);

/// Goes through the items of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    (@names $($item:ident)+) => {
        &[$(stringify!($item)),+]
    };
    (@run $wanted:expr, $call:path, $suite:ident, $subject:expr, $($item:ident)+) => {
        match $wanted {
            $(stringify!($item) => $call($suite::$item($subject)).await,)+
            unknown => Err(unknown_item(unknown)),
        }
    };
    (@block $wanted:expr, $suite:ident, $subject:expr, $($item:ident)+) => {
        match $wanted {
            $(stringify!($item) => blocking(move || $suite::$item($subject)).await,)+
            unknown => Err(unknown_item(unknown)),
        }
    };
}

/// Runs one of [`DRIVER`].
///
/// # Errors
/// What is wrong with the driver, in words; likewise the others.
pub async fn run_driver(item: &str, subject: DriverUnderTest) -> Result<(), String> {
    crate::__driver_items!(__suite @run item, caught, driver, subject,)
}

/// Runs one of [`BALANCER`].
///
/// # Errors
/// What is wrong with the balancer.
pub async fn run_balancer(item: &str, make: Make<dyn Balancer>) -> Result<(), String> {
    crate::__balancer_items!(__suite @block item, balancer, || make(),)
}

/// Runs one of [`HEALTH`].
///
/// # Errors
/// What is wrong with the policy.
pub async fn run_health(item: &str, make: Make<dyn HealthPolicy>) -> Result<(), String> {
    crate::__health_items!(__suite @block item, health, || make(),)
}

/// Runs one of [`REMEDIATION`]. Its steps fail by running into their deadlines, several times
/// each, so short deadlines make it short.
///
/// # Errors
/// What is wrong with the remediator.
pub async fn run_remediation(item: &str, make: Make<dyn Remediator>) -> Result<(), String> {
    crate::__remediation_items!(__suite @run item, caught, remediation, || make(),)
}

async fn caught(item: impl Future<Output = ()>) -> Result<(), String> {
    let outcome = AssertUnwindSafe(item).catch_unwind().await;
    outcome.map_err(|panic| words(panic.as_ref()))
}

/// Runs an item that asks a thousand questions in a row.
async fn blocking(item: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let outcome = tokio::task::spawn_blocking(item).await;
    outcome.map_err(|error| match error.try_into_panic() {
        Ok(panic) => words(panic.as_ref()),
        Err(error) => error.to_string(),
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

fn unknown_item(item: &str) -> String {
    format!("the suite has no item `{}`", item.escape_default())
}
