//! Reading the device's JSON, leniently: every value may be a text or a number, members may be
//! missing, and the content type says nothing.

use serde_json::Value;

use crate::error::ReplyError;
use crate::params::{Kind, Param};

/// The answer to a `get`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ParameterReply {
    /// The device's number for the parameter.
    pub(crate) number: Option<u64>,
    pub(crate) value: String,
}

/// The answer to `connect`.
pub(crate) struct ConnectReply {
    pub(crate) connection: String,
    /// Current values, from devices that send them along.
    pub(crate) values: Vec<(Param, String)>,
}

/// One change in the answer to a wait.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EventElement {
    pub(crate) param: EventParam,
    /// `None` when the element holds nothing usable; the value has to be read.
    value: [Option<String>; 2],
}

/// How an event names its parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventParam {
    Name(String),
    Number(u64),
}

fn json(body: &[u8]) -> Result<Value, ReplyError> {
    serde_json::from_slice(body).map_err(ReplyError::NotJson)
}

/// A scalar as text. Structured values have none.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    scalar(value)?.trim().parse().ok()
}

impl ParameterReply {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ReplyError> {
        let reply = json(body)?;
        let value = reply.get("value").and_then(scalar);
        Ok(Self {
            number: reply.get("paramid").and_then(number),
            value: value.ok_or(ReplyError::Missing("`value`"))?,
        })
    }
}

impl ConnectReply {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ReplyError> {
        let reply = json(body)?;
        let connection = reply.get("connectionid").and_then(scalar);
        // 0 worked on one old device and means failure on others.
        let connection = connection.filter(|id| !id.is_empty() && id != "0");
        Ok(Self {
            connection: connection.ok_or(ReplyError::Missing("usable `connectionid`"))?,
            values: reply.get("configevents").map(snapshot).unwrap_or_default(),
        })
    }
}

/// The values of `configevents`: an array of objects from parameter to value, or just one.
fn snapshot(events: &Value) -> Vec<(Param, String)> {
    let objects = match events {
        Value::Array(objects) => objects.iter(),
        other => std::slice::from_ref(other).iter(),
    };
    let members = objects.filter_map(Value::as_object).flatten();
    members
        .filter_map(|(name, value)| Some((Param::find(name)?, scalar(value)?)))
        .collect()
}

/// The answer to a wait; elements that name no parameter are left out.
pub(crate) fn event_elements(body: &[u8]) -> Result<Vec<EventElement>, ReplyError> {
    let reply = json(body)?;
    let elements = reply
        .as_array()
        .ok_or(ReplyError::Missing("array of events"))?;
    Ok(elements.iter().filter_map(EventElement::parse).collect())
}

impl EventElement {
    fn parse(element: &Value) -> Option<Self> {
        let id = scalar(element.get("param_id")?)?;
        let param = match id.parse() {
            Ok(number) => EventParam::Number(number),
            Err(_) => EventParam::Name(id),
        };
        let read = |member| element.get(member).and_then(scalar);
        Some(Self {
            param,
            value: [read("int_value"), read("str_value")],
        })
    }

    /// The new value, taken from the member that holds it for this kind of parameter.
    pub(crate) fn into_value(self, kind: Kind) -> Option<String> {
        let [int, text] = self.value;
        match kind {
            Kind::Text => text,
            Kind::Number => {
                let numeric = |text: &String| text.trim().parse::<u64>().is_ok();
                int.filter(numeric).or(text.filter(numeric))
            }
        }
    }
}

/// Whether a login was accepted. Anything but `success` is a refusal.
pub(crate) fn is_login_success(body: &[u8]) -> bool {
    json(body).is_ok_and(|reply| reply.get("login").and_then(Value::as_str) == Some("success"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_may_be_texts_or_numbers() {
        for body in [
            r#"{"paramid":"7","value":"2"}"#,
            r#"{"paramid":7,"value":2}"#,
        ] {
            let reply = ParameterReply::parse(body.as_bytes()).unwrap();
            assert_eq!((reply.number, reply.value.as_str()), (Some(7), "2"));
        }
    }

    #[test]
    fn reply_without_value_is_named() {
        let error = ParameterReply::parse(b"{}").err().unwrap();
        assert_eq!(error.to_string(), "the reply has no `value`");
        assert!(ParameterReply::parse(b"<html>").is_err());
    }

    #[test]
    fn connection_zero_is_never_used() {
        for body in [
            r#"{"connectionid":0}"#,
            r#"{"connectionid":"0"}"#,
            "[]",
            "{}",
        ] {
            assert!(ConnectReply::parse(body.as_bytes()).is_err(), "{body}");
        }
        let reply = ConnectReply::parse(br#"{"connectionid":20}"#).unwrap();
        assert_eq!(reply.connection, "20");
    }

    #[test]
    fn snapshot_keeps_known_parameters() {
        let body = br#"{"connectionid":"3","configevents":[
            {"eParamID_Temperature":"51","eParamID_Unheard":"1","eParamID_LinkState":{"a":1}}]}"#;
        let reply = ConnectReply::parse(body).unwrap();
        assert_eq!(reply.values, [(Param::TEMPERATURE, "51".to_owned())]);
    }

    #[test]
    fn elements_without_parameter_are_skipped() {
        let body = br#"[{"services":[]},
            {"param_id":"eParamID_ReplicatorStreamState","int_value":"2","str_value":"eRSSStreaming"},
            {"param_id":"2097225226","int_value":1}]"#;
        let elements = event_elements(body).unwrap();
        assert_eq!(elements.len(), 2);
        assert_eq!(elements[1].param, EventParam::Number(2_097_225_226));
        let states: Vec<_> = elements
            .into_iter()
            .map(|e| e.into_value(Kind::Number))
            .collect();
        assert_eq!(states, [Some("2".to_owned()), Some("1".to_owned())]);
    }

    #[test]
    fn structured_event_values_have_to_be_read() {
        let body = br#"[{"param_id":"eParamID_LinkState","int_value":"-1","str_value":{"a":1}}]"#;
        let element = event_elements(body).unwrap().remove(0);
        assert_eq!(element.into_value(Kind::Text), None);
    }

    #[test]
    fn only_success_is_a_login() {
        assert!(is_login_success(br#"{"login":"success"}"#));
        assert!(!is_login_success(
            br#"{"login":"Login Failed - Passwords did not match"}"#
        ));
        assert!(!is_login_success(b"success"));
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = ParameterReply::parse(&body);
            let _ = ConnectReply::parse(&body);
            let _ = event_elements(&body);
        }
    }
}
