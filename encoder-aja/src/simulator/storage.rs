//! What recordings can go to.

use serde::{Deserialize, Serialize};

/// A kind of medium; a HELO has one of each at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumKind {
    /// The SD card.
    Sd,
    /// A disk at the USB port.
    Usb,
    /// A Windows share.
    Smb,
    /// A Unix share.
    Nfs,
}

impl MediumKind {
    pub(super) const ALL: [Self; 4] = [Self::Sd, Self::Usb, Self::Smb, Self::Nfs];

    /// The kind that `RecordingDestination` or `SecondaryRecordingDestination` names.
    pub(super) fn of_value(value: &str) -> Option<Self> {
        Self::ALL.get(value.parse::<usize>().ok()?).copied()
    }

    /// The alarm of a primary medium of this kind that cannot be written to. A USB disk has none.
    pub(super) const fn write_protection_alarm(self) -> Option<&'static str> {
        match self {
            Self::Sd => Some("SD_Card_Write_Protected_Alarm"),
            Self::Usb => None,
            Self::Smb | Self::Nfs => Some("Remote_Media_Write_Protected_Alarm"),
        }
    }
}

/// A recording medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Media {
    /// Whether a medium is there.
    pub mounted: bool,
    /// Its size in bytes.
    pub total_bytes: u64,
    /// What is taken at power-up, in bytes.
    pub used_bytes: u64,
    /// The share left, in percent, below which `Media_Low_Alarm` is raised.
    pub low_percent: u64,
    /// How fast recordings grow compared with their bitrate; above 1 to fill a medium in a test.
    pub fill_factor: u32,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            mounted: true,
            total_bytes: 64_000_000_000,
            used_bytes: 8_000_000_000,
            low_percent: 15,
            fill_factor: 1,
        }
    }
}
