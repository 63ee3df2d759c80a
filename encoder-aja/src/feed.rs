//! Whether the event feed can be trusted to have told everything so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an event may trail behind a value that was read.
const TRAIL: Duration = Duration::from_secs(1);

/// What is known of a device's event feed, by those who listen and those who read.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    state: Mutex<State>,
    suspicion: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Feeds that are up; usually one.
    open: usize,
    answered: Option<Instant>,
    /// Since when a change was read that no event told of.
    untold: Option<Instant>,
}

impl Feed {
    /// Whether a feed is up and answered within `patience`.
    pub(crate) fn is_fresh(&self, patience: Duration) -> bool {
        let state = self.lock();
        let recent = |answered: Instant| answered.elapsed() <= patience;
        state.open > 0 && state.answered.is_some_and(recent)
    }

    /// Notes a feed that is up, until the guard is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> OpenFeed {
        let mut state = self.lock();
        state.open += 1;
        state.answered = Some(Instant::now());
        state.untold = None;
        OpenFeed(Arc::clone(self))
    }

    /// Notes an answer of the long poll, with events or without.
    pub(crate) fn answered(&self, with_events: bool) {
        let mut state = self.lock();
        state.answered = Some(Instant::now());
        if with_events {
            state.untold = None;
        }
    }

    /// Notes whether a read brought a change that no event told of. When the event does not
    /// follow, the feed hangs.
    pub(crate) fn compare(&self, changed: bool) {
        let mut state = self.lock();
        match state.untold {
            None if changed && state.open > 0 => state.untold = Some(Instant::now()),
            Some(since) if since.elapsed() > TRAIL => {
                state.untold = None;
                drop(state);
                self.suspect();
            }
            _ => {}
        }
    }

    /// Tells every listener to begin anew.
    pub(crate) fn suspect(&self) {
        self.suspicion.notify_waiters();
    }

    /// Resolves once the feed is suspected.
    pub(crate) async fn suspected(&self) {
        self.suspicion.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A feed that is up.
#[derive(Debug)]
pub(crate) struct OpenFeed(Arc<Feed>);

impl Drop for OpenFeed {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open = state.open.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn silent_feed_is_not_fresh() {
        let feed = Arc::new(Feed::default());
        assert!(!feed.is_fresh(PATIENCE));
        let open = feed.open();
        assert!(feed.is_fresh(PATIENCE));
        tokio::time::advance(PATIENCE + TRAIL).await;
        assert!(!feed.is_fresh(PATIENCE));
        feed.answered(false);
        assert!(feed.is_fresh(PATIENCE));
        drop(open);
        assert!(!feed.is_fresh(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn change_without_event_raises_suspicion() {
        let feed = Arc::new(Feed::default());
        let _open = feed.open();
        let suspected = feed.suspected();
        tokio::pin!(suspected);
        assert!(suspected.as_mut().now_or_never().is_none());
        feed.compare(true);
        feed.compare(false);
        assert!(suspected.as_mut().now_or_never().is_none());
        tokio::time::advance(TRAIL * 2).await;
        feed.compare(false);
        assert!(suspected.as_mut().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn change_with_event_raises_none() {
        let feed = Arc::new(Feed::default());
        let _open = feed.open();
        let suspected = feed.suspected();
        tokio::pin!(suspected);
        assert!(suspected.as_mut().now_or_never().is_none());
        feed.compare(true);
        feed.answered(true);
        tokio::time::advance(TRAIL * 2).await;
        feed.compare(false);
        assert!(suspected.as_mut().now_or_never().is_none());
    }
}
