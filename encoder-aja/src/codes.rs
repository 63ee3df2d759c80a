//! What the numbers on the wire mean.

use encoder_core::model::{
    Bitrate, DeviceRecordState, DeviceStreamState, FrameRate, InputSignal, Resolution,
};

/// Values of `ReplicatorCommand`.
pub(crate) mod command {
    pub(crate) const RECORD: &str = "1";
    pub(crate) const STOP_RECORDING: &str = "2";
    pub(crate) const STREAM: &str = "3";
    pub(crate) const STOP_STREAMING: &str = "4";
}

/// `StreamType` for RTMP.
pub(crate) const RTMP: u32 = 0;
/// `StreamingFrameGeometryType` for a size of its own.
pub(crate) const MANUAL_GEOMETRY: u32 = 1;
/// `StreamingDroppedFrameBhvr` for going on.
pub(crate) const CONTINUE_ON_DROPPED_FRAMES: u32 = 0;
/// `Reboot` into the newest image.
pub(crate) const NEWEST_IMAGE: &str = "1";

/// `StreamingAudioBitrate` by number, in kbit/s.
pub(crate) const AUDIO_KBPS: [u64; 6] = [32, 64, 96, 128, 192, 256];

/// `StreamingFrameRate` by number: what the input rate is divided by.
pub(crate) const FRAME_RATE_DIVISORS: [u32; 3] = [1, 2, 4];

/// `VideoInSelect`.
pub(crate) const VIDEO_INPUTS: [(&str, u32); 3] = [("sdi", 0), ("hdmi", 1), ("test_pattern", 2)];

/// `AudioInSelect`.
pub(crate) const AUDIO_INPUTS: [(&str, u32); 4] =
    [("sdi", 0), ("hdmi", 1), ("analog", 2), ("none", 4)];

/// `RecordingDestination` by number, and `SecondaryRecordingDestination` where it is not none.
pub(crate) const MEDIA_KINDS: [&str; 4] = ["sd", "usb", "smb", "nfs"];

/// [`MEDIA_KINDS`] with their numbers.
pub(crate) const MEDIA_NUMBERS: [(&str, u32); 4] = [("sd", 0), ("usb", 1), ("smb", 2), ("nfs", 3)];

/// `SecondaryRecordingDestination` for none.
pub(crate) const NO_SECOND_MEDIUM: u64 = 4;
/// `MediaState` of a unit that records and streams.
pub(crate) const RECORD_STREAM: u32 = 0;
/// `MediaState` of a unit that serves its medium to the network.
pub(crate) const DATA_LAN: u64 = 1;

/// `ReplicatorStreamState`.
pub(crate) const fn stream_state(number: u64) -> DeviceStreamState {
    match number {
        0 => DeviceStreamState::Initialising,
        1 => DeviceStreamState::Idle,
        2 => DeviceStreamState::Streaming,
        3 => DeviceStreamState::FailingIdle,
        4 => DeviceStreamState::Failing,
        5 => DeviceStreamState::ShuttingDown,
        _ => DeviceStreamState::Unknown,
    }
}

/// `ReplicatorRecordState`.
pub(crate) const fn record_state(number: u64) -> DeviceRecordState {
    match number {
        0 => DeviceRecordState::Initialising,
        1 => DeviceRecordState::Idle,
        2 => DeviceRecordState::Recording,
        3 => DeviceRecordState::FailingIdle,
        4 => DeviceRecordState::Failing,
        5 => DeviceRecordState::ShuttingDown,
        _ => DeviceRecordState::Unknown,
    }
}

/// `StreamingAudioBitrate`.
pub(crate) fn audio_bitrate(number: u64) -> Option<Bitrate> {
    let index = usize::try_from(number).ok()?;
    AUDIO_KBPS.get(index).copied().map(Bitrate::from_kbps)
}

/// `DetectInputFormat`: 0 is no signal and 1 an error; a number that is not listed is a signal
/// of unknown format.
pub(crate) fn input_signal(number: u64) -> InputSignal {
    if number < 2 {
        return InputSignal::default();
    }
    let listed = INPUT_FORMATS.iter().find(|(known, _)| *known == number);
    let text = listed.map(|(_, text)| *text);
    let (resolution, fps) = text.and_then(parse_format).unzip();
    InputSignal {
        present: true,
        format: text.map(str::to_owned),
        resolution,
        fps,
    }
}

/// Reads a text such as `1920x1080PsF 29.97`.
fn parse_format(text: &str) -> Option<(Resolution, FrameRate)> {
    let (size, rate) = text.split_once(' ')?;
    let size = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let rate: f64 = rate.parse().ok()?;
    Some((size.parse().ok()?, FrameRate::from_fps(rate)))
}

/// `DetectInputFormat` by number, in the device's own texts.
#[rustfmt::skip]
static INPUT_FORMATS: [(u64, &str); 37] = [
    (2, "1920x1080i 30"),
    (3, "1920x1080i 29.97"),
    (4, "1920x1080i 25"),
    (5, "1920x1080PsF 30"),
    (6, "1920x1080PsF 29.97"),
    (7, "1920x1080PsF 25"),
    (8, "1920x1080PsF 24"),
    (9, "1920x1080PsF 23.98"),
    (10, "1280x720p 60"),
    (11, "1280x720p 59.94"),
    (12, "1280x720p 50"),
    (13, "720x486i 29.97"),
    (14, "720x576i 25"),
    (15, "1920x1080p 60"),
    (16, "1920x1080p 59.94"),
    (17, "1920x1080p 50"),
    (18, "1920x1080p 30"),
    (19, "1920x1080p 29.97"),
    (20, "1920x1080p 25"),
    (21, "1920x1080p 24"),
    (22, "1920x1080p 23.98"),
    (23, "2048x1080i 30"),
    (24, "2048x1080i 29.97"),
    (25, "2048x1080i 25"),
    (26, "2048x1080PsF 30"),
    (27, "2048x1080PsF 29.97"),
    (28, "2048x1080PsF 25"),
    (29, "2048x1080PsF 24"),
    (30, "2048x1080PsF 23.98"),
    (33, "2048x1080p 60"),
    (34, "2048x1080p 59.94"),
    (35, "2048x1080p 50"),
    (36, "2048x1080p 30"),
    (37, "2048x1080p 29.97"),
    (38, "2048x1080p 25"),
    (39, "2048x1080p 24"),
    (40, "2048x1080p 23.98"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_format_has_size_and_rate() {
        for (number, text) in INPUT_FORMATS {
            let signal = input_signal(number);
            assert!(signal.present && signal.resolution.is_some(), "{text}");
            assert!(signal.fps.is_some_and(|fps| fps.fps() > 20.0), "{text}");
        }
    }

    #[test]
    fn no_input_and_error_are_no_signal() {
        assert!(!input_signal(0).present);
        assert!(!input_signal(1).present);
    }

    #[test]
    fn unlisted_format_is_a_signal_without_numbers() {
        let signal = input_signal(31);
        assert!(signal.present);
        assert_eq!((signal.format, signal.fps), (None, None));
    }

    #[test]
    fn segmented_frames_are_read() {
        let signal = input_signal(6);
        assert_eq!(signal.resolution, Some(Resolution::new(1920, 1080)));
        assert_eq!(signal.fps, Some(FrameRate::from_fps(29.97)));
    }

    #[test]
    fn unknown_states_stay_unknown() {
        assert_eq!(stream_state(6), DeviceStreamState::Unknown);
        assert_eq!(record_state(u64::MAX), DeviceRecordState::Unknown);
    }
}
