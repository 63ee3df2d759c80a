//! The streaming engine of a fake encoder: starting, publishing, being kicked, stopping, and what
//! silence does to it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::device::{Device, Silence, State};
use super::feed::feed_lost;
use crate::driver::{DeviceEvent, StatusChange};
use crate::error::{ErrorKind, Result};
use crate::model::{DeviceRecordState, DeviceStreamState};

/// What an ingest made of an attempt to publish.
enum Attempt {
    /// On air until the token is cancelled.
    Accepted(CancellationToken),
    /// Turned away.
    Refused,
}

impl Device {
    pub(super) fn start(self: &Arc<Self>) -> Result<()> {
        use DeviceStreamState as Engine;

        let mut state = self.lock();
        if state.script.refuse_starts > 0 {
            state.script.refuse_starts -= 1;
            return Err(self.error(ErrorKind::DeviceRejected, "the device refuses to start"));
        }
        match state.status.stream_state {
            Engine::Streaming | Engine::Starting if !state.stopping => return Ok(()),
            Engine::Initialising | Engine::ShuttingDown => {
                return Err(self.error(ErrorKind::DeviceRejected, "the device is not up"));
            }
            _ => {}
        }
        let engine = state.renew_engine();
        state.disconnect();
        self.move_to(&mut state, Engine::Starting);
        if !state.script.never_streams {
            let delay = state.pace.start;
            self.run_engine(engine, delay, None);
        }
        Ok(())
    }

    pub(super) fn stop(self: &Arc<Self>) {
        let mut state = self.lock();
        let has_nothing_to_stop = !state.status.stream_state.may_publish() || state.stopping;
        if has_nothing_to_stop || state.script.ignores_stop {
            return;
        }
        let engine = state.renew_engine();
        state.stopping = true;
        let delay = state.pace.stop;
        drop(state);
        if delay.is_zero() {
            return self.finish_stop(&engine);
        }
        self.later(engine, delay, Self::finish_stop);
    }

    fn finish_stop(self: &Arc<Self>, engine: &CancellationToken) {
        let mut state = self.lock();
        if !engine.is_cancelled() {
            state.stopping = false;
            state.disconnect();
            self.move_to(&mut state, DeviceStreamState::Idle);
        }
    }

    pub(super) fn force(self: &Arc<Self>, to: DeviceStreamState) {
        let mut state = self.lock();
        let engine = state.renew_engine();
        state.disconnect();
        if to == DeviceStreamState::Streaming {
            self.resume(&mut state, engine);
        } else {
            self.move_to(&mut state, to);
        }
    }

    pub(super) fn reboot(self: &Arc<Self>) {
        let mut state = self.lock();
        let engine = state.renew_engine();
        state.disconnect();
        state.status.stream_state = DeviceStreamState::Initialising;
        let delay = state.pace.reboot;
        drop(state);
        self.silence(false);
        self.later(engine, delay, |device, engine| {
            if !engine.is_cancelled() {
                device.come_back(false);
            }
        });
    }

    pub(super) fn go_silent(self: &Arc<Self>, on_air: bool) {
        if !on_air {
            let mut state = self.lock();
            // A reboot under way ends with the power, too.
            state.renew_engine();
            state.status.stream_state = DeviceStreamState::Unknown;
            if let Some(connection) = state.connection.take() {
                connection.vanish();
            }
        }
        self.silence(on_air);
    }

    fn silence(self: &Arc<Self>, on_air: bool) {
        let mut state = self.lock();
        if let Some(silence) = &mut state.silence {
            silence.on_air &= on_air;
            return;
        }
        let over = CancellationToken::new();
        state.silence = Some(Silence {
            on_air,
            feed_lost: false,
            over: over.clone(),
        });
        // The feed's long poll times out like any other call.
        let delay = state.pace.call_timeout;
        drop(state);
        self.later(over, delay, |device, over| {
            let mut state = device.lock();
            if let Some(silence) = state.silence.as_mut().filter(|_| !over.is_cancelled()) {
                silence.feed_lost = true;
                device.send(feed_lost("the device does not answer"));
            }
        });
    }

    pub(super) fn come_back(self: &Arc<Self>, streaming: bool) {
        let mut state = self.lock();
        let lost_power = state
            .silence
            .as_ref()
            .is_some_and(|silence| !silence.on_air);
        if lost_power {
            state.renew_engine();
            state.streaming_since = None;
            state.status.stream_state = DeviceStreamState::Idle;
            state.status.record_state = DeviceRecordState::Idle;
        }
        if streaming && !state.is_publishing() {
            let engine = state.renew_engine();
            state.disconnect();
            self.resume(&mut state, engine);
        }
        if let Some(silence) = state.silence.take() {
            silence.over.cancel();
            if !silence.feed_lost {
                self.send(feed_lost("the device did not answer"));
            }
            self.send(DeviceEvent::Snapshot(Box::new(state.report())));
        }
    }

    /// Publishes at once, without the delay of a start.
    fn resume(self: &Arc<Self>, state: &mut State, engine: CancellationToken) {
        let attempt = self.connect(state);
        // Without an ingest there is nothing that could kick, and no need for a runtime.
        if state.ingest.is_some() {
            self.run_engine(engine, Duration::ZERO, Some(attempt));
        }
    }

    /// Runs the engine after a delay, or from an attempt to connect that was made already.
    fn run_engine(
        self: &Arc<Self>,
        engine: CancellationToken,
        delay: Duration,
        attempt: Option<Attempt>,
    ) {
        let device = Arc::downgrade(self);
        self.tasks.spawn_until_shutdown("fake engine", async move {
            let publishing = publish(device, engine.clone(), delay, attempt);
            // None is the engine being told otherwise.
            let _ = engine.run_until_cancelled(publishing).await;
        });
    }

    /// Does something later, unless the token is cancelled before.
    fn later(
        self: &Arc<Self>,
        token: CancellationToken,
        delay: Duration,
        then: fn(&Arc<Self>, &CancellationToken),
    ) {
        let device = Arc::downgrade(self);
        self.tasks.spawn_until_shutdown("fake device", async move {
            let waited = token.run_until_cancelled(tokio::time::sleep(delay)).await;
            if let (Some(()), Some(device)) = (waited, device.upgrade()) {
                then(&device, &token);
            }
        });
    }

    /// Connects for the engine: `None` when it was told otherwise meanwhile.
    fn attempt(&self, engine: &CancellationToken) -> Option<Attempt> {
        let mut state = self.lock();
        (!engine.is_cancelled()).then(|| self.connect(&mut state))
    }

    /// Connects to the ingest and moves to `Streaming`, or to `Failing` when it refuses.
    fn connect(&self, state: &mut State) -> Attempt {
        let ingest = state.ingest.clone().zip(state.held.clone());
        let kicked = match ingest {
            None => CancellationToken::new(),
            Some((ingest, (_, target))) => {
                let Some(connection) = ingest.connect(self.id(), &target) else {
                    self.move_to(state, DeviceStreamState::Failing);
                    return Attempt::Refused;
                };
                let kicked = connection.kicked().clone();
                state.connection = Some(connection);
                kicked
            }
        };
        self.move_to(state, DeviceStreamState::Streaming);
        Attempt::Accepted(kicked)
    }

    fn be_kicked(&self, engine: &CancellationToken) {
        let mut state = self.lock();
        if !engine.is_cancelled() {
            state.connection = None;
            self.move_to(&mut state, DeviceStreamState::Failing);
        }
    }

    fn move_to(&self, state: &mut State, to: DeviceStreamState) {
        let from = std::mem::replace(&mut state.status.stream_state, to);
        if from == to {
            return;
        }
        let streams = to == DeviceStreamState::Streaming;
        state.streaming_since = streams.then(Instant::now);
        self.push(state, StatusChange::StreamState(to));
    }
}

impl State {
    /// Drops what the engine was about to do.
    fn renew_engine(&mut self) -> CancellationToken {
        self.engine.cancel();
        self.stopping = false;
        self.engine = CancellationToken::new();
        self.engine.clone()
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}

/// The life of a stream on the device, until the engine is told otherwise.
async fn publish(
    device: Weak<Device>,
    engine: CancellationToken,
    delay: Duration,
    mut attempt: Option<Attempt>,
) {
    tokio::time::sleep(delay).await;
    loop {
        let again = || device.upgrade().and_then(|device| device.attempt(&engine));
        let Some(made) = attempt.take().or_else(again) else {
            return;
        };
        if let Attempt::Accepted(kicked) = made {
            kicked.cancelled().await;
            if let Some(device) = device.upgrade() {
                device.be_kicked(&engine);
            }
        }
        let reconnect = device
            .upgrade()
            .and_then(|device| device.lock().pace.reconnect);
        let Some(interval) = reconnect else {
            return;
        };
        tokio::time::sleep(interval).await;
    }
}
