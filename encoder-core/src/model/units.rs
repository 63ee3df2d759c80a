//! Quantities with their units.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, ErrorKind, Result};

/// How well an encoder or stream is, 0 to 100. Higher is better. Never mixed with [`Heat`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Health(f64);

/// How hot an encoder is, 0 to 100. Higher is hotter; `temperature_score` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Heat(f64);

macro_rules! score {
    ($name:ident) => {
        impl $name {
            /// The lowest score.
            pub const MIN: Self = Self(0.0);
            /// The highest score.
            pub const MAX: Self = Self(100.0);

            /// Clamps `score` into 0 to 100; a NaN becomes 0.
            pub fn new(score: f64) -> Self {
                Self(if score.is_nan() {
                    0.0
                } else {
                    score.clamp(0.0, 100.0)
                })
            }

            /// The score as a number from 0 to 100.
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:.0}", self.0)
            }
        }
    };
}

score!(Health);
score!(Heat);

/// Degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Celsius(pub f64);

/// Bits per second.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bitrate(pub u64);

impl Bitrate {
    /// From kilobits (1000 bits) per second, the unit most devices use.
    pub const fn from_kbps(kbps: u64) -> Self {
        Self(kbps * 1000)
    }

    /// Kilobits per second, rounded down.
    pub const fn as_kbps(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000_000 {
            write!(f, "{} Mbit/s", self.0 as f64 / 1e6)
        } else {
            write!(f, "{} kbit/s", self.0 as f64 / 1e3)
        }
    }
}

/// Picture size in pixels; `"1920x1080"` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resolution {
    /// Pixels across.
    pub width: u32,
    /// Lines down.
    pub height: u32,
}

impl Resolution {
    /// A picture `width` pixels wide and `height` lines high.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Pixels of one picture.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Resolution {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('x').and_then(|(width, height)| {
            Some(Self {
                width: width.parse().ok()?,
                height: height.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| {
            let message = "resolution must be WIDTHxHEIGHT, for example 1920x1080";
            Error::new(ErrorKind::ValidationFailed, message)
        })
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Resolution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| de::Error::custom(error.message()))
    }
}

/// Pictures per second, exact to a thousandth; a plain number such as 29.97 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRate(u32);

impl FrameRate {
    /// Rounds to a thousandth. Negative, infinite or absurd numbers become 0, which no
    /// validator accepts.
    pub fn from_fps(fps: f64) -> Self {
        let millis = (fps * 1000.0).round();
        let sane = millis.is_finite() && (0.0..=1_000_000.0).contains(&millis);
        Self(if sane { millis as u32 } else { 0 })
    }

    /// Pictures per second.
    pub fn fps(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// Whether both mean the same broadcast rate: 29.97 equals 30000/1001.
    pub fn is_close_to(self, other: Self) -> bool {
        self.0.abs_diff(other.0) <= 10
    }

    /// Whether both go by the same name in a studio: 29.97 and 30, 59.94 and 60, 23.98 and 24
    /// differ by the factor 1000/1001, and people say 30 where the camera says 29.97.
    pub fn is_nominally(self, other: Self) -> bool {
        self.is_close_to(other) || (self.fps() - other.fps()).abs() <= other.fps() * 0.0015
    }

    /// This rate divided by `divisor`, as encoders offer half and quarter of the input.
    #[must_use]
    pub fn divided_by(self, divisor: u32) -> Self {
        Self::from_fps(self.fps() / f64::from(divisor.max(1)))
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fps())
    }
}

impl Serialize for FrameRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u32(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.fps())
        }
    }
}

impl<'de> Deserialize<'de> for FrameRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_fps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_stay_in_range() {
        assert_eq!(Health::new(140.0), Health::MAX);
        assert_eq!(Heat::new(-3.0), Heat::MIN);
        assert_eq!(Health::new(f64::NAN), Health::MIN);
    }

    #[test]
    fn frame_rates_survive_the_wire() {
        for (rate, text) in [(29.97, "29.97"), (30.0, "30"), (59.94, "59.94")] {
            let rate = FrameRate::from_fps(rate);
            assert_eq!(serde_json::to_string(&rate).unwrap(), text);
            assert_eq!(serde_json::from_str::<FrameRate>(text).unwrap(), rate);
        }
        assert_eq!(
            FrameRate::from_fps(59.94).divided_by(2),
            FrameRate::from_fps(29.97)
        );
    }

    #[test]
    fn drop_frame_rates_go_by_their_round_names() {
        for (exact, name) in [(29.97, 30.0), (59.94, 60.0), (23.98, 24.0), (25.0, 25.0)] {
            assert!(FrameRate::from_fps(exact).is_nominally(FrameRate::from_fps(name)));
        }
        assert!(!FrameRate::from_fps(25.0).is_nominally(FrameRate::from_fps(24.0)));
        assert!(!FrameRate::from_fps(29.97).is_close_to(FrameRate::from_fps(30.0)));
    }

    #[test]
    fn resolutions_read_back() {
        assert_eq!(
            "1280x720".parse::<Resolution>().unwrap(),
            Resolution::new(1280, 720)
        );
        assert!("1280".parse::<Resolution>().is_err());
    }
}
