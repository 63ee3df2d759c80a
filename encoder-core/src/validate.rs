//! Which streams are allowed: every rule that is broken, not only the first.
//!
//! Three questions, asked at different moments. [`validate_config`] judges encoding settings by
//! themselves. [`validate_stream`] judges a whole request and fills in what it leaves out, before
//! an encoder is chosen. [`validate_for_encoder`] holds settings against what one encoder can do,
//! while one is being chosen. All are pure. An error forbids; a warning is handed to the client
//! with a value that would be fine.
//!
//! | Field | Rule | Code |
//! |---|---|---|
//! | `resolution` | one of [`RESOLUTIONS`] | `unsupported_resolution` |
//! | `fps` | 1 to 120 | `out_of_range` |
//! | `fps` | one of [`frame_rates`] | warning `unusual_frame_rate` |
//! | `bitrate` | 1 to 20 Mbit/s | `out_of_range` |
//! | `bitrate` | within 30 % of [`recommended_bitrate`] | warning `below_recommended`, `above_recommended` |
//! | `keyframe_interval_seconds` | 0.5 to 10 | `out_of_range` |
//! | `audio_bitrate` | 32 to 320 kbit/s | `out_of_range` |
//! | `destination.url` | given, or configured | `required` |
//! | `destination.*url` | `rtmp` or `rtmps` with a host, nothing secret inside | `invalid_url`, `unsupported_scheme`, `secret_in_url`, `too_long` |
//! | `destination.backup_url` | given for `hot` and `separate`, and another address | `required`, `same_as_url` |
//! | `destination.stream_key` | 10 to 128 of `[A-Za-z0-9_-]` | `too_short`, `too_long`, `invalid_characters` |
//! | `destination.idle_timeout_seconds` | 0 to 3600 | `out_of_range` |
//! | `name`, `labels` | bounded, no control characters | `too_long`, `too_many`, `invalid_characters` |

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Bitrate, FrameRate, Resolution, StreamConfig, StreamConfigPatch, Violation};

mod device;
mod request;
#[cfg(test)]
mod tests;

pub use device::validate_for_encoder;
pub use request::{ValidatedStream, validate_stream};

/// The picture sizes a stream may have, largest first.
pub const RESOLUTIONS: [Resolution; 4] = [
    Resolution::new(1920, 1080),
    Resolution::new(1280, 720),
    Resolution::new(854, 480),
    Resolution::new(640, 360),
];
/// Lowest video bitrate.
pub const MIN_BITRATE: Bitrate = Bitrate(1_000_000);
/// Highest video bitrate.
pub const MAX_BITRATE: Bitrate = Bitrate(20_000_000);
/// Lowest audio bitrate.
pub const MIN_AUDIO_BITRATE: Bitrate = Bitrate(32_000);
/// Highest audio bitrate.
pub const MAX_AUDIO_BITRATE: Bitrate = Bitrate(320_000);
/// Shortest time between key frames.
pub const MIN_KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);
/// Longest time between key frames.
pub const MAX_KEYFRAME_INTERVAL: Duration = Duration::from_secs(10);

/// How far a bitrate may be from the recommended one without a warning, as a share of it.
const RECOMMENDED_TOLERANCE: f64 = 0.3;
/// Frame rates beyond which a number cannot be meant.
const SANE_FPS: std::ops::RangeInclusive<f64> = 1.0..=120.0;

/// What a validator found.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Findings {
    /// Rules that are broken.
    pub errors: Vec<Violation>,
    /// Recommendations that are not followed.
    pub warnings: Vec<Violation>,
}

impl Findings {
    /// The warnings, when no rule is broken.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every error.
    pub fn into_result(self) -> Result<Vec<Violation>> {
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        let message = Violation::in_one_line(&self.errors);
        Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(self.errors))
    }

    fn error(&mut self, field: &str, code: &str, message: impl Into<String>) {
        self.errors.push(Violation::new(field, code, message));
    }
}

/// The frame rates of broadcasting, slowest first; anything else deserves a warning.
pub fn frame_rates() -> [FrameRate; 7] {
    [24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0].map(FrameRate::from_fps)
}

/// The bitrate at which a picture of that size and rate looks decent: 2 Mbit/s up to 854x480,
/// 4.5 up to 1280x720, 8 above; half as much again above 30 pictures per second.
pub fn recommended_bitrate(resolution: Resolution, fps: FrameRate) -> Bitrate {
    let base = match resolution.pixels() {
        pixels if pixels <= Resolution::new(854, 480).pixels() => 2_000_000,
        pixels if pixels <= Resolution::new(1280, 720).pixels() => 4_500_000,
        _ => 8_000_000,
    };
    Bitrate(if fps > FrameRate::from_fps(30.0) {
        base / 2 * 3
    } else {
        base
    })
}

/// Judges encoding settings, whatever encoder they are for.
pub fn validate_config(config: &StreamConfig) -> Findings {
    let mut findings = Findings::default();
    check_resolution(config.resolution, &mut findings);
    check_frame_rate(config.fps, &mut findings);
    check_bitrate(config, &mut findings);
    check_keyframe_interval(config.keyframe_interval, &mut findings);
    check_audio_bitrate(config.audio_bitrate, &mut findings);
    findings
}

/// Applies a change to settings and judges the outcome; returns it with its warnings.
///
/// # Errors
/// [`ErrorKind::ValidationFailed`] with every violation.
pub fn validate_change(
    config: &StreamConfig,
    patch: &StreamConfigPatch,
) -> Result<(StreamConfig, Vec<Violation>)> {
    let changed = patch.applied_to(config);
    let mut findings = validate_config(&changed);
    if let Some(seconds) = patch.keyframe_interval_seconds
        && Duration::try_from_secs_f64(seconds).is_err()
    {
        keyframe_interval_out_of_range(&mut findings);
    }
    Ok((changed, findings.into_result()?))
}

fn check_resolution(resolution: Resolution, findings: &mut Findings) {
    if RESOLUTIONS.contains(&resolution) {
        return;
    }
    let distance = |known: &Resolution| known.pixels().abs_diff(resolution.pixels());
    let nearest = RESOLUTIONS
        .into_iter()
        .min_by_key(distance)
        .unwrap_or(RESOLUTIONS[0]);
    let known = RESOLUTIONS.map(|known| known.to_string()).join(", ");
    findings.errors.push(
        Violation::new(
            "resolution",
            "unsupported_resolution",
            format!("{resolution} is not one of {known}"),
        )
        .with_recommended(nearest.to_string()),
    );
}

fn check_frame_rate(fps: FrameRate, findings: &mut Findings) {
    let distance = |known: &FrameRate| (known.fps() - fps.fps()).abs();
    let nearest = frame_rates()
        .into_iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .map_or(serde_json::Value::Null, rate_value);
    if !SANE_FPS.contains(&fps.fps()) {
        let message = "must be 1 to 120 pictures per second";
        let violation = Violation::new("fps", "out_of_range", message);
        findings.errors.push(violation.with_recommended(nearest));
    } else if !frame_rates().iter().any(|known| known.is_close_to(fps)) {
        let known = frame_rates().map(|known| known.to_string()).join(", ");
        let message = format!("{fps} is not one of the usual rates {known}");
        let violation = Violation::new("fps", "unusual_frame_rate", message);
        findings.warnings.push(violation.with_recommended(nearest));
    }
}

fn check_bitrate(config: &StreamConfig, findings: &mut Findings) {
    let recommended = recommended_bitrate(config.resolution, config.fps);
    let bitrate = config.bitrate;
    if !(MIN_BITRATE..=MAX_BITRATE).contains(&bitrate) {
        let message = format!("{bitrate} is not within {MIN_BITRATE} to {MAX_BITRATE}");
        let violation = Violation::new("bitrate", "out_of_range", message);
        findings
            .errors
            .push(violation.with_recommended(recommended.0));
        return;
    }
    let ratio = bitrate.0 as f64 / recommended.0 as f64;
    let code = if ratio < 1.0 - RECOMMENDED_TOLERANCE {
        "below_recommended"
    } else if ratio > 1.0 + RECOMMENDED_TOLERANCE {
        "above_recommended"
    } else {
        return;
    };
    let message = format!(
        "{recommended} is recommended for {} at {}, not {bitrate}",
        config.resolution, config.fps
    );
    let violation = Violation::new("bitrate", code, message);
    findings
        .warnings
        .push(violation.with_recommended(recommended.0));
}

fn check_keyframe_interval(interval: Duration, findings: &mut Findings) {
    if !(MIN_KEYFRAME_INTERVAL..=MAX_KEYFRAME_INTERVAL).contains(&interval) {
        keyframe_interval_out_of_range(findings);
    }
}

fn keyframe_interval_out_of_range(findings: &mut Findings) {
    let message = "must be 0.5 to 10 s";
    let violation = Violation::new("keyframe_interval_seconds", "out_of_range", message);
    findings.errors.push(violation.with_recommended(2));
}

fn check_audio_bitrate(bitrate: Bitrate, findings: &mut Findings) {
    if !(MIN_AUDIO_BITRATE..=MAX_AUDIO_BITRATE).contains(&bitrate) {
        let message = format!("{bitrate} is not within {MIN_AUDIO_BITRATE} to {MAX_AUDIO_BITRATE}");
        let nearest = bitrate.clamp(MIN_AUDIO_BITRATE, MAX_AUDIO_BITRATE);
        let violation = Violation::new("audio_bitrate", "out_of_range", message);
        findings.errors.push(violation.with_recommended(nearest.0));
    }
}

/// A frame rate as it stands on the wire: 30, not 30.0.
fn rate_value(rate: FrameRate) -> serde_json::Value {
    serde_json::to_value(rate).unwrap_or(serde_json::Value::Null)
}
