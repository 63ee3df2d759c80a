//! Who may repair what without being asked.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Whether the manager repairs by itself. Ordered from the most restrictive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoRemediation {
    /// It neither repairs nor proposes.
    Off,
    /// It says what it would have done, and does nothing.
    Observe,
    /// It repairs.
    #[default]
    On,
}

impl AutoRemediation {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::On => "on",
        }
    }
}

impl<'de> Deserialize<'de> for AutoRemediation {
    /// Takes `false` for `off` and `true` for `on`, because that is what older YAML makes of them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl de::Visitor<'_> for Word {
            type Value = AutoRemediation;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("off, observe or on")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Self::Value, E> {
                Ok(if on {
                    AutoRemediation::On
                } else {
                    AutoRemediation::Off
                })
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
                match word {
                    "off" => Ok(AutoRemediation::Off),
                    "observe" => Ok(AutoRemediation::Observe),
                    "on" => Ok(AutoRemediation::On),
                    other => Err(E::unknown_variant(other, &["off", "observe", "on"])),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}

/// A kind of trouble that has a ladder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TroubleKind {
    /// The stream stopped or fails on its encoder.
    Stream,
    /// The way to the ingest carries less than the stream needs.
    Network,
    /// The encoder cannot keep up with the pictures.
    Picture,
    /// The device answers with refusals or nonsense, as after a session was lost.
    Session,
    /// The device serves its medium instead of streaming.
    MediaState,
    /// The device does not answer, or its event feed is gone.
    Connection,
    /// A fault that outlived the other ladders, on an encoder that nothing needs.
    Persistent,
}

impl TroubleKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Stream,
        Self::Network,
        Self::Picture,
        Self::Session,
        Self::MediaState,
        Self::Connection,
        Self::Persistent,
    ];

    /// The name in settings, timelines and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Network => "network",
            Self::Picture => "picture",
            Self::Session => "session",
            Self::MediaState => "media_state",
            Self::Connection => "connection",
            Self::Persistent => "persistent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_yaml_makes_of_them() {
        let read = |text: &str| serde_json::from_str::<AutoRemediation>(text).ok();
        assert_eq!(read("\"observe\""), Some(AutoRemediation::Observe));
        assert_eq!(read("false"), Some(AutoRemediation::Off));
        assert_eq!(read("true"), Some(AutoRemediation::On));
        assert_eq!(read("\"maybe\""), None);
        for mode in [
            AutoRemediation::Off,
            AutoRemediation::Observe,
            AutoRemediation::On,
        ] {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
        for kind in TroubleKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
