//! The live feed as JavaScript holds it.

use std::sync::Arc;

use encoder_core::foreign::EventFeed;
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::errors::guard;
use crate::port::Port;

/// Events of a manager, taken in batches. What is not taken waits in the manager's own bounded
/// memory of events, and what falls out of that is reported as lost.
#[napi]
#[derive(Debug)]
pub struct NativeFeed {
    port: Port,
    feed: Arc<Mutex<EventFeed>>,
    ended: CancellationToken,
}

#[napi]
impl NativeFeed {
    pub(crate) fn new(port: Port, feed: EventFeed, ended: CancellationToken) -> Self {
        let feed = Arc::new(Mutex::new(feed));
        Self { port, feed, ended }
    }

    /// The next events, at most `most`, as a call that answers with a JSON array; an empty one when
    /// the feed is over. Cancelling the call loses no event.
    ///
    /// # Errors
    /// As an error document, when the system gives no threads.
    #[napi]
    pub fn next(&self, call: u32, most: u32) -> napi::Result<()> {
        guard(|| {
            let (feed, ended) = (Arc::clone(&self.feed), self.ended.clone());
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            self.port.run(call, async move {
                let mut feed = feed.lock().await;
                let events = tokio::select! {
                    biased;
                    events = feed.next(most) => events,
                    () = ended.cancelled() => Vec::new(),
                };
                Ok(format!("[{}]", events.join(",")))
            })
        })
    }
}
