//! Settings against what one encoder can do.

use super::rate_value;
use crate::driver::{Capability, FrameRateRule, Limits};
use crate::model::{FrameRate, InputSignal, StreamConfig, Violation};

/// Names everything in which settings go beyond what an encoder can do; empty when it can take
/// them.
///
/// `input` is the signal at the encoder, where it is known: an encoder that divides its input
/// rate is judged by it, and not judged without.
///
/// Codes are `above_encoder_limit`, `below_encoder_limit`, `not_offered_by_encoder` and
/// `not_a_fraction_of_input`; each message names the limit.
pub fn validate_for_encoder(
    config: &StreamConfig,
    target_url: &str,
    capability: &Capability,
    input: Option<&InputSignal>,
) -> Vec<Violation> {
    let limits = &capability.limits;
    let checks = [
        check_bitrate(config, limits),
        check_resolution(config, limits),
        check_frame_rate(config, limits, input),
        check_gop(config, limits),
        check_audio(config, limits),
        check_scheme(target_url, limits),
    ];
    checks.into_iter().flatten().collect()
}

fn check_bitrate(config: &StreamConfig, limits: &Limits) -> Option<Violation> {
    let bitrate = config.bitrate;
    let (code, limit, word) = if bitrate < limits.min_bitrate {
        ("below_encoder_limit", limits.min_bitrate, "lowest")
    } else if bitrate > limits.max_bitrate {
        ("above_encoder_limit", limits.max_bitrate, "highest")
    } else {
        return None;
    };
    let message = format!("{bitrate}, and the encoder's {word} is {limit}");
    Some(Violation::new("bitrate", code, message).with_recommended(limit.0))
}

fn check_resolution(config: &StreamConfig, limits: &Limits) -> Option<Violation> {
    let (size, min, max) = (
        config.resolution,
        limits.min_resolution,
        limits.max_resolution,
    );
    let (code, limit, word) = if size.width < min.width || size.height < min.height {
        ("below_encoder_limit", min, "smallest")
    } else if size.width > max.width || size.height > max.height {
        ("above_encoder_limit", max, "largest")
    } else {
        return None;
    };
    let message = format!("{size}, and the encoder's {word} is {limit}");
    Some(Violation::new("resolution", code, message).with_recommended(limit.to_string()))
}

fn check_frame_rate(
    config: &StreamConfig,
    limits: &Limits,
    input: Option<&InputSignal>,
) -> Option<Violation> {
    let signal = input.filter(|signal| signal.present)?;
    let rate = match limits.frame_rate {
        FrameRateRule::Any => return None,
        FrameRateRule::FractionOfInput => signal.fps?,
    };
    let offered = [1, 2, 4].map(|divisor| rate.divided_by(divisor));
    if offered.iter().any(|rate| rate.is_nominally(config.fps)) {
        return None;
    }
    let distance = |rate: &FrameRate| (rate.fps() - config.fps.fps()).abs();
    let nearest = offered
        .into_iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let [full, half, quarter] = offered;
    let message = format!(
        "{} cannot be made of an input at {rate}; the encoder offers {full}, {half}, {quarter}",
        config.fps
    );
    let violation = Violation::new("fps", "not_a_fraction_of_input", message);
    Some(violation.with_recommended(rate_value(nearest)))
}

fn check_gop(config: &StreamConfig, limits: &Limits) -> Option<Violation> {
    let (frames, longest) = (config.gop_frames(), limits.max_gop_frames);
    if frames <= longest {
        return None;
    }
    let message = format!("{frames} pictures, and the encoder's longest is {longest}");
    let violation = Violation::new("keyframe_interval_seconds", "above_encoder_limit", message);
    // Down to a tenth of a second, so that rounding never exceeds the limit again.
    let seconds = (f64::from(longest) / config.fps.fps() * 10.0).floor() / 10.0;
    Some(violation.with_recommended(seconds))
}

fn check_audio(config: &StreamConfig, limits: &Limits) -> Option<Violation> {
    let wanted = config.audio_bitrate;
    if limits.audio_bitrates.contains(&wanted) {
        return None;
    }
    let nearest = limits
        .audio_bitrates
        .iter()
        .min_by_key(|offered| offered.0.abs_diff(wanted.0))?;
    let offered: Vec<_> = limits
        .audio_bitrates
        .iter()
        .map(ToString::to_string)
        .collect();
    let message = format!("{wanted}, and the encoder offers {}", offered.join(", "));
    let violation = Violation::new("audio_bitrate", "not_offered_by_encoder", message);
    Some(violation.with_recommended(nearest.0))
}

fn check_scheme(target_url: &str, limits: &Limits) -> Option<Violation> {
    let scheme = target_url
        .split_once("://")
        .map_or("", |(scheme, _)| scheme);
    let known = |offered: &String| offered.eq_ignore_ascii_case(scheme);
    if limits.schemes.is_empty() || limits.schemes.iter().any(known) {
        return None;
    }
    let message = format!(
        "the encoder publishes to {}, not to {scheme}",
        limits.schemes.join(", ")
    );
    Some(Violation::new(
        "destination.url",
        "not_offered_by_encoder",
        message,
    ))
}
