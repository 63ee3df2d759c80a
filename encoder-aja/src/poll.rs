//! The long poll: the device's own account of its changes.
//!
//! `connect` opens a connection on the device and, where the device sends its values along, brings
//! the whole state in one reply. From then on one request at a time waits for changes, beside the
//! other requests and not in turn with them. Anything but an array in answer to a wait means that
//! changes may be lost, so everything begins anew with a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::model::EncoderStatus;
use encoder_core::tasks::Supervisor;
use encoder_core::{DeviceEvent, Result};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::device::Device;
use crate::feed::OpenFeed;
use crate::params::{Pace, Param};
use crate::reply::{EventElement, EventParam};
use crate::status::changes;

const OPERATION: &str = "EncoderDriver::events";

/// An empty answer sooner than this was not held at all.
const HASTY: Duration = Duration::from_millis(20);
/// So many hasty answers in a row mean that the device does not know the connection.
const MAX_HASTY: u32 = 3;

/// Events that wait for a slow reader before the feed waits with them.
const QUEUE: usize = 256;

/// The events of a device, without end.
///
/// A task of its own listens from the first poll until the stream is dropped. Listening within
/// the stream itself would hold the device's turn for as long as a reader looks away.
pub(crate) fn events(device: Arc<Device>) -> BoxStream<'static, DeviceEvent> {
    if !device.config.events {
        return stream::pending().boxed();
    }
    let listen = async move {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = ListenerTask(Supervisor::new());
        let listener = Listener::new(device).run(sender);
        task.0.spawn_until_shutdown("helo event feed", listener);
        stream::unfold((receiver, task), |(mut receiver, task)| async move {
            Some((receiver.recv().await?, (receiver, task)))
        })
    };
    stream::once(listen).flatten().boxed()
}

/// Ends the listener with its stream.
struct ListenerTask(Supervisor);

impl Drop for ListenerTask {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

struct Listener {
    device: Arc<Device>,
    connection: Option<Connection>,
    /// What the events so far add up to.
    last: EncoderStatus,
    pending: VecDeque<DeviceEvent>,
    /// Failures in a row; only a wait that was held ends the row.
    failures: u32,
    hasty: u32,
    told_lost: bool,
}

struct Connection {
    id: String,
    _open: OpenFeed,
}

impl Listener {
    fn new(device: Arc<Device>) -> Self {
        Self {
            device,
            connection: None,
            last: EncoderStatus::default(),
            pending: VecDeque::new(),
            failures: 0,
            hasty: 0,
            told_lost: false,
        }
    }

    async fn run(mut self, events: mpsc::Sender<DeviceEvent>) {
        while events.send(self.next().await).await.is_ok() {}
    }

    async fn next(&mut self) -> DeviceEvent {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return event;
            }
            match self
                .connection
                .as_ref()
                .map(|connection| connection.id.clone())
            {
                Some(id) => self.listen(&id).await,
                None => self.connect().await,
            }
        }
    }

    async fn connect(&mut self) {
        tokio::time::sleep(self.pause()).await;
        match self.snapshot().await {
            Ok(id) => {
                let open = self.device.feed.open();
                self.connection = Some(Connection { id, _open: open });
                self.last = self.device.known_status();
                self.told_lost = false;
                self.hasty = 0;
                let snapshot = DeviceEvent::Snapshot(Box::new(self.last.clone()));
                self.pending.push_back(snapshot);
            }
            Err(error) => self.lose(error.message().to_owned()),
        }
    }

    /// None before the first and the second attempt, then doubling.
    fn pause(&self) -> Duration {
        let config = &self.device.config;
        match self.failures.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => {
                let pause = config.reconnect_min.saturating_mul(1 << doublings.min(16));
                pause.min(config.reconnect_max)
            }
        }
    }

    /// Opens a connection and learns the whole state as of then.
    async fn snapshot(&self) -> Result<String> {
        let device = &self.device;
        let asked = Instant::now();
        let reply = device.client.connect().await;
        let reply = reply.map_err(|error| device.failed(error, OPERATION, "connect"))?;
        {
            let mut readings = device.readings();
            let untold = Param::alarms().filter(|alarm| alarm.pace() == Pace::OnDemand);
            readings.forget(untold);
            for (param, value) in reply.values {
                readings.read(param, Some(value), asked);
            }
        }
        let known = device.readings().heard_at(Param::STREAM_STATE);
        if known.is_none_or(|heard| heard < asked) {
            device.read_state(OPERATION).await?;
        }
        device.complete(asked, OPERATION).await?;
        Ok(reply.connection)
    }

    async fn listen(&mut self, id: &str) {
        let device = Arc::clone(&self.device);
        let begun = Instant::now();
        let answer = tokio::select! {
            answer = device.client.wait(id) => answer,
            () = device.feed.suspected() => {
                return self.lose("the device does not answer other requests".to_owned());
            }
        };
        match answer {
            Ok(elements) if elements.is_empty() && begun.elapsed() < HASTY => self.count_hasty(),
            Ok(elements) => {
                self.failures = 0;
                self.hasty = 0;
                device.feed.answered(!elements.is_empty());
                for element in elements {
                    if let Err(error) = self.take(element).await {
                        return self.lose(error.message().to_owned());
                    }
                }
            }
            Err(error) => self.lose(error.to_string()),
        }
    }

    fn count_hasty(&mut self) {
        self.hasty += 1;
        if self.hasty >= MAX_HASTY {
            self.lose("the device does not hold the long poll".to_owned());
        }
    }

    /// Carries one element into the readings, and what follows from it into the events. One at a
    /// time, so that a value that moved twice is told twice.
    async fn take(&mut self, element: EventElement) -> Result<()> {
        let param = match &element.param {
            EventParam::Name(name) => Param::find(name),
            EventParam::Number(number) => self.device.readings().by_number(*number),
        };
        let Some(param) = param else {
            return Ok(());
        };
        match element.into_value(param.kind()) {
            Some(value) => self.device.readings().told(param, value, Instant::now()),
            None => {
                self.device.read(param, OPERATION).await?;
            }
        }
        if param == Param::STREAM_DURATION {
            // Moves every second of a stream and is no news; the next status has it.
            return Ok(());
        }
        let status = self.device.known_status();
        let changes = changes(&self.last, &status);
        self.pending
            .extend(changes.into_iter().map(DeviceEvent::Changed));
        self.last = status;
        Ok(())
    }

    fn lose(&mut self, reason: String) {
        tracing::debug!(encoder = %self.device.id, reason, "event feed lost");
        self.connection = None;
        self.failures = self.failures.saturating_add(1);
        if !self.told_lost {
            self.told_lost = true;
            self.pending.push_back(DeviceEvent::FeedLost { reason });
        }
    }
}
