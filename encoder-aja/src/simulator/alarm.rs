//! The alarm messages a HELO keeps as protobuf in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;

/// One alarm parameter, decoded.
///
/// Every field has explicit presence, since the device writes the zeros of a resting alarm too.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AlarmMessage {
    /// Zero at rest; any other number means the alarm is raised.
    #[prost(uint32, optional, tag = "1")]
    pub active: Option<u32>,
    /// One for an error, zero for a warning.
    #[prost(uint32, optional, tag = "2")]
    pub severity: Option<u32>,
    /// What the operator reads.
    #[prost(message, optional, tag = "3")]
    pub text: Option<AlarmText>,
}

/// The two wordings of an alarm.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AlarmText {
    /// For the web page.
    #[prost(string, optional, tag = "1")]
    pub long: Option<String>,
    /// For the front panel.
    #[prost(string, optional, tag = "2")]
    pub short: Option<String>,
}

impl AlarmMessage {
    /// The message in its wire form, base64 of the protobuf bytes.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.encode_to_vec())
    }

    /// Reads the wire form back; `None` when it is neither base64 nor an alarm.
    #[must_use]
    pub fn from_base64(value: &str) -> Option<Self> {
        let bytes = STANDARD.decode(value).ok()?;
        Self::decode(bytes.as_slice()).ok()
    }

    /// Whether the alarm is raised.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.is_some_and(|active| active != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resting_alarm_spells_its_zeros() {
        let message = AlarmMessage {
            active: Some(0),
            severity: Some(1),
            text: None,
        };
        assert_eq!(message.encode_to_vec(), [0x08, 0, 0x10, 1]);
        let read = AlarmMessage::from_base64(&message.to_base64()).unwrap();
        assert_eq!(read, message);
        assert!(!read.is_active());
    }
}
