//! What an encoder must be able to do, and how it tells what happens to it.
//!
//! [`EncoderDriver`] is small and dyn-safe, because fleets are mixed and drivers are written by
//! others. Conveniences that any driver gets for free live in [`EncoderDriverExt`]. What a device
//! cannot do is a `false` in its [`Capability`] and [`ErrorKind::Unsupported`], never a silent
//! `Ok`; what it cannot tell is `None`.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Action, Bitrate, ConnectionPool, DeviceStreamState, EncoderId, EncoderSpec, EncoderStatus,
    PublishTarget, Resolution, StreamConfig,
};

mod event;

pub use event::{DeviceEvent, StatusChange};

/// How a device arrives at its frame rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameRateRule {
    /// Any rate.
    #[default]
    Any,
    /// The input rate, half of it, or a quarter of it.
    FractionOfInput,
}

/// What a device can be set to. What a document leaves out is not limited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Lowest video bitrate.
    pub min_bitrate: Bitrate,
    /// Highest video bitrate.
    #[serde(skip_serializing_if = "unlimited::bitrate")]
    pub max_bitrate: Bitrate,
    /// Smallest picture.
    pub min_resolution: Resolution,
    /// Largest picture.
    #[serde(skip_serializing_if = "unlimited::resolution")]
    pub max_resolution: Resolution,
    /// How frame rates come about.
    pub frame_rate: FrameRateRule,
    /// Audio bitrates to choose from; empty means any.
    pub audio_bitrates: Vec<Bitrate>,
    /// Longest key frame distance in pictures.
    #[serde(skip_serializing_if = "unlimited::pictures")]
    pub max_gop_frames: u32,
    /// URL schemes it can publish to, for example `rtmp`; empty means any.
    pub schemes: Vec<String>,
}

impl Default for Limits {
    /// No limit worth naming; a driver narrows them.
    fn default() -> Self {
        Self {
            min_bitrate: Bitrate(1),
            max_bitrate: Bitrate(u64::MAX),
            min_resolution: Resolution::new(1, 1),
            max_resolution: Resolution::new(u32::MAX, u32::MAX),
            frame_rate: FrameRateRule::Any,
            audio_bitrates: Vec::new(),
            max_gop_frames: u32::MAX,
            schemes: Vec::new(),
        }
    }
}

/// Limits that a document leaves out, as no number says them.
mod unlimited {
    use super::{Bitrate, Limits, Resolution};

    pub(super) fn bitrate(limit: &Bitrate) -> bool {
        *limit == Limits::default().max_bitrate
    }

    pub(super) fn resolution(limit: &Resolution) -> bool {
        *limit == Limits::default().max_resolution
    }

    pub(super) fn pictures(limit: &u32) -> bool {
        *limit == Limits::default().max_gop_frames
    }
}

/// What a device can do and tell: one flag per thing a caller branches on, all false by default,
/// also those that a document leaves out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capability {
    /// Records to a medium of its own.
    pub record: bool,
    /// Recalls stored settings.
    pub recall_preset: bool,
    /// Switches inputs.
    pub select_input: bool,
    /// Chooses the medium it records to. [`EncoderDriver::control`] returns once the medium is
    /// mounted and ready; when it fails, the device may be left with the new choice.
    pub select_recording_medium: bool,
    /// Mutes picture and sound.
    pub mute: bool,
    /// Restarts on command.
    pub reboot: bool,
    /// Can be logged in to anew.
    pub renew_session: bool,
    /// Makes new connections on command.
    pub reconnect: bool,
    /// Can be taken out of serving its medium.
    pub reset_media_state: bool,
    /// Reports changes by itself through [`EncoderDriver::events`].
    pub pushes_events: bool,
    /// Takes new settings while it streams.
    pub configures_while_streaming: bool,
    /// [`EncoderStatus::active`] holds the settings as read back from the device.
    pub reads_back: bool,
    /// Reads a temperature.
    pub reports_temperature: bool,
    /// Reads processor load.
    pub reports_cpu: bool,
    /// Reads memory use.
    pub reports_memory: bool,
    /// Reads its fan.
    pub reports_fan: bool,
    /// Reads time since boot.
    pub reports_uptime: bool,
    /// Measures its output bitrate.
    pub reports_bitrate: bool,
    /// Counts dropped pictures.
    pub reports_dropped_frames: bool,
    /// Sees whether there is an input signal.
    pub reports_input: bool,
    /// Sees its recording media.
    pub reports_media: bool,
    /// What it can be set to.
    pub limits: Limits,
}

impl Capability {
    /// Whether the device can do this. What is not a matter of a flag is `true`.
    pub const fn allows(&self, action: &Action) -> bool {
        match action {
            Action::StartRecording | Action::StopRecording => self.record,
            Action::Reboot => self.reboot,
            Action::RecallPreset { .. } => self.recall_preset,
            Action::SelectInput { .. } => self.select_input,
            Action::SelectRecordingMedium { .. } => self.select_recording_medium,
            Action::Mute | Action::Unmute => self.mute,
            Action::RenewSession => self.renew_session,
            Action::Reconnect => self.reconnect,
            Action::ResetMediaState => self.reset_media_state,
            Action::StartStreaming
            | Action::StopStreaming
            | Action::EnterMaintenance
            | Action::LeaveMaintenance => true,
        }
    }
}

/// An encoder that can be watched and commanded.
///
/// # Contract
///
/// 1. `identity_is_stable`: [`id`](Self::id) and [`capability`](Self::capability) never change.
/// 2. `status_reads_the_device`: [`status`](Self::status) makes at least one round trip, so an
///    `Ok` proves that the device answers. A dead device is [`ErrorKind::DeviceUnreachable`]
///    within the driver's own timeout.
/// 3. `absent_readings_are_none`: a reading whose flag in the capability is false is `None`.
/// 4. `configure_reads_back`: after [`configure`](Self::configure) returned `Ok`, the device
///    holds the settings; a device that ignores them is [`ErrorKind::DeviceRejected`].
/// 5. `configure_is_idempotent`: the same settings twice end in the same state.
/// 6. `start_is_idempotent`: [`start`](Self::start) on a streaming device is `Ok` and does not
///    interrupt the stream.
/// 7. `stop_is_idempotent`: [`stop`](Self::stop) on an idle device is `Ok`.
/// 8. `start_leads_to_streaming`: after `start`, [`status`](Self::status) reports
///    [`DeviceStreamState::Streaming`] in time, or a failing state. `start` itself returns when
///    the device accepted the command.
/// 9. `stop_leads_to_idle`: likewise towards an idle state.
/// 10. `unsupported_is_an_error`: [`control`](Self::control) with an action whose flag is false
///     is [`ErrorKind::Unsupported`].
/// 11. `events_begin_with_a_snapshot`: a driver with `pushes_events` yields
///     [`DeviceEvent::Snapshot`] before any change, and again after every
///     [`DeviceEvent::FeedLost`].
/// 12. `events_report_the_stream_state`: a driver with `pushes_events` yields the change to
///     streaming after `start`.
/// 13. `dropping_a_call_leaves_a_valid_device`: a future dropped midway leaves a device that the
///     next call can use.
///
/// # Cancellation
///
/// Dropping a future stops waiting. A command that is already on the wire may still take effect.
#[async_trait]
pub trait EncoderDriver: Debug + Send + Sync + 'static {
    /// The encoder this driver speaks to.
    fn id(&self) -> &EncoderId;

    /// What the device can do and tell.
    fn capability(&self) -> Capability;

    /// Reads the device. Costs at least one round trip, and as few as the driver can.
    ///
    /// # Errors
    /// The `Device…` kinds.
    async fn status(&self) -> Result<EncoderStatus>;

    /// Brings the device to hold these settings, without starting it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for settings beyond the limits, [`ErrorKind::Conflict`] when
    /// the device streams and cannot be configured then, otherwise the `Device…` kinds.
    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()>;

    /// Tells the device to publish with the settings it holds.
    ///
    /// # Errors
    /// The `Device…` kinds.
    async fn start(&self) -> Result<()>;

    /// Tells the device to stop publishing.
    ///
    /// # Errors
    /// The `Device…` kinds.
    async fn stop(&self) -> Result<()>;

    /// Tells the device anything else.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the capability lacks it, otherwise the `Device…` kinds.
    async fn control(&self, action: &Action) -> Result<()>;

    /// The device's own event feed; never ends by itself, reconnects inside, and yields nothing
    /// for a driver without one. Dropping the stream closes the feed.
    fn events(&self) -> BoxStream<'static, DeviceEvent>;

    /// The connections it keeps open to the device, as known without asking; `None` for a driver
    /// that keeps none or cannot tell.
    fn connections(&self) -> Option<ConnectionPool> {
        None
    }
}

/// Conveniences over [`EncoderDriver`].
#[async_trait]
pub trait EncoderDriverExt: EncoderDriver {
    /// Polls the status every `interval` until `reached` holds for it.
    ///
    /// # Errors
    /// [`ErrorKind::DeadlineExceeded`] when `deadline` passes first; it names the last state
    /// that was seen.
    async fn wait_until(
        &self,
        deadline: Duration,
        interval: Duration,
        reached: for<'a> fn(&'a EncoderStatus) -> bool,
    ) -> Result<EncoderStatus> {
        let mut last = DeviceStreamState::Unknown;
        let poll = async {
            loop {
                if let Ok(status) = self.status().await {
                    if reached(&status) {
                        return status;
                    }
                    last = status.stream_state;
                }
                tokio::time::sleep(interval).await;
            }
        };
        match tokio::time::timeout(deadline, poll).await {
            Ok(status) => Ok(status),
            Err(_) => Err(Error::new(
                ErrorKind::DeadlineExceeded,
                format!("state not reached within {} ms", deadline.as_millis()),
            )
            .with_context("encoder", self.id())
            .with_context("stream_state", format!("{last:?}"))),
        }
    }
}

impl<D: EncoderDriver + ?Sized> EncoderDriverExt for D {}

/// Makes drivers for registered encoders: one factory per kind of device.
pub trait DriverFactory: Debug + Send + Sync + 'static {
    /// The name that [`EncoderSpec::driver`] refers to, for example `aja-helo`. Never changes.
    fn name(&self) -> &str;

    /// Makes a driver. Does not contact the device.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] when the address or another setting cannot be right.
    fn create(&self, spec: &EncoderSpec) -> Result<Arc<dyn EncoderDriver>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_survives_json_without_numbers_for_no_limit() {
        let mut capability = Capability::default();
        capability.limits.max_gop_frames = 300;
        let text = serde_json::to_string(&capability).unwrap();
        assert!(
            !text.contains("max_bitrate") && text.contains("300"),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<Capability>(&text).unwrap(),
            capability
        );
        let text = r#"{"reboot": true}"#;
        let capability: Capability = serde_json::from_str(text).unwrap();
        assert!(capability.allows(&Action::Reboot) && !capability.allows(&Action::Mute));
    }
}
