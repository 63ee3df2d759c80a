//! The changes of an encoder as they happen.

use std::sync::{Arc, Weak};
use std::time::Duration;

use encoder_core::{DeviceEvent, StatusChange};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::driver::Encoder;

/// Time between attempts to begin anew.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) type Changes = broadcast::Receiver<StatusChange>;

/// The events of an encoder, without end. They do not keep the encoder alive.
pub(crate) fn events(encoder: &Arc<Encoder>) -> BoxStream<'static, DeviceEvent> {
    let listener = Listener {
        encoder: Arc::downgrade(encoder),
        changes: None,
        told_lost: false,
    };
    let next = |mut listener: Listener| async { Some((listener.next().await, listener)) };
    stream::unfold(listener, next).boxed()
}

struct Listener {
    encoder: Weak<Encoder>,
    /// `None` before the first snapshot, and after changes were missed.
    changes: Option<Changes>,
    told_lost: bool,
}

impl Listener {
    async fn next(&mut self) -> DeviceEvent {
        loop {
            let Some(changes) = &mut self.changes else {
                match self.begin().await {
                    Some(event) => return event,
                    None => continue,
                }
            };
            match next(changes).await {
                Ok(change) => return DeviceEvent::Changed(change),
                Err(reason) => {
                    self.changes = None;
                    return DeviceEvent::FeedLost { reason };
                }
            }
        }
    }

    async fn begin(&mut self) -> Option<DeviceEvent> {
        let Some(encoder) = self.encoder.upgrade() else {
            // There is nothing left that could change.
            return std::future::pending().await;
        };
        match encoder.listen().await {
            Ok((status, changes)) => {
                self.changes = Some(changes);
                self.told_lost = false;
                Some(DeviceEvent::Snapshot(Box::new(status)))
            }
            Err(error) if !self.told_lost => {
                self.told_lost = true;
                let reason = error.message().to_owned();
                Some(DeviceEvent::FeedLost { reason })
            }
            Err(_) => {
                drop(encoder);
                tokio::time::sleep(RETRY).await;
                None
            }
        }
    }
}

async fn next(changes: &mut Changes) -> Result<StatusChange, String> {
    changes.recv().await.map_err(|error| match error {
        RecvError::Lagged(missed) => format!("{missed} changes were missed"),
        RecvError::Closed => "the encoder's task has ended".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use encoder_core::model::{DeviceStreamState, EncoderId};

    use super::*;
    use crate::{FfmpegConfig, FfmpegDriver};

    #[tokio::test]
    async fn listener_that_was_too_slow_begins_anew() {
        let sender = broadcast::Sender::new(1);
        let mut changes = sender.subscribe();
        for state in [DeviceStreamState::Starting, DeviceStreamState::Streaming] {
            sender.send(StatusChange::StreamState(state)).unwrap();
        }
        assert_eq!(
            next(&mut changes).await.unwrap_err(),
            "1 changes were missed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn feed_is_lost_once_while_there_is_no_ffmpeg() {
        let config = FfmpegConfig {
            path: "/nowhere/ffmpeg".into(),
            ..FfmpegConfig::default()
        };
        let id = EncoderId::try_new("soft-1").unwrap();
        let driver = FfmpegDriver::new(id, config, "testsrc:", None).unwrap();
        let mut events = encoder_core::EncoderDriver::events(&driver);
        let lost = events.next().await.unwrap();
        assert!(matches!(&lost, DeviceEvent::FeedLost { reason } if reason.contains("/nowhere")));
        let silence = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        assert!(silence.is_err(), "{silence:?}");
    }
}
