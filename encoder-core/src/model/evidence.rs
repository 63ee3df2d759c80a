//! What led to a conclusion, as data that becomes text only where somebody reads it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A figure or a fact that led to a conclusion, such as `temperature=84.0`.
///
/// An encoder in trouble has dozens of them and is judged several times a second, while people
/// look now and then; so the text is made when it is shown. It is also what is sent and stored:
/// what was read back is [`Text`](Self::Text), and equal to what it was written from.
///
/// ```
/// use encoder_core::model::Evidence;
///
/// let evidence = Evidence::Figure("temperature", 84.04);
/// assert_eq!(evidence, "temperature=84.0");
/// assert_eq!(serde_json::to_string(&evidence)?, "\"temperature=84.0\"");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Evidence {
    /// Name and value of a reading or threshold, shown with one decimal.
    Figure(&'static str, f64),
    /// Name and value of something that is counted.
    Count(&'static str, u64),
    /// Name and value of something that is not a number.
    Fact(&'static str, Cow<'static, str>),
    /// Anything else, in one line.
    Text(String),
}

impl Evidence {
    /// A fact, such as `stream_state=failing`.
    pub fn fact(name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self::Fact(name, value.into())
    }
}

impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Figure(name, value) => write!(f, "{name}={value:.1}"),
            Self::Count(name, value) => write!(f, "{name}={value}"),
            Self::Fact(name, value) => write!(f, "{name}={value}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => *self == *other.to_string().as_str(),
        }
    }
}

impl PartialEq<str> for Evidence {
    fn eq(&self, other: &str) -> bool {
        let shown = self.to_string();
        shown == other
    }
}

impl PartialEq<&str> for Evidence {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_name_and_value() {
        let shown = [
            (Evidence::Figure("temperature", 84.04), "temperature=84.0"),
            (Evidence::Figure("threshold", -3.25), "threshold=-3.2"),
            (Evidence::Count("failures", 2), "failures=2"),
            (Evidence::fact("alarm", "media_full"), "alarm=media_full"),
            (Evidence::from("by hand".to_owned()), "by hand"),
        ];
        for (evidence, expected) in shown {
            assert_eq!(evidence, expected);
        }
    }

    #[test]
    fn evidence_that_was_stored_equals_what_it_was() {
        let evidence = Evidence::Count("failures", 2);
        let stored = serde_json::to_string(&evidence).unwrap();
        let read: Evidence = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, evidence);
        assert_ne!(read, Evidence::Count("failures", 3));
    }
}
