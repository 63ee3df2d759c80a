//! Settings of the driver.

use std::path::PathBuf;
use std::time::Duration;

use encoder_core::model::{Bitrate, Resolution, Violation, millis};
use encoder_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// How the driver treats every ffmpeg of this machine.
///
/// ```
/// let config: encoder_ffmpeg::FfmpegConfig =
///     serde_json::from_str(r#"{"path": "/opt/ffmpeg/bin/ffmpeg", "preset": "superfast"}"#)?;
/// assert!(config.auto_recover);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FfmpegConfig {
    /// The program. A name without a slash is looked for in `PATH`. Default `ffmpeg`.
    pub path: PathBuf,
    /// ffmpeg's name of the H.264 encoder. Default `libx264`.
    pub video_encoder: String,
    /// How much work the encoder puts into a picture, where it has presets. Default `veryfast`.
    pub preset: Option<String>,
    /// What the encoder is tuned for, where it can be. Default `zerolatency`.
    pub tune: Option<String>,
    /// Largest picture that this machine is trusted with. Default 3840x2160.
    pub max_resolution: Resolution,
    /// Highest video bitrate that this machine is trusted with. Default 50 Mbit/s.
    pub max_bitrate: Bitrate,
    /// Whether a stream that was on air is begun again when its ffmpeg ends. Default true, as a
    /// HELO does.
    pub auto_recover: bool,
    /// Pause before the first new attempt; doubles with every failure. Default 500 ms.
    #[serde(rename = "retry_min_ms", with = "millis")]
    pub retry_min: Duration,
    /// Longest pause between attempts. Default 15 s.
    #[serde(rename = "retry_max_ms", with = "millis")]
    pub retry_max: Duration,
    /// How long an attempt may take until the first bytes leave. Default 10 s.
    #[serde(rename = "start_timeout_ms", with = "millis")]
    pub start_timeout: Duration,
    /// How long no byte may leave until the stream counts as failing; after twice that time its
    /// ffmpeg is ended. Default 4 s.
    #[serde(rename = "stall_timeout_ms", with = "millis")]
    pub stall_timeout: Duration,
    /// How long ffmpeg may take to say goodbye before it is killed. Default 1 s.
    #[serde(rename = "stop_patience_ms", with = "millis")]
    pub stop_patience: Duration,
    /// How old readings of the machine may be; at least 200 ms, since processor load is a
    /// difference. Default 1 s.
    #[serde(rename = "readings_age_ms", with = "millis")]
    pub readings_age: Duration,
}

impl Default for FfmpegConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("ffmpeg"),
            video_encoder: "libx264".to_owned(),
            preset: Some("veryfast".to_owned()),
            tune: Some("zerolatency".to_owned()),
            max_resolution: Resolution::new(3840, 2160),
            max_bitrate: Bitrate::from_kbps(50_000),
            auto_recover: true,
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            start_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(4),
            stop_patience: Duration::from_secs(1),
            readings_age: Duration::from_secs(1),
        }
    }
}

impl FfmpegConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] with every violation.
    pub fn validate(&self) -> Result<()> {
        let mut violations = Vec::new();
        let mut rule = |held: bool, field: &str, message: &str| {
            if !held {
                violations.push(Violation::new(field, "out_of_range", message));
            }
        };
        let named = !self.path.as_os_str().is_empty();
        rule(named, "path", "must name a program");
        let word = |name: &String| !name.is_empty() && !name.contains(char::is_whitespace);
        rule(
            word(&self.video_encoder),
            "video_encoder",
            "must be one word such as libx264",
        );
        let options = [("preset", &self.preset), ("tune", &self.tune)];
        for (field, value) in options {
            rule(value.iter().all(word), field, "must be one word, or null");
        }
        let spans = [
            ("retry_min_ms", self.retry_min),
            ("start_timeout_ms", self.start_timeout),
            ("stall_timeout_ms", self.stall_timeout),
        ];
        for (field, span) in spans {
            rule(!span.is_zero(), field, "must be more than 0 ms");
        }
        let ordered = self.retry_max >= self.retry_min;
        rule(ordered, "retry_max_ms", "must not be below retry_min_ms");
        let least = Duration::from_millis(200);
        let old = self.readings_age >= least;
        rule(old, "readings_age_ms", "must be 200 ms or more");
        if violations.is_empty() {
            return Ok(());
        }
        let message = "the settings of the ffmpeg driver are wrong";
        Err(Error::new(ErrorKind::ConfigInvalid, message).with_violations(violations))
    }

    /// The pause after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures);
        self.retry_min.saturating_mul(factor).min(self.retry_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        FfmpegConfig::default().validate().unwrap();
    }

    #[test]
    fn every_wrong_value_is_named() {
        let config = FfmpegConfig {
            preset: Some("very fast".to_owned()),
            stall_timeout: Duration::ZERO,
            retry_max: Duration::ZERO,
            ..FfmpegConfig::default()
        };
        let error = config.validate().unwrap_err();
        let fields: Vec<_> = error.violations().iter().map(|v| &v.field).collect();
        assert_eq!(fields, ["preset", "stall_timeout_ms", "retry_max_ms"]);
        assert!(serde_json::from_str::<FfmpegConfig>(r#"{"pth": "x"}"#).is_err());
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let config = FfmpegConfig::default();
        let pauses = [0, 1, 2, 40].map(|failures| config.pause(failures).as_millis());
        assert_eq!(pauses, [500, 1000, 2000, 15_000]);
    }
}
