//! An encoder as the operator registers it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AutoRemediation, EncoderId, Secret, exposed_option};

/// How to reach an encoder and how to use it. Kept in the store, password included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Name of the encoder.
    #[serde(rename = "encoder_id")]
    pub id: EncoderId,
    /// Title for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Which driver speaks to it, for example `aja-helo`.
    #[serde(default = "default_driver")]
    pub driver: String,
    /// Base address, for example `http://10.0.0.21`.
    pub address: String,
    /// The device's own password.
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub password: Option<Secret>,
    /// Failure domain: encoders of one site share power, network or room.
    #[serde(default)]
    pub site: Option<String>,
    /// Operator's preference; 1 is normal, 0 means only when nothing else is left.
    #[serde(default = "default_weight")]
    pub weight: f64,
    /// How many streams it may carry at once.
    #[serde(default = "default_capacity")]
    pub capacity: u32,
    /// Takes no new streams.
    #[serde(default)]
    pub maintenance: bool,
    /// Whether the manager repairs this encoder by itself, when it shall do less than elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_remediation: Option<AutoRemediation>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl EncoderSpec {
    /// A spec with the defaults of the wire: driver `aja-helo`, weight 1, capacity 1.
    pub fn new(id: EncoderId, address: impl Into<String>) -> Self {
        Self {
            id,
            name: None,
            driver: default_driver(),
            address: address.into(),
            password: None,
            site: None,
            weight: default_weight(),
            capacity: default_capacity(),
            maintenance: false,
            auto_remediation: None,
            labels: BTreeMap::new(),
        }
    }

    /// Sets the driver.
    #[must_use]
    pub fn with_driver(mut self, driver: impl Into<String>) -> Self {
        self.driver = driver.into();
        self
    }

    /// Sets the failure domain.
    #[must_use]
    pub fn with_site(mut self, site: impl Into<String>) -> Self {
        self.site = Some(site.into());
        self
    }

    /// Sets the device's password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }
}

fn default_driver() -> String {
    "aja-helo".to_owned()
}

const fn default_weight() -> f64 {
    1.0
}

const fn default_capacity() -> u32 {
    1
}

/// One word for how an encoder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderState {
    /// Answers and is well.
    Online,
    /// Answers with trouble.
    Degraded,
    /// Relieved of load to cool down.
    Cooling,
    /// Does not answer.
    Offline,
    /// Taken out by an operator.
    Maintenance,
    /// Not heard of yet.
    #[default]
    Unknown,
}

impl EncoderState {
    /// Every state, in wire order.
    pub const ALL: [Self; 6] = [
        Self::Online,
        Self::Degraded,
        Self::Cooling,
        Self::Offline,
        Self::Maintenance,
        Self::Unknown,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Cooling => "cooling",
            Self::Offline => "offline",
            Self::Maintenance => "maintenance",
            Self::Unknown => "unknown",
        }
    }
}

/// Something an operator or client tells an encoder to do. There are no toggles: each names the
/// state to reach, so that asking twice is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Publish with the settings the device holds.
    StartStreaming,
    /// Stop publishing.
    StopStreaming,
    /// Record to the selected medium.
    StartRecording,
    /// Close the file.
    StopRecording,
    /// Restart the device.
    Reboot,
    /// Load a stored set of settings.
    RecallPreset {
        /// Number of the preset, from 1.
        preset: u32,
    },
    /// Choose the inputs; what is left out stays as it is.
    SelectInput {
        /// Picture source, in the driver's words, for example `sdi`.
        #[serde(default)]
        video: Option<String>,
        /// Sound source, in the driver's words.
        #[serde(default)]
        audio: Option<String>,
    },
    /// Record to another medium from the next recording on. The device must not be recording:
    /// stop that first, so that the file is closed on purpose.
    SelectRecordingMedium {
        /// The medium, in the driver's words, for example `usb`.
        medium: String,
    },
    /// Replace picture and sound by black or a test picture and silence.
    Mute,
    /// Undo [`Action::Mute`].
    Unmute,
    /// Log in to the device anew; does not touch its stream.
    RenewSession,
    /// Drop the connections to the device and make new ones; does not touch its stream.
    Reconnect,
    /// Take the device out of serving its medium over the network, so that it records and streams.
    ResetMediaState,
    /// Take no new streams. Handled by the manager, not the device.
    EnterMaintenance,
    /// Take streams again. Handled by the manager, not the device.
    LeaveMaintenance,
}

impl Action {
    /// The wire name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::StartStreaming => "start_streaming",
            Self::StopStreaming => "stop_streaming",
            Self::StartRecording => "start_recording",
            Self::StopRecording => "stop_recording",
            Self::Reboot => "reboot",
            Self::RecallPreset { .. } => "recall_preset",
            Self::SelectInput { .. } => "select_input",
            Self::SelectRecordingMedium { .. } => "select_recording_medium",
            Self::Mute => "mute",
            Self::Unmute => "unmute",
            Self::RenewSession => "renew_session",
            Self::Reconnect => "reconnect",
            Self::ResetMediaState => "reset_media_state",
            Self::EnterMaintenance => "enter_maintenance",
            Self::LeaveMaintenance => "leave_maintenance",
        }
    }
}
