//! What a device says unasked.

use serde::{Deserialize, Serialize};

use crate::model::{
    Alarm, Celsius, DeviceRecordState, DeviceStreamState, EncoderStatus, InputSignal,
};

/// Something a device said unasked, or that its event feed went through.
///
/// As JSON `{"event": "snapshot", "status": {…}}`, `{"event": "changed", "change": {…}}` or
/// `{"event": "feed_lost", "reason": "…"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "EventDocument", into = "EventDocument")]
#[non_exhaustive]
pub enum DeviceEvent {
    /// The feed is up and this is the whole state: sent after every (re)connection, because
    /// changes in between may have been missed.
    Snapshot(Box<EncoderStatus>),
    /// One thing changed.
    Changed(StatusChange),
    /// The feed broke. Says nothing about the device; the liveness poll does.
    FeedLost {
        /// Why, in one line.
        reason: String,
    },
}

/// One change of an [`EncoderStatus`]. As JSON an object with one key, such as
/// `{"temperature": 61.5}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StatusChange {
    /// The streaming engine moved.
    StreamState(DeviceStreamState),
    /// The recorder moved.
    RecordState(DeviceRecordState),
    /// The signal at the input changed.
    Input(InputSignal),
    /// The temperature changed.
    Temperature(Celsius),
    /// An alarm was raised, or changed its text.
    AlarmRaised(Alarm),
    /// The alarm of that code is over.
    AlarmCleared(String),
    /// Anything else: the status as it is now; `status` as JSON.
    #[serde(rename = "status")]
    Other(Box<EncoderStatus>),
}

impl EncoderStatus {
    /// Carries a change into the status.
    pub fn apply(&mut self, change: StatusChange) {
        match change {
            StatusChange::StreamState(state) => self.stream_state = state,
            StatusChange::RecordState(state) => self.record_state = state,
            StatusChange::Input(signal) => self.input = Some(signal),
            StatusChange::Temperature(celsius) => self.system.temperature = Some(celsius),
            StatusChange::AlarmCleared(code) => self.alarms.retain(|alarm| alarm.code != code),
            StatusChange::Other(status) => *self = *status,
            StatusChange::AlarmRaised(alarm) => {
                self.alarms.retain(|known| known.code != alarm.code);
                self.alarms.push(alarm);
            }
        }
    }
}

/// A [`DeviceEvent`] as JSON, flat so that a mistake in it is found by its path.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EventDocument {
    event: EventName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Box<EncoderStatus>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<StatusChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum EventName {
    Snapshot,
    Changed,
    FeedLost,
}

impl From<DeviceEvent> for EventDocument {
    fn from(event: DeviceEvent) -> Self {
        let empty = |event| Self {
            event,
            status: None,
            change: None,
            reason: None,
        };
        match event {
            DeviceEvent::Snapshot(status) => Self {
                status: Some(status),
                ..empty(EventName::Snapshot)
            },
            DeviceEvent::Changed(change) => Self {
                change: Some(change),
                ..empty(EventName::Changed)
            },
            DeviceEvent::FeedLost { reason } => Self {
                reason: Some(reason),
                ..empty(EventName::FeedLost)
            },
        }
    }
}

impl TryFrom<EventDocument> for DeviceEvent {
    type Error = &'static str;
    fn try_from(document: EventDocument) -> Result<Self, Self::Error> {
        let EventDocument {
            event,
            status,
            change,
            reason,
        } = document;
        match (event, status, change, reason) {
            (EventName::Snapshot, Some(status), None, None) => Ok(Self::Snapshot(status)),
            (EventName::Changed, None, Some(change), None) => Ok(Self::Changed(change)),
            (EventName::FeedLost, None, None, Some(reason)) => Ok(Self::FeedLost { reason }),
            (EventName::Snapshot, ..) => Err("event `snapshot` takes `status` and nothing else"),
            (EventName::Changed, ..) => Err("event `changed` takes `change` and nothing else"),
            (EventName::FeedLost, ..) => Err("event `feed_lost` takes `reason` and nothing else"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_json() {
        let alarm = r#"{"code":"too_hot","category":"thermal","severity":"warning","message":"m"}"#;
        for text in [
            r#"{"event":"changed","change":{"temperature":61.5}}"#.to_owned(),
            r#"{"event":"changed","change":{"stream_state":"streaming"}}"#.to_owned(),
            r#"{"event":"changed","change":{"alarm_cleared":"too_hot"}}"#.to_owned(),
            format!(r#"{{"event":"changed","change":{{"alarm_raised":{alarm}}}}}"#),
            r#"{"event":"feed_lost","reason":"closed"}"#.to_owned(),
        ] {
            let event: DeviceEvent = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), text);
        }
        let snapshot = DeviceEvent::Snapshot(Box::default());
        let text = serde_json::to_string(&snapshot).unwrap();
        assert!(
            text.starts_with(r#"{"event":"snapshot","status":{"#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<DeviceEvent>(&text).unwrap(),
            snapshot
        );
    }

    #[test]
    fn an_event_takes_what_belongs_to_it_only() {
        for text in [
            r#"{"event":"snapshot"}"#,
            r#"{"event":"changed","reason":"x"}"#,
            r#"{"event":"feed_lost","reason":"x","status":{}}"#,
            r#"{"event":"feed_lost","reason":"x","extra":1}"#,
            r#"{"event":"found"}"#,
        ] {
            assert!(serde_json::from_str::<DeviceEvent>(text).is_err(), "{text}");
        }
    }
}
