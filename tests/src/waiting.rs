//! Waiting for something to become true, instead of guessing how long it takes.

use std::time::{Duration, Instant};

/// Far more than anything here takes; reached only by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `holds`.
///
/// # Panics
/// When it takes longer than [`PATIENCE`]; the message names `what` never happened.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
