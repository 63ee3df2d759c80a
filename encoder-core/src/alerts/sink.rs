//! Where notices go.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::notice::{Notice, NoticeAlert};
use crate::error::Result;
use crate::model::Timestamp;

/// A receiver of notices: one address, one phone, one system.
///
/// # Contract
///
/// 1. `name_is_stable`: the same at every call, 1 to 64 characters of `[A-Za-z0-9._-]`. Routes,
///    records and metrics go by it.
/// 2. `ok_means_taken`: `Ok` says that the receiver has acknowledged the notice. It is not sent
///    again.
/// 3. `failures_say_whether_to_retry`: an error with [`Retry::Safe`](crate::Retry::Safe) is tried
///    again later, at the earliest after the context `retry_after_seconds` if it has one. Any other
///    makes the notice a dead letter at once.
/// 4. `errors_are_one_line_without_secrets`: they are stored, shown and logged.
/// 5. `repeats_carry_the_same_id`: where the receiver can tell repeated deliveries by an id, it is
///    that of the notice. A crash between delivery and its record delivers twice.
///
/// # Cancellation
///
/// `deliver` is dropped when it takes longer than `alerts.delivery.timeout_ms`, and may have been
/// taken then.
#[async_trait]
pub trait AlertSink: Debug + Send + Sync + 'static {
    /// Its name among the sinks.
    fn name(&self) -> &str;

    /// What it is, for the routes that hold when none are configured: `telegram` and `email` are
    /// for people, anything else gets everything.
    fn kind(&self) -> &'static str {
        "custom"
    }

    /// Hands a notice over.
    ///
    /// # Errors
    /// By the contract, items 3 and 4.
    async fn deliver(&self, notice: &Notice) -> Result<()>;

    /// For a system that groups and paces by itself: it gets every alert as soon as it begins,
    /// changes or ends, ungrouped, and at this interval all open ones by
    /// [`mirror`](Self::mirror).
    fn mirror_interval(&self) -> Option<Duration> {
        None
    }

    /// Takes all open alerts that nobody silenced.
    ///
    /// # Errors
    /// By the contract, item 4; they are counted, and the next interval brings everything again.
    async fn mirror(&self, open: &[NoticeAlert], now: Timestamp) -> Result<()> {
        let _ = (open, now);
        Ok(())
    }
}
