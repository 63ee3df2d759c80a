//! The 63 alarms of a HELO, in the words of the model.
//!
//! Each is a read-only parameter with a protobuf message in base64. The severities in the table
//! are ours, because the device's own (error or warning) says nothing about the stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoder_core::model::AlarmCategory::{
    self, Configuration, Input, Network, Schedule, Storage, Stream, System, Thermal,
};
use encoder_core::model::Severity::{self, Critical, Info, Warning};
use encoder_core::model::{Alarm, alarm_code};
use prost::Message;

use crate::text::clean;

/// What one alarm parameter means.
#[derive(Debug)]
pub(crate) struct AlarmMeaning {
    /// The parameter, without its prefix.
    pub(crate) parameter: &'static str,
    pub(crate) code: &'static str,
    pub(crate) category: AlarmCategory,
    pub(crate) severity: Severity,
}

const fn row(
    parameter: &'static str,
    code: &'static str,
    category: AlarmCategory,
    severity: Severity,
) -> AlarmMeaning {
    AlarmMeaning {
        parameter,
        code,
        category,
        severity,
    }
}

/// Every alarm, in the order of the device's parameter list.
#[rustfmt::skip]
pub(crate) static ALARMS: [AlarmMeaning; 63] = [
    row("HW_Error_Alarm", "hardware_error", System, Critical),
    row("SW_Error_Alarm", "software_error", System, Critical),
    row("Format_Error_Alarm", "media_format_failed", Storage, Warning),
    row("Storage_Removed_Alarm", "storage_removed_while_recording", Storage, Critical),
    row("Invalid_Selection_Alarm", "invalid_selection", Configuration, Warning),
    row("Name_In_Use_Alarm", "clip_name_in_use", Storage, Warning),
    row("Record_Format_Alarm", "record_format_unsupported", Configuration, Warning),
    row("Dropped_Frames_Alarm", alarm_code::DROPPED_FRAMES, Stream, Warning),
    row("Near_Over_Temp_Alarm", alarm_code::NEAR_OVER_TEMPERATURE, Thermal, Critical),
    row("Input_Error_Alarm", "input_error", Input, Warning),
    row("Safe_Boot_Mode_Alarm", "safe_boot_mode", System, Warning),
    row("Media_Low_Alarm", "media_low", Storage, Warning),
    row("Media_Full_Alarm", "media_full", Storage, Warning),
    row("AV_Mismatch_Alarm", "audio_video_mismatch", Input, Warning),
    row("Input_Format_Changed_Alarm", "input_format_changed", Input, Warning),
    row("No_Video_Input_Alarm", alarm_code::NO_VIDEO_INPUT, Input, Critical),
    row("Frame_Skipped_Alarm", alarm_code::FRAMES_SKIPPED, Stream, Warning),
    row("Media_Unformatted_Alarm", "media_unformatted", Storage, Warning),
    row("Media_Damaged_Alarm", "media_damaged", Storage, Warning),
    row("2_Channel_Format_Alarm", "two_channel_format", Configuration, Warning),
    row("No_Clip_Name_Alarm", "no_clip_name", Storage, Warning),
    row("Unsupported_Media_Alarm", "media_unsupported", Storage, Warning),
    row("No_Media_Installed_Alarm", "no_media_installed", Storage, Warning),
    row("BitRate_Not_Compatible_Alarm", "bitrate_adjusted", Configuration, Warning),
    row("Change_Encode_Mode_Alarm", "change_encode_mode", Configuration, Warning),
    row("Safeboot_Alarm", "safeboot", System, Critical),
    row("Record_Inhibited_Alarm", "dual_streams_inhibited", Configuration, Warning),
    row("Remote_Media_Mount_Failed_Alarm", "remote_media_mount_failed", Storage, Warning),
    row("SD_Card_Write_Protected_Alarm", "sd_card_write_protected", Storage, Warning),
    row("Remote_Media_DNS_Alarm", "remote_media_name_not_found", Storage, Warning),
    row("StreamingFailedAlarm", alarm_code::STREAMING_FAILED, Stream, Critical),
    row("RecordingFailedAlarm", alarm_code::RECORDING_FAILED, Storage, Warning),
    row("NetworkNameNotFoundAlarm", "network_name_not_found", Network, Critical),
    row("NTPNameResolutionFailureAlarm", "ntp_name_not_found", Network, Warning),
    row("Remote_Media_Write_Protected_Alarm", "remote_media_write_protected", Storage, Warning),
    row("No_Audio_Input_Alarm", alarm_code::NO_AUDIO_INPUT, Input, Warning),
    row("Scheduled_Event_Active_Alarm", "scheduled_event_active", Schedule, Info),
    row("Scheduled_Event_Failed_Alarm", "scheduled_event_failed", Schedule, Warning),
    row("Scheduled_Event_Canceled_Alarm", "scheduled_event_canceled", Schedule, Info),
    row("Scheduled_Event_Late_Alarm", "scheduled_event_late", Schedule, Warning),
    row("Scheduled_Event_Discarded_Alarm", "scheduled_event_discarded", Schedule, Warning),
    row("Scheduling_Error_Alarm", "scheduling_error", Schedule, Warning),
    row("Scheduler_Remote_Fetch_Alarm", "calendar_sync_failed", Schedule, Warning),
    row("Scheduler_Takes_Priority_Alarm", "scheduler_takes_priority", Schedule, Warning),
    row("Relative_Recording_Path_Alarm", "record_path_invalid", Configuration, Warning),
    row("Secondary_Media_Low_Alarm", "secondary_media_low", Storage, Warning),
    row("Secondary_Media_Full_Alarm", "secondary_media_full", Storage, Warning),
    row("Secondary_Media_Unformatted_Alarm", "secondary_media_unformatted", Storage, Warning),
    row("Secondary_Media_Damaged_Alarm", "secondary_media_damaged", Storage, Warning),
    row("Secondary_Unsupported_Media_Alarm", "secondary_media_unsupported", Storage, Warning),
    row("Secondary_No_Media_Installed_Alarm", "secondary_no_media_installed", Storage, Warning),
    row("Secondary_Remote_Media_Mount_Failed_Alarm", "secondary_remote_media_mount_failed", Storage, Warning),
    row("Secondary_Remote_Media_Write_Protected_Alarm", "secondary_remote_media_write_protected", Storage, Warning),
    row("Secondary_SD_Card_Write_Protected_Alarm", "secondary_sd_card_write_protected", Storage, Warning),
    row("Secondary_Remote_Media_DNS_Alarm", "secondary_remote_media_name_not_found", Storage, Warning),
    row("Recording_Path_Alarm", "record_path_not_set", Configuration, Warning),
    row("Media_Too_Slow_Alarm", "media_too_slow", Storage, Warning),
    row("Network_Too_Slow_Alarm", alarm_code::NETWORK_TOO_SLOW, Network, Critical),
    row("Secondary_Relative_Recording_Path_Alarm", "secondary_record_path_invalid", Configuration, Warning),
    row("SMB_V1_In_Use_Alarm", "record_share_insecure", Storage, Warning),
    row("Secondary_SMB_V1_In_Use_Alarm", "secondary_record_share_insecure", Storage, Warning),
    row("Primary_Filesystem_Incompatible_Alarm", "filesystem_incompatible", Storage, Warning),
    row("Secondary_Filesystem_Incompatible_Alarm", "secondary_filesystem_incompatible", Storage, Warning),
];

/// The codes of all alarms that a HELO can raise, with what they are about and how bad they are.
pub fn alarm_codes() -> impl Iterator<Item = (&'static str, AlarmCategory, Severity)> {
    let rows = ALARMS.iter();
    rows.map(|row| (row.code, row.category, row.severity))
}

/// The message of an alarm parameter. Field 1 is zero at rest, and its meaning inferred.
#[derive(Clone, PartialEq, Eq, Message)]
struct AlarmMessage {
    #[prost(uint32, optional, tag = "1")]
    active: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    severity: Option<u32>,
    #[prost(message, optional, tag = "3")]
    text: Option<AlarmText>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct AlarmText {
    #[prost(bytes = "vec", optional, tag = "1")]
    long: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    short: Option<Vec<u8>>,
}

impl AlarmMeaning {
    /// The alarm, when the value says that it is active. A value that cannot be read counts as
    /// no alarm, since an invented one could move a stream.
    pub(crate) fn read(&self, value: &str) -> Option<Alarm> {
        if value.is_empty() {
            return None;
        }
        let Some(message) = decode(value) else {
            tracing::trace!(alarm = self.parameter, "alarm message not readable");
            return None;
        };
        message.active.filter(|active| *active != 0)?;
        Some(Alarm {
            code: self.code.to_owned(),
            category: self.category,
            severity: self.severity,
            message: message.text.map_or_else(String::new, AlarmText::shown),
        })
    }
}

impl AlarmText {
    fn shown(self) -> String {
        let texts = [self.long, self.short].into_iter().flatten();
        texts
            .map(|bytes| clean(&String::from_utf8_lossy(&bytes)))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

fn decode(value: &str) -> Option<AlarmMessage> {
    let bytes = STANDARD.decode(value.trim()).ok()?;
    AlarmMessage::decode(bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn encoded(active: u32, long: &str) -> String {
        let message = AlarmMessage {
            active: Some(active),
            severity: Some(1),
            text: Some(AlarmText {
                long: Some(long.into()),
                short: None,
            }),
        };
        STANDARD.encode(message.encode_to_vec())
    }

    fn meaning(parameter: &str) -> &'static AlarmMeaning {
        let found = ALARMS.iter().find(|alarm| alarm.parameter == parameter);
        found.expect("an alarm of the table")
    }

    #[test]
    fn every_alarm_has_its_own_code() {
        let codes: HashSet<_> = ALARMS.iter().map(|alarm| alarm.code).collect();
        let parameters: HashSet<_> = ALARMS.iter().map(|alarm| alarm.parameter).collect();
        assert_eq!((codes.len(), parameters.len()), (63, 63));
    }

    #[test]
    fn codes_are_snake_case() {
        let snake = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(ALARMS.iter().all(|alarm| alarm.code.chars().all(snake)));
    }

    #[test]
    fn active_alarm_carries_the_devices_text() {
        let alarm = meaning("StreamingFailedAlarm").read(&encoded(1, "Streaming\u{7} Failed"));
        let alarm = alarm.expect("field 1 is set");
        assert_eq!(alarm.code, alarm_code::STREAMING_FAILED);
        assert_eq!(alarm.message, "Streaming Failed");
    }

    #[test]
    fn resting_alarm_is_none() {
        assert_eq!(
            meaning("StreamingFailedAlarm").read(&encoded(0, "Streaming Failed")),
            None
        );
        assert_eq!(meaning("StreamingFailedAlarm").read(""), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let alarm = ALARMS[0].read(&STANDARD.encode(&bytes));
            prop_assert!(alarm.is_none_or(|alarm| alarm.code == ALARMS[0].code));
        }

        #[test]
        fn arbitrary_text_never_panics(value in ".{0,200}") {
            let _ = ALARMS[0].read(&value);
        }

        #[test]
        fn shown_text_is_short_and_printable(text in "\\PC{0,600}|.{0,600}") {
            if let Some(alarm) = ALARMS[0].read(&encoded(1, &text)) {
                prop_assert!(alarm.message.chars().count() <= crate::text::MAX_TEXT);
                prop_assert!(!alarm.message.chars().any(char::is_control));
            }
        }
    }
}
