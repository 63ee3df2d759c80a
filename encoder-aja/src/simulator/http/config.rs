//! `/config`: reading, writing, and the long poll.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Asked, Reply};
use crate::simulator::assumptions::{
    ConnectionIdForm, RebootReply, SecretReadback, SetBody, TextValueName, UnknownConnection,
    UnknownParameter,
};
use crate::simulator::catalogue::{Parameter, ParameterIndex, ParameterKind, catalogue};
use crate::simulator::device::{Device, Written};
use crate::simulator::events::{Change, Waiting};

/// The answer to a `get`, in the order AJA shows it.
#[derive(Debug, Default, Serialize)]
struct ShownParameter {
    paramid: String,
    name: String,
    value: String,
    value_name: String,
}

/// One element of the answer to a wait.
#[derive(Debug, Serialize)]
struct ShownChange {
    param_type: &'static str,
    param_id: String,
    str_value: String,
    int_value: String,
    last_config_update: String,
}

pub(super) async fn answer(device: &Arc<Device>, asked: &Asked) -> Reply {
    match asked.param("action") {
        Some("get") => get(device, asked),
        Some("set") => set(device, asked).await,
        Some("connect") => connect(device),
        Some("wait_for_config_events") => wait(device, asked).await,
        _ => Reply::page(400),
    }
}

fn named(asked: &Asked) -> Option<ParameterIndex> {
    catalogue().find_on_wire(asked.param("paramid")?)
}

fn get(device: &Device, asked: &Asked) -> Reply {
    match named(asked) {
        Some(index) => Reply::serialized(&shown(device, index, &device.value_at(index))),
        None => unknown(device, asked),
    }
}

async fn set(device: &Device, asked: &Asked) -> Reply {
    let Some(index) = named(asked) else {
        return unknown(device, asked);
    };
    // AJA's text shows one read spelled as a write without a value.
    let Some(value) = asked.param("value") else {
        return get(device, asked);
    };
    let written = device.write(index, value);
    let reboots = catalogue().parameter(index).id == "Reboot";
    match (written, device.config().assumptions.reboot_reply) {
        (Written::Refused(status), _) => Reply::page(status),
        (Written::Accepted(_), RebootReply::Missing) if reboots => std::future::pending().await,
        (Written::Accepted(value), RebootReply::Cut) if reboots => {
            accepted(device, index, &value).cut_after(12)
        }
        (Written::Accepted(value), _) => accepted(device, index, &value),
    }
}

fn accepted(device: &Device, index: ParameterIndex, value: &str) -> Reply {
    match device.config().assumptions.set_body {
        SetBody::Parameter => Reply::serialized(&shown(device, index, value)),
        SetBody::EmptyObject => Reply::json(b"{}".to_vec()),
        SetBody::Nothing => Reply::json(Vec::new()),
    }
}

fn unknown(device: &Device, asked: &Asked) -> Reply {
    match device.config().assumptions.unknown_parameter {
        UnknownParameter::EmptyObject => Reply::json(b"{}".to_vec()),
        UnknownParameter::BlankParameter => Reply::serialized(&ShownParameter {
            name: asked.param("paramid").unwrap_or_default().to_owned(),
            ..ShownParameter::default()
        }),
        UnknownParameter::BadRequest => Reply::page(400),
        UnknownParameter::NotFound => Reply::page(404),
    }
}

fn shown(device: &Device, index: ParameterIndex, value: &str) -> ShownParameter {
    let parameter = catalogue().parameter(index);
    let value = readable(device, parameter, value);
    let value_name = match (parameter.kind, device.config().assumptions.text_value_name) {
        (ParameterKind::Enum, _) => parameter.choice_text(&value).unwrap_or_default().to_owned(),
        (_, TextValueName::Empty) => String::new(),
        (_, TextValueName::Value) => value.clone(),
    };
    ShownParameter {
        paramid: parameter.number.to_string(),
        name: parameter.wire_id(),
        value,
        value_name,
    }
}

/// The value as the network may see it.
fn readable(device: &Device, parameter: &Parameter, value: &str) -> String {
    let masked = device.config().assumptions.secret_readback == SecretReadback::Masked;
    match masked && parameter.is_secret() {
        true => "*".repeat(value.chars().count()),
        false => value.to_owned(),
    }
}

fn connect(device: &Device) -> Reply {
    let Some(id) = device.connect() else {
        return Reply::page(503);
    };
    let rules = &device.config().assumptions;
    let id = match rules.connection_id {
        ConnectionIdForm::Text => json!(id.to_string()),
        ConnectionIdForm::Number => json!(id),
    };
    let mut answer = Map::new();
    answer.insert("connectionid".to_owned(), id);
    if rules.connect_snapshot {
        answer.insert("configevents".to_owned(), json!([snapshot(device)]));
    }
    Reply::serialized(&answer)
}

fn snapshot(device: &Device) -> Value {
    let values = device.snapshot().into_iter().map(|(index, value)| {
        let parameter = catalogue().parameter(index);
        (
            parameter.wire_id(),
            json!(readable(device, parameter, &value)),
        )
    });
    Value::Object(values.collect())
}

async fn wait(device: &Device, asked: &Asked) -> Reply {
    let rules = &device.config().assumptions;
    let id = asked
        .param("connectionid")
        .and_then(|id| id.parse::<u32>().ok());
    let Some(id) = id else {
        return unknown_connection(rules.unknown_connection);
    };
    let give_up = Instant::now() + rules.hold;
    let mut waiting = device.begin_wait(id);
    loop {
        let wake = match waiting {
            Waiting::Unknown => return unknown_connection(rules.unknown_connection),
            Waiting::Changes(changes) => return told(device, &changes),
            Waiting::Quiet(wake) => wake,
        };
        let held_to_the_end = tokio::time::timeout_at(give_up, wake.notified())
            .await
            .is_err();
        waiting = device.read_changes(id);
        if held_to_the_end && matches!(waiting, Waiting::Quiet(_)) {
            return Reply::json(b"[]".to_vec());
        }
    }
}

fn unknown_connection(rule: UnknownConnection) -> Reply {
    match rule {
        UnknownConnection::ExpectationFailed => Reply::page(417),
        UnknownConnection::NotFound => Reply::page(404),
        UnknownConnection::EmptyObject => Reply::json(b"{}".to_vec()),
        UnknownConnection::EmptyArray => Reply::json(b"[]".to_vec()),
    }
}

fn told(device: &Device, changes: &[Arc<Change>]) -> Reply {
    let mut elements: Vec<Value> = changes
        .iter()
        .map(|change| json!(shown_change(device, change)))
        .collect();
    if device.config().assumptions.services_element {
        elements.push(json!({"services": []}));
    }
    Reply::serialized(&elements)
}

fn shown_change(device: &Device, change: &Change) -> ShownChange {
    let parameter = catalogue().parameter(change.index);
    let value = readable(device, parameter, &change.value);
    let (str_value, int_value) = match parameter.kind {
        ParameterKind::Enum => (
            parameter.choice_text(&value).unwrap_or_default().to_owned(),
            value,
        ),
        ParameterKind::Integer | ParameterKind::Percentage => (value.clone(), value),
        ParameterKind::String | ParameterKind::Data => (value, "-1".to_owned()),
    };
    ShownChange {
        param_type: event_type(parameter.kind),
        param_id: parameter.wire_id(),
        str_value,
        int_value,
        last_config_update: change.update.to_string(),
    }
}

/// 12 is known to be text; the other numbers only have to differ from it.
fn event_type(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::String => "12",
        ParameterKind::Enum => "3",
        ParameterKind::Integer | ParameterKind::Percentage => "2",
        ParameterKind::Data => "13",
    }
}
