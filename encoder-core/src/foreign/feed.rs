//! The event feed of a driver in another language: asked for one event after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;

use super::document::{one_line, read_object};
use super::driver::Line;
use crate::driver::DeviceEvent;
use crate::error::{ErrorKind, Result};

/// Pause before a lost feed is opened anew, at first.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Pause after it was lost again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One event feed, which its driver's reader owns.
#[derive(Debug)]
pub(super) struct Feed {
    line: Arc<Line>,
    /// The feed's number on the other side, while it is open there.
    open: Option<u64>,
    /// Time to wait before the next one is opened.
    pause: Duration,
    /// Whether the reader knows the whole state, so that a change means something.
    has_snapshot: bool,
    /// An event that came before its snapshot.
    waiting: Option<DeviceEvent>,
}

impl Feed {
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            open: None,
            pause: Duration::ZERO,
            has_snapshot: false,
            waiting: None,
        }
    }

    /// The next event. Never fails: a feed that does is lost, and opened anew by the next call.
    pub(super) async fn next(&mut self) -> DeviceEvent {
        if let Some(event) = self.waiting.take() {
            return event;
        }
        match self.ask().await {
            Ok(Some(event)) => self.heard(event).await,
            Ok(None) => self.lost("the feed ended"),
            Err(error) => self.lost(&self.line.tell("next_event", error).to_string()),
        }
    }

    async fn ask(&mut self) -> Result<Option<DeviceEvent>> {
        let number = match self.open {
            Some(number) => number,
            None => {
                tokio::time::sleep(self.pause).await;
                let number = self.line.feeds.fetch_add(1, Ordering::Relaxed) + 1;
                *self.open.insert(number)
            }
        };
        let call = self
            .line
            .object
            .call("next_event", format!("[{number}]"), None);
        read_object("next_event()", &call.await?, ErrorKind::DeviceProtocol)
    }

    async fn heard(&mut self, event: DeviceEvent) -> DeviceEvent {
        match &event {
            DeviceEvent::Snapshot(_) => {
                self.has_snapshot = true;
                self.pause = Duration::ZERO;
            }
            DeviceEvent::FeedLost { .. } => self.has_snapshot = false,
            DeviceEvent::Changed(_) if self.has_snapshot => {}
            DeviceEvent::Changed(_) => return self.put_snapshot_before(event).await,
        }
        event
    }

    async fn put_snapshot_before(&mut self, event: DeviceEvent) -> DeviceEvent {
        match self.line.status().await {
            Ok(status) => {
                self.has_snapshot = true;
                self.pause = Duration::ZERO;
                self.waiting = Some(event);
                DeviceEvent::Snapshot(Box::new(status))
            }
            Err(error) => self.lost(&error.to_string()),
        }
    }

    fn lost(&mut self, reason: &str) -> DeviceEvent {
        self.close();
        self.has_snapshot = false;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        DeviceEvent::FeedLost {
            reason: one_line(reason),
        }
    }

    /// Tells the other side that nobody asks for this feed any more. Without a runtime there is
    /// nobody to tell.
    fn close(&mut self) {
        let Some(number) = self.open.take() else {
            return;
        };
        if !self.line.object.has("close_feed") || Handle::try_current().is_err() {
            return;
        }
        let line = Arc::clone(&self.line);
        self.line.tasks.spawn("close feed", async move {
            let call = line.object.call("close_feed", format!("[{number}]"), None);
            let closed = tokio::time::timeout(line.config.call_deadline, call).await;
            if let Ok(Err(error)) = closed {
                tracing::debug!(encoder = %line.id, %error, "feed not closed");
            }
        });
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
    }
}
