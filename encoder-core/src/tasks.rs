//! Time and tasks: the only place that reads the system clock or spawns.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::Timestamp;

/// Both clocks: monotonic for spans, wall for records.
///
/// Under a paused tokio clock an anchored one moves with it, so tests see one consistent time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Anchored(tokio::time::Instant, Timestamp),
}

impl Clock {
    /// The system's wall clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A wall clock that reads `start` now and advances with tokio's clock.
    pub fn anchored(start: Timestamp) -> Self {
        Self(Source::Anchored(tokio::time::Instant::now(), start))
    }

    /// The present moment on the monotonic clock.
    pub fn instant(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// A moment of the monotonic clock in UTC.
    pub fn wall(&self, moment: Instant) -> Timestamp {
        let (instant, now) = (self.instant(), self.now());
        match moment.checked_duration_since(instant) {
            Some(ahead) => now.plus(ahead),
            None => now.minus(instant.saturating_duration_since(moment)),
        }
    }

    /// The present moment in UTC.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Anchored(instant, start) => start.plus(instant.elapsed()),
            Source::System => Timestamp::from_millis(system_millis()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system clock"
)]
fn system_millis() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |span| {
        i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Owns tasks: each ends when it is told to shut down, and shutting down waits for all of them.
///
/// Children get a token of their own, so that one encoder's tasks can end without the others'.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    /// The trackers of the supervisors above, which wait for this one's tasks, too.
    above: Arc<[TaskTracker]>,
    token: CancellationToken,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// A supervisor whose tasks end with this one's, or earlier.
    #[must_use]
    pub fn child(&self) -> Self {
        let above = self.above.iter().chain([&self.tracker]);
        Self {
            tracker: TaskTracker::new(),
            above: above.cloned().collect(),
            token: self.token.child_token(),
        }
    }

    /// Cancelled when the tasks shall end.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Runs a task that watches [`Supervisor::token`] itself, to finish what it began.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let tracked: Vec<_> = self.above.iter().map(TaskTracker::token).collect();
        tokio::spawn(self.tracker.track_future(async move {
            let _tracked = tracked;
            task.await;
            tracing::trace!(task = name, "task ended");
        }));
    }

    /// Runs a task that may be dropped at any await when told to shut down.
    pub fn spawn_until_shutdown(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let token = self.token.clone();
        self.spawn(name, async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Tells the tasks to end, without waiting.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Tells all tasks to end, also those of children, and waits for them, at most `deadline`.
    /// Returns whether all ended.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
    }
}

#[cfg(test)]
mod tests;
