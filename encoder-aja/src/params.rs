//! The device's parameters: the only place that spells their names, besides the table of alarms.
//!
//! Values travel as text. What their numbers mean stands in [`crate::codes`].

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::alarms::{ALARMS, AlarmMeaning};

/// What every parameter name begins with on the wire.
const PREFIX: &str = "eParamID_";

/// How an event carries the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In `int_value`; `str_value` is the text of an enum.
    Number,
    /// In `str_value`.
    Text,
}

/// How often a value is read from a device whose event feed is down, and whether at all while it
/// is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// With every status, feed or not.
    Always,
    /// With every status unless the feed is up.
    Evented,
    /// At the slow refresh, feed or not, since such values move without an event.
    Slow,
    /// At the media refresh: media and network.
    Media,
    /// At the media refresh, and seldom while the feed is up: a choice of an operator's.
    Choice,
    /// At the media refresh after the medium's occupied space has moved, otherwise seldom: what
    /// cannot change alone.
    Medium,
    /// Rarely: it changes with a restart.
    Identity,
    /// Never by itself.
    OnDemand,
}

/// A parameter the driver keeps the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Param(u16);

macro_rules! parameters {
    ($($name:ident $wire:literal $kind:ident $pace:ident;)*) => {
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "named like the constants")]
        enum Position { $($name,)* END }

        impl Param {
            $(pub(crate) const $name: Self = Self(Position::$name as u16);)*
        }

        const NAMED: usize = Position::END as usize;
        static TABLE: [(&str, Kind, Pace); NAMED] = [$(($wire, Kind::$kind, Pace::$pace),)*];
    };
}

parameters! {
    STREAM_STATE "ReplicatorStreamState" Number Always;
    RECORD_STATE "ReplicatorRecordState" Number Evented;
    INPUT_FORMAT "DetectInputFormat" Number Evented;
    STREAM_TYPE "StreamType" Number Evented;
    SERVER_URL "RTMPServerURL" Text Evented;
    STREAM_NAME "RTMPStreamName" Text Evented;
    VIDEO_BITRATE "StreamingVideoBitrate" Number Evented;
    AUDIO_BITRATE "StreamingAudioBitrate" Number Evented;
    GEOMETRY "StreamingFrameGeometryType" Number Evented;
    WIDTH "StreamingWidth" Number Evented;
    HEIGHT "StreamingHeight" Number Evented;
    FRAME_RATE "StreamingFrameRate" Number Evented;
    GOP_SIZE "StreamingGOPSize" Number Evented;
    TEMPERATURE "Temperature" Number Slow;
    STREAM_DURATION "StreamingDuration" Text Slow;
    STREAM_FORMAT "StreamingFormat" Text Slow;
    NETWORK_CONNECTED "NetworkConnected" Number Media;
    LINK_STATE "LinkState" Text Media;
    LINK_ERRORS "LinkErrors" Number Media;
    PRODUCT "ProductID" Text Identity;
    SYSTEM_NAME "SystemName" Text Identity;
    SERIAL "FormattedSerialNumber" Text Identity;
    FIRMWARE "CurrentlyRunningImageVersion" Text Identity;
    MEDIA_KIND "RecordingDestination" Number Choice;
    MEDIA_MOUNTED "CurrentMediaMounted" Number Media;
    MEDIA_READY "MediaRecordReady" Number Media;
    MEDIA_FREE_PERCENT "CurrentMediaAvailable" Number Medium;
    MEDIA_FREE_BYTES "CurrentMediaUnusedBytes" Text Media;
    MEDIA_TOTAL_BYTES "CurrentMediaTotalBytes" Text Medium;
    MEDIA_VOLUME "VolumeName" Text Medium;
    MEDIA2_KIND "SecondaryRecordingDestination" Number Choice;
    MEDIA2_MOUNTED "SecondaryMediaMounted" Number Media;
    MEDIA2_READY "SecondaryMediaRecordReady" Number Media;
    MEDIA2_FREE_PERCENT "SecondaryMediaAvailable" Number Medium;
    MEDIA2_FREE_BYTES "SecondaryMediaUnusedBytes" Text Media;
    MEDIA2_TOTAL_BYTES "SecondaryMediaTotalBytes" Text Medium;
    MEDIA2_VOLUME "SecondaryVolumeName" Text Medium;
    MEDIA_STATE "MediaState" Number Evented;
    DROPPED_FRAMES "StreamingDroppedFrameBhvr" Number OnDemand;
    PROFILE "StreamingProfileSel" Number OnDemand;
    COMMAND "ReplicatorCommand" Number OnDemand;
    REBOOT "Reboot" Number OnDemand;
    RECALL "RegisterRecall" Number OnDemand;
    RECALL_RESULT "RegisterRecallResult" Number OnDemand;
    VIDEO_INPUT "VideoInSelect" Number OnDemand;
    AUDIO_INPUT "AudioInSelect" Number OnDemand;
    MUTE "AVMute" Number OnDemand;
    LINKED "LinkStartStop" Number OnDemand;
}

/// Every parameter the driver knows, alarms included.
pub(crate) const COUNT: usize = NAMED + ALARMS.len();

/// Alarms that policies act on; the others are known only from the event feed, because reading
/// all 63 one by one would keep the device busy.
const WATCHED_ALARMS: [&str; 7] = [
    "StreamingFailedAlarm",
    "Dropped_Frames_Alarm",
    "Frame_Skipped_Alarm",
    "Network_Too_Slow_Alarm",
    "No_Video_Input_Alarm",
    "No_Audio_Input_Alarm",
    "Near_Over_Temp_Alarm",
];

impl Param {
    /// Every parameter.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(|index| Self(u16::try_from(index).expect("a few hundred at most")))
    }

    /// The parameter of that name, with or without the prefix.
    pub(crate) fn find(name: &str) -> Option<Self> {
        static BY_NAME: LazyLock<HashMap<&'static str, Param>> =
            LazyLock::new(|| Param::all().map(|param| (param.name(), param)).collect());
        BY_NAME
            .get(name.strip_prefix(PREFIX).unwrap_or(name))
            .copied()
    }

    /// Its place among all parameters, below [`COUNT`].
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The name without prefix.
    pub(crate) fn name(self) -> &'static str {
        match self.alarm() {
            Some(alarm) => alarm.parameter,
            None => TABLE[self.index()].0,
        }
    }

    /// The name on the wire.
    pub(crate) fn wire(self) -> String {
        format!("{PREFIX}{}", self.name())
    }

    /// The name on the wire of its twin stored in a profile, 1 to 10.
    pub(crate) fn stored_in(self, profile: u8) -> String {
        format!("{PREFIX}{}_{profile}", self.name())
    }

    pub(crate) fn kind(self) -> Kind {
        TABLE.get(self.index()).map_or(Kind::Text, |row| row.1)
    }

    pub(crate) fn pace(self) -> Pace {
        match self.alarm() {
            Some(alarm) if WATCHED_ALARMS.contains(&alarm.parameter) => Pace::Evented,
            Some(_) => Pace::OnDemand,
            None => TABLE[self.index()].2,
        }
    }

    /// Of something that belongs to a medium: what moves whenever the medium does, or is another.
    pub(crate) fn free_bytes(self) -> Option<Self> {
        match self {
            Self::MEDIA_FREE_PERCENT | Self::MEDIA_TOTAL_BYTES | Self::MEDIA_VOLUME => {
                Some(Self::MEDIA_FREE_BYTES)
            }
            Self::MEDIA2_FREE_PERCENT | Self::MEDIA2_TOTAL_BYTES | Self::MEDIA2_VOLUME => {
                Some(Self::MEDIA2_FREE_BYTES)
            }
            _ => None,
        }
    }

    /// What it means, if it is an alarm.
    pub(crate) fn alarm(self) -> Option<&'static AlarmMeaning> {
        self.index().checked_sub(NAMED).map(|alarm| &ALARMS[alarm])
    }

    /// Every alarm.
    pub(crate) fn alarms() -> impl Iterator<Item = Self> {
        Self::all().skip(NAMED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_parameter() {
        for param in Param::all() {
            assert_eq!(Param::find(&param.wire()), Some(param));
            assert_eq!(Param::find(param.name()), Some(param));
        }
        assert_eq!(Param::find("eParamID_Unheard"), None);
    }

    #[test]
    fn watched_alarms_are_alarms() {
        for name in WATCHED_ALARMS {
            let param = Param::find(name).expect("a known name");
            assert!(param.alarm().is_some(), "{name}");
        }
    }

    #[test]
    fn profiles_have_numbered_twins() {
        assert_eq!(Param::SERVER_URL.stored_in(10), "eParamID_RTMPServerURL_10");
    }

    #[cfg(feature = "simulator")]
    #[test]
    fn every_name_is_a_parameter_of_a_real_device() {
        let known = crate::simulator::catalogue();
        for param in Param::all() {
            let named = known
                .iter()
                .any(|(_, known)| known.wire_id() == param.wire());
            assert!(named, "{}", param.name());
        }
    }
}
