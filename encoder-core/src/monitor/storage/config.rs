//! Settings of the storage monitor.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::seconds;

/// Whether recordings are moved to another medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchMode {
    /// Nothing is decided.
    Off,
    /// What would be done is recorded, and not done.
    Observe,
    /// It is done, for an encoder whose recording its medium ended or cannot keep up with. An
    /// encoder that nobody let record is left alone.
    #[default]
    On,
}

/// When and where to recordings move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StorageConfig {
    /// Whether recordings are moved. Default `on`.
    pub switch: SwitchMode,
    /// Media to go to, best first, in the driver's words such as `usb`. A device may not tell how
    /// they are before they are selected; then that is found out by trying. Without any, only the
    /// medium of a second recording is gone to, if it is ready. Default none.
    pub destinations: Vec<String>,
    /// Attempts within `switch_window`. Default 3.
    pub max_switches: u32,
    /// The window of `max_switches`. Default 1 hour.
    #[serde(rename = "switch_window_seconds", with = "seconds")]
    pub switch_window: Duration,
    /// How long a medium that was left, or did not become ready, is not gone to. Default 10
    /// minutes.
    #[serde(rename = "hold_down_seconds", with = "seconds")]
    pub hold_down: Duration,
    /// How long the device may take to stop or start a recording. Default 10 s.
    #[serde(rename = "record_timeout_seconds", with = "seconds")]
    pub record_timeout: Duration,
    /// How long the device may take to change its medium. Default 30 s.
    #[serde(rename = "mount_timeout_seconds", with = "seconds")]
    pub mount_timeout: Duration,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            switch: SwitchMode::default(),
            destinations: Vec::new(),
            max_switches: 3,
            switch_window: Duration::from_secs(3600),
            hold_down: Duration::from_secs(600),
            record_timeout: Duration::from_secs(10),
            mount_timeout: Duration::from_secs(30),
        }
    }
}
