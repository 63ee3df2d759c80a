//! From a stream's settings to the parameters of a profile.

use encoder_core::driver::{FrameRateRule, Limits};
use encoder_core::model::{
    Bitrate, FrameRate, InputSignal, PublishTarget, Resolution, StreamConfig,
};
use encoder_core::{Error, ErrorKind, Result};

use crate::codes;
use crate::config::UnknownInput;
use crate::params::Param;

const MIN_KBPS: u64 = 100;
const MAX_KBPS: u64 = 20_000;
const MIN_SIZE: Resolution = Resolution::new(176, 120);
const MAX_SIZE: Resolution = Resolution::new(1920, 1080);
const MAX_GOP: u32 = 1000;
const SCHEME: &str = "rtmp";

/// One parameter and the value it shall hold. It may be the stream key, so there is no `Debug`.
pub(crate) struct Setting {
    pub(crate) param: Param,
    pub(crate) value: String,
}

/// What a HELO can be set to. The classic model lists neither RTMPS nor SRT.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.min_bitrate = Bitrate::from_kbps(MIN_KBPS);
    limits.max_bitrate = Bitrate::from_kbps(MAX_KBPS);
    limits.min_resolution = MIN_SIZE;
    limits.max_resolution = MAX_SIZE;
    limits.frame_rate = FrameRateRule::FractionOfInput;
    limits.audio_bitrates = codes::AUDIO_KBPS.map(Bitrate::from_kbps).to_vec();
    limits.max_gop_frames = MAX_GOP;
    limits.schemes = vec![SCHEME.to_owned()];
    limits
}

/// The parameters for these settings.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what a HELO cannot be set to.
pub(crate) fn settings(
    config: &StreamConfig,
    target: &PublishTarget,
    input: Option<&InputSignal>,
    unknown_input: UnknownInput,
) -> Result<Vec<Setting>> {
    check_target(target)?;
    check_picture(config)?;
    let numbers = [
        (Param::STREAM_TYPE, u64::from(codes::RTMP)),
        (Param::VIDEO_BITRATE, kbps(config.bitrate)?),
        (Param::AUDIO_BITRATE, audio(config.audio_bitrate)?),
        (Param::GEOMETRY, u64::from(codes::MANUAL_GEOMETRY)),
        (Param::WIDTH, u64::from(config.resolution.width)),
        (Param::HEIGHT, u64::from(config.resolution.height)),
        (
            Param::FRAME_RATE,
            frame_rate(config.fps, input, unknown_input)?,
        ),
        (Param::GOP_SIZE, u64::from(config.gop_frames())),
        (
            Param::DROPPED_FRAMES,
            u64::from(codes::CONTINUE_ON_DROPPED_FRAMES),
        ),
    ];
    let mut settings: Vec<_> = numbers
        .into_iter()
        .map(|(param, number)| Setting {
            param,
            value: number.to_string(),
        })
        .collect();
    let texts = [
        (Param::SERVER_URL, target.url.as_str()),
        (Param::STREAM_NAME, target.stream_key.expose()),
    ];
    settings.extend(texts.map(|(param, text)| Setting {
        param,
        value: text.to_owned(),
    }));
    Ok(settings)
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, message.into())
}

fn check_target(target: &PublishTarget) -> Result<()> {
    match target.url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) && !rest.is_empty() => Ok(()),
        _ => Err(unsupported("a HELO publishes to rtmp:// addresses only")),
    }
}

fn check_picture(config: &StreamConfig) -> Result<()> {
    let size = config.resolution;
    let wide = (MIN_SIZE.width..=MAX_SIZE.width).contains(&size.width);
    let high = (MIN_SIZE.height..=MAX_SIZE.height).contains(&size.height);
    if !wide || !high {
        return Err(unsupported(format!(
            "a HELO scales to {MIN_SIZE} up to {MAX_SIZE}, not to {size}"
        )));
    }
    let gop = config.gop_frames();
    if gop > MAX_GOP {
        return Err(unsupported(format!(
            "a HELO sets a key frame at least every {MAX_GOP} pictures, not every {gop}"
        )));
    }
    Ok(())
}

fn kbps(bitrate: Bitrate) -> Result<u64> {
    let kbps = bitrate.as_kbps();
    let whole = Bitrate::from_kbps(kbps) == bitrate;
    if whole && (MIN_KBPS..=MAX_KBPS).contains(&kbps) {
        return Ok(kbps);
    }
    Err(unsupported(format!(
        "a HELO takes whole kbit/s from {MIN_KBPS} to {MAX_KBPS}, not {} bit/s",
        bitrate.0
    )))
}

fn audio(bitrate: Bitrate) -> Result<u64> {
    let place = codes::AUDIO_KBPS
        .iter()
        .position(|kbps| Bitrate::from_kbps(*kbps) == bitrate);
    match place {
        Some(place) => Ok(place as u64),
        None => {
            let choices = codes::AUDIO_KBPS.map(|kbps| kbps.to_string()).join(", ");
            let message = format!("a HELO encodes sound at {choices} kbit/s, not at {bitrate}");
            Err(unsupported(message))
        }
    }
}

/// The device divides the input's rate; a rate of its own cannot be set.
fn frame_rate(
    fps: FrameRate,
    input: Option<&InputSignal>,
    unknown_input: UnknownInput,
) -> Result<u64> {
    let Some(rate) = input.and_then(|input| input.fps) else {
        return match unknown_input {
            UnknownInput::FullRate => Ok(0),
            UnknownInput::Refuse => Err(unsupported(
                "the input rate is unknown, so no frame rate can be derived from it",
            )),
        };
    };
    let rates = codes::FRAME_RATE_DIVISORS.map(|divisor| rate.divided_by(divisor));
    match rates.iter().position(|possible| possible.is_nominally(fps)) {
        Some(place) => Ok(place as u64),
        None => {
            let rates = rates.map(|rate| rate.to_string()).join(", ");
            let message = format!("with this input a HELO streams at {rates} fps, not at {fps}");
            Err(unsupported(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use encoder_core::model::Secret;

    use super::*;

    fn config() -> StreamConfig {
        StreamConfig {
            resolution: Resolution::new(1920, 1080),
            bitrate: Bitrate(5_000_000),
            fps: FrameRate::from_fps(30.0),
            keyframe_interval: Duration::from_secs(2),
            audio_bitrate: Bitrate(128_000),
        }
    }

    fn target() -> PublishTarget {
        PublishTarget {
            url: "rtmp://ingest.example/live".to_owned(),
            stream_key: Secret::from("key"),
        }
    }

    fn value(settings: &[Setting], param: Param) -> &str {
        let found = settings.iter().find(|setting| setting.param == param);
        &found.expect("a setting").value
    }

    fn set(config: &StreamConfig, number: u64) -> Result<Vec<Setting>> {
        let input = codes::input_signal(number);
        settings(config, &target(), Some(&input), UnknownInput::FullRate)
    }

    #[test]
    fn settings_become_the_devices_numbers() {
        let settings = set(&config(), 15).unwrap();
        for (param, expected) in [
            (Param::STREAM_TYPE, "0"),
            (Param::VIDEO_BITRATE, "5000"),
            (Param::AUDIO_BITRATE, "3"),
            (Param::FRAME_RATE, "1"),
            (Param::GOP_SIZE, "60"),
            (Param::SERVER_URL, "rtmp://ingest.example/live"),
            (Param::STREAM_NAME, "key"),
        ] {
            assert_eq!(value(&settings, param), expected, "{}", param.name());
        }
    }

    #[test]
    fn rate_that_is_no_fraction_of_the_input_is_refused_with_the_choices() {
        let error = set(&config(), 12).err().expect("50 fps give no 30");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("50, 25, 12.5"), "{error}");
    }

    #[test]
    fn unknown_input_is_full_rate_or_refused() {
        let none = InputSignal::default();
        let full = settings(&config(), &target(), Some(&none), UnknownInput::FullRate).unwrap();
        assert_eq!(value(&full, Param::FRAME_RATE), "0");
        assert!(settings(&config(), &target(), None, UnknownInput::Refuse).is_err());
    }

    #[test]
    fn settings_beyond_the_limits_are_refused() {
        let wrong: [fn(&mut StreamConfig); 5] = [
            |config| config.bitrate = Bitrate(20_001_000),
            |config| config.bitrate = Bitrate(5_000_500),
            |config| config.audio_bitrate = Bitrate(160_000),
            |config| config.resolution = Resolution::new(3840, 2160),
            |config| config.keyframe_interval = Duration::from_secs(60),
        ];
        for change in wrong {
            let mut config = config();
            change(&mut config);
            let error = set(&config, 15).err().expect("beyond the limits");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in [
            "rtmps://ingest.example/live",
            "srt://ingest.example",
            "rtmp://",
            "live",
        ] {
            let target = PublishTarget {
                url: url.to_owned(),
                ..target()
            };
            let error = settings(&config(), &target, None, UnknownInput::FullRate).err();
            assert_eq!(error.expect(url).kind(), ErrorKind::Unsupported);
        }
    }
}
