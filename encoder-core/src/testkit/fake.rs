//! An encoder without hardware: a driver with a scripted device, and an ingest to publish to.
//!
//! Everything runs on tokio's clock, so a test with `start_paused` sees exact times. The device
//! keeps the distinctions that matter in a failover: being silent is not being off air, a start
//! that was accepted is not a stream, and a device that comes back may bring its stream along.
//!
//! ```
//! use std::time::Duration;
//! use encoder_core::model::{DeviceStreamState, Personality};
//! use encoder_core::testkit::{FakeEncoder, FakeIngest, sample_config, sample_target};
//! use encoder_core::{EncoderDriver, EncoderDriverExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let ingest = FakeIngest::new(Personality::Takeover);
//! let encoder = FakeEncoder::new("enc-1")
//!     .with_start_delay(Duration::from_millis(20))
//!     .with_ingest(&ingest);
//! encoder.configure(&sample_config(), &sample_target()).await?;
//! encoder.start().await?;
//! let (deadline, interval) = (Duration::from_secs(5), Duration::from_millis(5));
//! encoder
//!     .wait_until(deadline, interval, |s| s.stream_state == DeviceStreamState::Streaming)
//!     .await?;
//! assert!(encoder.is_publishing());
//! assert_eq!(ingest.publisher(&sample_target()).as_ref(), Some(encoder.id()));
//! # Ok::<(), encoder_core::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::time::Instant;

use self::device::Device;
use crate::driver::{Capability, DeviceEvent, EncoderDriver};
use crate::error::Result;
use crate::model::{
    Action, Alarm, Celsius, DeviceStreamState, EncoderId, EncoderStatus, PublishTarget,
    StreamConfig,
};

mod defaults;
mod device;
mod engine;
mod factory;
mod feed;
mod ingest;
mod limits;
mod media;
mod sample;
#[cfg(test)]
mod tests;
mod witness;

pub use self::factory::FakeEncoderFactory;
pub use self::ingest::{FakeIngest, IngestEvent, IngestEventKind};
pub use self::sample::{sample_config, sample_target};
pub use self::witness::FakeWitness;

/// A call that a fake encoder received, answered or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When it came.
    pub at: Instant,
    /// What was asked.
    pub what: CallKind,
}

/// A method of [`EncoderDriver`] with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum CallKind {
    /// [`EncoderDriver::status`].
    Status,
    /// [`EncoderDriver::configure`].
    Configure(StreamConfig, PublishTarget),
    /// [`EncoderDriver::start`].
    Start,
    /// [`EncoderDriver::stop`].
    Stop,
    /// [`EncoderDriver::control`].
    Control(Action),
}

/// A scripted encoder and its driver in one. Clones are the same device.
///
/// By default it pushes events, reads back, reports input and temperature, records, reboots,
/// mutes, selects inputs and recalls presets; it needs 500 ms to start and 200 ms to stop, answers
/// at once, and lets a caller wait 1 s when it is silent. It has an input signal and 45 degrees, and
/// its serial number is its id.
///
/// Methods that move the device need a tokio runtime around them. The streaming engine gives up
/// when an ingest kicks or refuses it (state `Failing`), unless
/// [`with_reconnect`](Self::with_reconnect) is set.
#[derive(Clone)]
pub struct FakeEncoder(Arc<Device>);

/// Making one. These are meant for the time before the first call.
impl FakeEncoder {
    /// An idle device with the defaults.
    ///
    /// # Panics
    /// When `id` is no valid [`EncoderId`].
    pub fn new(id: &str) -> Self {
        let id = EncoderId::try_new(id).expect("a test names encoders by valid ids");
        let serial = id.to_string();
        let device = Device::new(id);
        device.lock().status.identity.serial = Some(serial);
        Self(Arc::new(device))
    }

    /// Changes what the device can do and tell.
    #[must_use]
    pub fn with_capability(self, change: impl FnOnce(&mut Capability)) -> Self {
        change(&mut self.0.lock().capability);
        self
    }

    /// Sets the time between an accepted start and publishing.
    #[must_use]
    pub fn with_start_delay(self, delay: Duration) -> Self {
        self.0.lock().pace.start = delay;
        self
    }

    /// Sets the time between an accepted stop and the end of publishing.
    #[must_use]
    pub fn with_stop_delay(self, delay: Duration) -> Self {
        self.0.lock().pace.stop = delay;
        self
    }

    /// Sets how long every call takes.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        self.0.lock().pace.latency = latency;
        self
    }

    /// Sets after what time a call to a silent device fails.
    #[must_use]
    pub fn with_call_timeout(self, timeout: Duration) -> Self {
        self.0.lock().pace.call_timeout = timeout;
        self
    }

    /// Sets how long a reboot takes, 30 s by default.
    #[must_use]
    pub fn with_reboot_time(self, time: Duration) -> Self {
        self.0.lock().pace.reboot = time;
        self
    }

    /// Makes the engine try again, so long after an ingest kicked or refused it.
    #[must_use]
    pub fn with_reconnect(self, interval: Duration) -> Self {
        self.0.lock().pace.reconnect = Some(interval);
        self
    }

    /// Publishes to that ingest; without one every connection succeeds.
    #[must_use]
    pub fn with_ingest(self, ingest: &FakeIngest) -> Self {
        self.0.lock().ingest = Some(ingest.clone());
        self
    }
}

/// What the test observes.
impl FakeEncoder {
    /// The same device as a trait object.
    pub fn driver(&self) -> Arc<dyn EncoderDriver> {
        Arc::new(self.clone())
    }

    /// Everything that was asked since the start or [`FakeEncoder::clear_calls`], oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().calls.clone()
    }

    /// [`FakeEncoder::calls`] without the polls of the status.
    pub fn commands(&self) -> Vec<CallKind> {
        let calls = self.calls().into_iter().map(|call| call.what);
        calls.filter(|what| *what != CallKind::Status).collect()
    }

    /// Forgets the calls.
    pub fn clear_calls(&self) {
        self.0.lock().calls.clear();
    }

    /// Whether packets leave the device and, with an ingest, are taken there.
    pub fn is_publishing(&self) -> bool {
        self.0.lock().is_publishing()
    }

    /// The state of the streaming engine, as the device itself sees it.
    pub fn stream_state(&self) -> DeviceStreamState {
        self.0.lock().status.stream_state
    }

    /// The settings the device holds.
    pub fn config(&self) -> Option<StreamConfig> {
        self.0
            .lock()
            .held
            .as_ref()
            .map(|(config, _)| config.clone())
    }

    /// Where the device would publish.
    pub fn target(&self) -> Option<PublishTarget> {
        self.0
            .lock()
            .held
            .as_ref()
            .map(|(_, target)| target.clone())
    }

    /// Whether picture and sound are muted.
    pub fn is_muted(&self) -> bool {
        self.0.lock().muted
    }
}

/// What the test does to the device.
impl FakeEncoder {
    /// Puts the engine into a state at once and drops what it was about to do. `Streaming`
    /// connects to the ingest; a state that cannot publish, and `Failing`, disconnects.
    pub fn set_state(&self, state: DeviceStreamState) {
        self.0.force(state);
    }

    /// The stream breaks: the connection closes and the engine stays `Failing`.
    pub fn fail_stream(&self) {
        self.0.force(DeviceStreamState::Failing);
    }

    /// Loses power: nothing answers, nothing is published, the engine's state is `Unknown`. The
    /// ingest is not told, and keeps the connection until its idle timeout.
    pub fn go_silent(&self) {
        self.0.go_silent(false);
    }

    /// Loses only its control network: nothing answers, and the media goes on.
    pub fn go_silent_on_air(&self) {
        self.0.go_silent(true);
    }

    /// Answers again. After a loss of power the device is idle; otherwise it is where it is.
    pub fn come_back(&self) {
        self.0.come_back(false);
    }

    /// Answers again and publishes with the settings it held, unasked, as devices that resume do.
    pub fn come_back_streaming(&self) {
        self.0.come_back(true);
    }

    /// The picture at the input goes away; the stream goes on without it.
    pub fn lose_input(&self) {
        self.0.set_input(false);
    }

    /// The picture is back.
    pub fn restore_input(&self) {
        self.0.set_input(true);
    }

    /// Changes the temperature, in degrees Celsius.
    pub fn set_temperature(&self, celsius: f64) {
        self.0.set_temperature(Celsius(celsius));
    }

    /// Raises an alarm, or changes the text of the one with the same code.
    pub fn raise_alarm(&self, alarm: Alarm) {
        self.0.raise_alarm(alarm);
    }

    /// Ends the alarm of that code.
    pub fn clear_alarm(&self, code: &str) {
        self.0.clear_alarm(code);
    }

    /// Changes any other reading. The state of the engine is not touched; use
    /// [`FakeEncoder::set_state`].
    pub fn set_readings(&self, change: impl FnOnce(&mut EncoderStatus)) {
        self.0.set_readings(change);
    }

    /// Takes settings while it streams from now on, without an interruption.
    pub fn allow_settings_on_air(&self) {
        self.0.lock().capability.configures_while_streaming = true;
    }

    /// Can be logged in to and connected to anew, and taken out of serving its medium, from now on.
    pub fn allow_repairs(&self) {
        let can = &mut self.0.lock().capability;
        can.renew_session = true;
        can.reconnect = true;
        can.reset_media_state = true;
    }

    /// Refuses the next `times` starts.
    pub fn refuse_start(&self, times: u32) {
        self.0.lock().script.refuse_starts = times;
    }

    /// Accepts starts from now on and stays `Starting`.
    pub fn accept_start_but_never_stream(&self) {
        self.0.lock().script.never_streams = true;
    }

    /// Takes settings from now on without effect, which the driver sees when it reads them back.
    pub fn ignore_configure(&self) {
        self.0.lock().script.ignores_configure = true;
    }

    /// Accepts stops from now on and goes on publishing.
    pub fn ignore_stop(&self) {
        self.0.lock().script.ignores_stop = true;
    }

    /// Accepts repairs from now on without effect.
    pub fn ignore_repairs(&self) {
        self.0.lock().script.ignores_repairs = true;
    }

    /// Ends everything that was scripted with the methods above it.
    pub fn behave(&self) {
        self.0.lock().script = device::Script::default();
    }

    /// Breaks the event feed and restores it: feeds yield [`DeviceEvent::FeedLost`] and a new
    /// [`DeviceEvent::Snapshot`]. A silent device has no feed to break.
    pub fn break_feed(&self) {
        self.0.break_feed();
    }
}

impl fmt::Debug for FakeEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEncoder")
            .field("id", self.id())
            .field("stream_state", &self.stream_state())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EncoderDriver for FakeEncoder {
    fn id(&self) -> &EncoderId {
        self.0.id()
    }

    fn capability(&self) -> Capability {
        self.0.lock().capability.clone()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        self.0.reach(CallKind::Status, "status").await?;
        Ok(self.0.lock().report())
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        let call = CallKind::Configure(config.clone(), target.clone());
        self.0.reach(call, "configure").await?;
        self.0.configure(config, target)
    }

    async fn start(&self) -> Result<()> {
        self.0.reach(CallKind::Start, "start").await?;
        self.0.start()
    }

    async fn stop(&self) -> Result<()> {
        self.0.reach(CallKind::Stop, "stop").await?;
        self.0.stop();
        Ok(())
    }

    async fn control(&self, action: &Action) -> Result<()> {
        let call = CallKind::Control(action.clone());
        self.0.check_supported(action)?;
        self.0.reach(call, "control").await?;
        self.0.control(action)
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        self.0.events()
    }
}
