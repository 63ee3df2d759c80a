//! The event feed of a fake encoder.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast;

use super::device::Device;
use crate::driver::DeviceEvent;

impl Device {
    pub(super) fn events(self: &Arc<Self>) -> BoxStream<'static, DeviceEvent> {
        if !self.lock().capability.pushes_events {
            return stream::pending().boxed();
        }
        let (receiver, snapshot) = self.subscribe();
        let feed = Feed {
            device: Arc::downgrade(self),
            receiver,
            waiting: snapshot.into_iter().collect(),
        };
        stream::unfold(feed, Feed::next).boxed()
    }

    /// A silent device gives its snapshot when it is back.
    fn subscribe(&self) -> (broadcast::Receiver<DeviceEvent>, Option<DeviceEvent>) {
        let state = self.lock();
        let snapshot = || DeviceEvent::Snapshot(Box::new(state.report()));
        let snapshot = state.silence.is_none().then(snapshot);
        (self.feed().subscribe(), snapshot)
    }
}

/// One reader's feed.
struct Feed {
    device: Weak<Device>,
    receiver: broadcast::Receiver<DeviceEvent>,
    waiting: VecDeque<DeviceEvent>,
}

impl Feed {
    async fn next(mut self) -> Option<(DeviceEvent, Self)> {
        use broadcast::error::RecvError;

        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((event, self));
            }
            match self.receiver.recv().await {
                Ok(event) => self.waiting.push_back(event),
                Err(RecvError::Lagged(_)) => self.begin_anew(),
                // A feed never ends by itself.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    fn begin_anew(&mut self) {
        self.waiting.push_back(feed_lost("the reader was too slow"));
        if let Some(device) = self.device.upgrade() {
            let (receiver, snapshot) = device.subscribe();
            self.receiver = receiver;
            self.waiting.extend(snapshot);
        }
    }
}

pub(super) fn feed_lost(reason: &str) -> DeviceEvent {
    DeviceEvent::FeedLost {
        reason: reason.to_owned(),
    }
}
