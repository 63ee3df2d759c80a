//! `/descriptors` and `/desc.json`: what the device says about its parameters.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{Asked, Reply};
use crate::simulator::catalogue::{Parameter, ParameterKind, catalogue};
use crate::simulator::device::Device;

/// Rendered once per process: half a megabyte that is the same for every device.
static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let all: Vec<Value> = catalogue()
        .iter()
        .map(|(_, parameter)| descriptor(parameter))
        .collect();
    serde_json::to_vec(&all).expect("descriptors have string keys only")
});

pub(super) fn answer(device: &Device, asked: &Asked) -> Reply {
    match asked.param("paramid") {
        Some("*") => all(device),
        Some(id) => match catalogue().find_on_wire(id) {
            Some(index) => Reply::serialized(&[descriptor(catalogue().parameter(index))]),
            None => Reply::json(b"[]".to_vec()),
        },
        None => Reply::page(400),
    }
}

pub(super) fn all(_device: &Device) -> Reply {
    Reply::json(ALL.clone())
}

fn descriptor(parameter: &Parameter) -> Value {
    let kind = match parameter.kind {
        ParameterKind::Enum => "enum",
        ParameterKind::Integer | ParameterKind::Percentage => "integer",
        ParameterKind::String => "string",
        ParameterKind::Data => "data",
    };
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("param_type", json!(kind));
    put("descriptor_type", json!(kind));
    put("param_id", json!(parameter.wire_id()));
    put("param_name", json!(parameter.title));
    put(
        "persistence_type",
        json!(choose(parameter.kept, "persistent", "ephemeral")),
    );
    put(
        "register_type",
        json!(choose(parameter.in_presets, "included", "excluded")),
    );
    put("factory_reset_type", json!("warm"));
    put("relations", json!({}));
    let classes: &[&str] = if parameter.read_only {
        &["readonly"]
    } else {
        &[]
    };
    put("class_names", json!(classes));
    put(
        "string_attributes",
        json!([
            {"name": "description", "value": ""},
            {"name": "menu_number", "value": parameter.menu},
        ]),
    );
    put(
        "integer_attributes",
        json!([{"name": "ParamGroup", "value": group(parameter)}]),
    );
    describe_values(parameter, &mut shown);
    Value::Object(shown)
}

fn describe_values(parameter: &Parameter, shown: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    if !parameter.is_number() {
        put("min_length", json!(0));
        put("max_length", json!(1024));
        put("default_value", json!(parameter.default));
        return;
    }
    if parameter.kind == ParameterKind::Enum {
        let choices: Vec<Value> = parameter
            .choices
            .iter()
            .map(|choice| json!({"value": choice.0, "text": choice.1, "short_text": choice.2}))
            .collect();
        put("enum_values", json!(choices));
    }
    let (min, max) = parameter.range.unwrap_or_default();
    put("min_value", json!(min));
    put("max_value", json!(max));
    put(
        "default_value",
        json!(parameter.default.parse::<i64>().unwrap_or_default()),
    );
    put("adjust_by", json!(1));
    put("scale_by", json!(1));
    put("offset_by", json!(0));
    put("display_precision", json!(0));
    put("units", json!(parameter.unit));
}

fn choose(condition: bool, yes: &'static str, no: &'static str) -> &'static str {
    if condition { yes } else { no }
}

/// The group is not known per parameter; the menu it stands in serves.
fn group(parameter: &Parameter) -> u32 {
    parameter.number >> 24
}
