//! How real media are made.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use encoder_ffmpeg::version::Version;
use serde::{Deserialize, Serialize};

use crate::simulator::millis;

/// How a simulated device publishes real pictures and sound.
///
/// ```
/// use encoder_aja::simulator::{MediaConfig, SimulatorConfig};
///
/// let small = MediaConfig::default().with_max_resolution(320, 180).with_max_fps(15.0);
/// let config = SimulatorConfig::fast().with_live_media(small);
/// assert_eq!(config.live_media.and_then(|media| media.max_fps), Some(15.0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MediaConfig {
    /// The ffmpeg to use; a name without a slash is looked up in `PATH`.
    pub ffmpeg: PathBuf,
    /// Width and height that pictures are scaled down to fit into, with their shape kept, so that
    /// many devices that are asked for 1920x1080 run on a small machine. `None` encodes what the
    /// profile says. The device shows the profile's size in either case.
    pub max_resolution: Option<(u32, u32)>,
    /// The most pictures per second; a higher rate is brought down to it. Key frames keep their
    /// distance in time. `None` encodes what input and profile say.
    pub max_fps: Option<f64>,
    /// Which encoder the mark in the pictures names, and the pitch of its tone. A fleet gives each
    /// device its place, counted from 1.
    pub source: u8,
    /// How long a start may take until the first bytes are out; then it fails.
    #[serde(rename = "start_patience_ms", with = "millis")]
    pub start_patience: Duration,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            ffmpeg: PathBuf::from("ffmpeg"),
            max_resolution: None,
            max_fps: None,
            source: 1,
            start_patience: Duration::from_secs(10),
        }
    }
}

impl MediaConfig {
    /// Sets the ffmpeg to use.
    #[must_use]
    pub fn with_ffmpeg(mut self, ffmpeg: impl Into<PathBuf>) -> Self {
        self.ffmpeg = ffmpeg.into();
        self
    }

    /// Limits the size of pictures.
    #[must_use]
    pub fn with_max_resolution(mut self, width: u32, height: u32) -> Self {
        self.max_resolution = Some((width, height));
        self
    }

    /// Limits the pictures per second.
    #[must_use]
    pub fn with_max_fps(mut self, fps: f64) -> Self {
        self.max_fps = Some(fps);
        self
    }

    /// Sets which encoder the mark in the pictures names.
    #[must_use]
    pub fn with_source(mut self, source: u8) -> Self {
        self.source = source;
        self
    }

    /// Sets how long a start may take.
    #[must_use]
    pub fn with_start_patience(mut self, patience: Duration) -> Self {
        self.start_patience = patience;
        self
    }

    /// Finds out whether ffmpeg can be started, so that a simulator says at once what is missing.
    /// Returns its version.
    ///
    /// # Errors
    /// When it cannot; the message says how to get it.
    pub async fn check(&self) -> io::Result<Version> {
        Version::of(&self.ffmpeg).await.map_err(|error| {
            let place = match self.ffmpeg.components().count() {
                1 => "in PATH".to_owned(),
                _ => format!("at {}", self.ffmpeg.display()),
            };
            let message = match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("ffmpeg not found {place}; install it (Debian: apt-get install ffmpeg)")
                }
                _ => format!("the ffmpeg {place} cannot be used: {error}"),
            };
            io::Error::new(error.kind(), message)
        })
    }
}
