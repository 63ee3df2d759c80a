//! Hands changes to watchers, the same way for every store in this crate.

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Change, Key};

/// Changes kept for a slow watcher before it is told that it lagged.
const CAPACITY: usize = 1024;

/// A channel for changes; watchers end when its last sender is gone.
pub(super) fn channel() -> broadcast::Sender<Change> {
    broadcast::Sender::new(CAPACITY)
}

/// Tells every watcher. Having none is fine: nobody misses anything.
pub(super) fn announce(sender: &broadcast::Sender<Change>, change: Change) {
    let _ = sender.send(change);
}

/// What a receiver yields from now on, reduced to the keys under a prefix.
pub(super) fn under(
    prefix: &Key,
    receiver: broadcast::Receiver<Change>,
) -> BoxStream<'static, Change> {
    let prefix = prefix.clone();
    stream::unfold(receiver, move |mut receiver| {
        let prefix = prefix.clone();
        async move {
            loop {
                let change = match receiver.recv().await {
                    Ok(change) => change,
                    Err(RecvError::Lagged(_)) => Change::Lagged,
                    Err(RecvError::Closed) => return None,
                };
                if concerns(&change, &prefix) {
                    return Some((change, receiver));
                }
            }
        }
    })
    .boxed()
}

fn concerns(change: &Change, prefix: &Key) -> bool {
    match change {
        Change::Put(record) => record.key.as_str().starts_with(prefix.as_str()),
        Change::Deleted(key) => key.as_str().starts_with(prefix.as_str()),
        Change::Lagged => true,
    }
}
