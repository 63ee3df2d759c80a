//! What a fake encoder is made of, and how it answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::defaults::{default_capability, signal};
use super::feed::feed_lost;
use super::ingest::Connection;
use super::limits::beyond;
use super::{Call, CallKind, FakeIngest};
use crate::driver::{Capability, DeviceEvent, StatusChange};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{
    Action, ActiveConfig, Alarm, Celsius, DeviceRecordState, DeviceStreamState, EncoderId,
    EncoderStatus, PublishTarget, StreamConfig,
};
use crate::tasks::Supervisor;

/// Events kept for a slow reader before its feed counts as lost.
const FEED: usize = 256;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) start: Duration,
    pub(super) stop: Duration,
    pub(super) latency: Duration,
    pub(super) call_timeout: Duration,
    pub(super) reboot: Duration,
    pub(super) reconnect: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            start: Duration::from_millis(500),
            stop: Duration::from_millis(200),
            latency: Duration::ZERO,
            call_timeout: Duration::from_secs(1),
            reboot: Duration::from_secs(30),
            reconnect: None,
        }
    }
}

/// Misbehaviour to come.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) refuse_starts: u32,
    pub(super) never_streams: bool,
    pub(super) ignores_configure: bool,
    pub(super) ignores_selection: bool,
    pub(super) ignores_repairs: bool,
    pub(super) ignores_stop: bool,
}

/// Not answering.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) on_air: bool,
    /// Whether the feeds know.
    pub(super) feed_lost: bool,
    /// Cancelled at its end.
    pub(super) over: CancellationToken,
}

/// Everything that changes about a device.
#[derive(Debug)]
pub(super) struct State {
    pub(super) capability: Capability,
    pub(super) pace: Pace,
    pub(super) script: Script,
    /// All readings, whether the device can tell them or not.
    pub(super) status: EncoderStatus,
    pub(super) streaming_since: Option<Instant>,
    pub(super) held: Option<(StreamConfig, PublishTarget)>,
    pub(super) ingest: Option<FakeIngest>,
    pub(super) connection: Option<Connection>,
    pub(super) silence: Option<Silence>,
    pub(super) muted: bool,
    pub(super) calls: Vec<Call>,
    /// What the engine is about to do; cancelled when it is told otherwise.
    pub(super) engine: CancellationToken,
    pub(super) stopping: bool,
}

/// A device; its clones in tests and drivers share it.
#[derive(Debug)]
pub(super) struct Device {
    id: EncoderId,
    state: Mutex<State>,
    feed: broadcast::Sender<DeviceEvent>,
    pub(super) tasks: Supervisor,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.lock().engine.cancel();
        self.tasks.cancel();
    }
}

impl Device {
    pub(super) fn new(id: EncoderId) -> Self {
        let mut status = EncoderStatus {
            stream_state: DeviceStreamState::Idle,
            record_state: DeviceRecordState::Idle,
            input: Some(signal(true)),
            ..EncoderStatus::default()
        };
        status.system.temperature = Some(Celsius(45.0));
        let state = State {
            capability: default_capability(),
            pace: Pace::default(),
            script: Script::default(),
            status,
            streaming_since: None,
            held: None,
            ingest: None,
            connection: None,
            silence: None,
            muted: false,
            calls: Vec::new(),
            engine: CancellationToken::new(),
            stopping: false,
        };
        Self {
            id,
            state: Mutex::new(state),
            feed: broadcast::Sender::new(FEED),
            tasks: Supervisor::new(),
        }
    }

    pub(super) fn id(&self) -> &EncoderId {
        &self.id
    }

    pub(super) fn feed(&self) -> &broadcast::Sender<DeviceEvent> {
        &self.feed
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One round trip: fails after the driver's timeout when nobody answers.
    pub(super) async fn reach(&self, what: CallKind, operation: &'static str) -> Result<()> {
        let pace = {
            let mut state = self.lock();
            let at = Instant::now();
            state.calls.push(Call { at, what });
            state.pace
        };
        if !pace.latency.is_zero() {
            tokio::time::sleep(pace.latency).await;
        }
        let is_silent = self.lock().silence.is_some();
        if is_silent {
            tokio::time::sleep(pace.call_timeout).await;
            let error = self.error(ErrorKind::DeviceUnreachable, "the device does not answer");
            return Err(error
                .with_context("call", operation)
                .with_retry(Retry::Safe));
        }
        Ok(())
    }

    pub(super) fn error(&self, kind: ErrorKind, message: &'static str) -> Error {
        Error::new(kind, message).with_context("encoder", &self.id)
    }

    pub(super) fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        let mut state = self.lock();
        if let Some(field) = beyond(&state.capability.limits, config, target) {
            let message = "the device cannot be set to that";
            let error = self.error(ErrorKind::Unsupported, message);
            return Err(error.with_context("field", field));
        }
        if state.status.stream_state.may_publish() && !state.capability.configures_while_streaming {
            let message = "the device takes no settings while it streams";
            return Err(self.error(ErrorKind::Conflict, message));
        }
        if state.script.ignores_configure {
            let message = "the device took the settings and holds others";
            return Err(self.error(ErrorKind::DeviceRejected, message));
        }
        state.held = Some((config.clone(), target.clone()));
        self.push_status(&state);
        Ok(())
    }

    pub(super) fn check_supported(&self, action: &Action) -> Result<()> {
        let can = self.lock().capability.clone();
        let supported = match action {
            Action::StartStreaming | Action::StopStreaming => true,
            Action::StartRecording | Action::StopRecording => can.record,
            Action::Reboot => can.reboot,
            Action::RecallPreset { .. } => can.recall_preset,
            Action::SelectInput { .. } => can.select_input,
            Action::SelectRecordingMedium { .. } => can.select_recording_medium,
            Action::Mute | Action::Unmute => can.mute,
            Action::RenewSession => can.renew_session,
            Action::Reconnect => can.reconnect,
            Action::ResetMediaState => can.reset_media_state,
            Action::EnterMaintenance | Action::LeaveMaintenance => false,
        };
        if supported {
            return Ok(());
        }
        let error = self.error(ErrorKind::Unsupported, "the device cannot do that");
        Err(error.with_context("action", action.as_str()))
    }

    pub(super) fn control(self: &Arc<Self>, action: &Action) -> Result<()> {
        match action {
            Action::StartStreaming => return self.start(),
            Action::StopStreaming => self.stop(),
            Action::StartRecording => self.record(DeviceRecordState::Recording),
            Action::StopRecording => self.record(DeviceRecordState::Idle),
            Action::SelectRecordingMedium { medium } => return self.select_medium(medium),
            Action::Reboot => self.reboot(),
            Action::Mute => self.lock().muted = true,
            Action::Unmute => self.lock().muted = false,
            Action::ResetMediaState if !self.lock().script.ignores_repairs => {
                self.set_readings(|status| status.serves_files = Some(false))
            }
            // Seen in the calls; nothing else in here depends on it.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn record(&self, to: DeviceRecordState) {
        let mut state = self.lock();
        state.status.record_state = to;
        self.push(&state, StatusChange::RecordState(to));
    }

    pub(super) fn set_input(&self, present: bool) {
        let mut state = self.lock();
        let signal = signal(present);
        state.status.input = Some(signal.clone());
        if state.capability.reports_input {
            self.push(&state, StatusChange::Input(signal));
        }
    }

    pub(super) fn set_temperature(&self, celsius: Celsius) {
        let mut state = self.lock();
        state.status.system.temperature = Some(celsius);
        if state.capability.reports_temperature {
            self.push(&state, StatusChange::Temperature(celsius));
        }
    }

    pub(super) fn raise_alarm(&self, alarm: Alarm) {
        let mut state = self.lock();
        state.status.apply(StatusChange::AlarmRaised(alarm.clone()));
        self.push(&state, StatusChange::AlarmRaised(alarm));
    }

    pub(super) fn clear_alarm(&self, code: &str) {
        let mut state = self.lock();
        let change = StatusChange::AlarmCleared(code.to_owned());
        state.status.apply(change.clone());
        self.push(&state, change);
    }

    pub(super) fn set_readings(&self, change: impl FnOnce(&mut EncoderStatus)) {
        let mut state = self.lock();
        let engine = state.status.stream_state;
        change(&mut state.status);
        state.status.stream_state = engine;
        self.push_status(&state);
    }

    /// Tells the feeds, unless nothing gets through. Inside the lock, so that order is kept.
    pub(super) fn push(&self, state: &State, change: StatusChange) {
        if state.silence.is_none() {
            self.send(DeviceEvent::Changed(change));
        }
    }

    pub(super) fn push_status(&self, state: &State) {
        self.push(state, StatusChange::Other(Box::new(state.report())));
    }

    pub(super) fn send(&self, event: DeviceEvent) {
        // Without a reader nobody misses anything.
        let _ = self.feed.send(event);
    }

    pub(super) fn break_feed(&self) {
        let state = self.lock();
        if state.silence.is_none() {
            self.send(feed_lost("the test broke the feed"));
            self.send(DeviceEvent::Snapshot(Box::new(state.report())));
        }
    }
}

impl State {
    pub(super) fn is_publishing(&self) -> bool {
        let has_power = self.silence.as_ref().is_none_or(|silence| silence.on_air);
        let connected = self.connection.as_ref();
        let is_taken = connected.is_none_or(|connection| !connection.kicked().is_cancelled());
        self.status.stream_state == DeviceStreamState::Streaming && has_power && is_taken
    }

    /// What the device tells of itself: only what its capability says.
    pub(super) fn report(&self) -> EncoderStatus {
        fn keep<T>(reading: &mut Option<T>, told: bool) {
            if !told {
                *reading = None;
            }
        }
        let can = &self.capability;
        let mut status = self.status.clone();
        status.active = self.held.as_ref().map(|(config, target)| ActiveConfig {
            resolution: Some(config.resolution),
            fps: Some(config.fps),
            bitrate: Some(config.bitrate),
            audio_bitrate: Some(config.audio_bitrate),
            keyframe_interval: Some(config.keyframe_interval),
            target: Some(target.clone()),
        });
        status.output.duration = self.streaming_since.map(|since| since.elapsed());
        keep(&mut status.active, can.reads_back);
        keep(&mut status.input, can.reports_input);
        keep(&mut status.system.temperature, can.reports_temperature);
        keep(&mut status.system.cpu_percent, can.reports_cpu);
        keep(&mut status.system.memory_percent, can.reports_memory);
        keep(&mut status.system.fan_rpm, can.reports_fan);
        keep(&mut status.system.uptime, can.reports_uptime);
        keep(&mut status.output.bitrate, can.reports_bitrate);
        keep(
            &mut status.output.dropped_frames,
            can.reports_dropped_frames,
        );
        if !can.reports_media {
            status.media.clear();
        }
        status
    }
}
