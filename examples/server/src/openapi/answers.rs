//! What holds for every document that the server answers with, and that the derived schemas of
//! single documents do not say.
//!
//! A key is always there, and `null` where there is no value: schemas derived from an `Option` call
//! it optional, which is right for requests alone. And a page's items are the documents that stand
//! alone elsewhere, by reference, so that clients get one type and not two.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Keys that answers leave out where there is no value.
const LEFT_OUT: [(&str, &str); 3] = [
    ("Sample", "count"),
    ("Sample", "sum"),
    ("TimelineEntry", "request_id"),
];

/// Problem documents leave out whatever does not apply.
const PROBLEM: &str = "Problem";

const PAGE: &str = "Page_";
const SCHEMAS: &str = "#/components/schemas/";

/// Completes the schemas of answers; those of requests stay as they are.
pub(super) fn complete(mut document: Value) -> Value {
    let asked = asked(&document);
    let schemas = document.pointer_mut("/components/schemas");
    if let Some(schemas) = schemas.and_then(Value::as_object_mut) {
        name_items(schemas);
        for (name, schema) in schemas {
            if !asked.contains(name) && name != PROBLEM {
                require_keys(name, schema);
            }
        }
    }
    document
}

/// The schemas that requests are made of.
fn asked(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&Value> = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (_, item) in paths {
        let operations = item.as_object().into_iter().flatten();
        waiting.extend(operations.map(|(_, operation)| &operation["requestBody"]));
    }
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(values) => waiting.extend(values),
            Value::Object(members) => waiting.extend(members.values()),
            Value::String(text) => {
                let Some(name) = text.strip_prefix(SCHEMAS) else {
                    continue;
                };
                if found.insert(name.to_owned()) {
                    waiting.push(&document["components"]["schemas"][name]);
                }
            }
            _ => {}
        }
    }
    found
}

/// Replaces the items that a page's schema spells out by a reference to their own schema.
fn name_items(schemas: &mut Map<String, Value>) {
    let mut named = Vec::new();
    for (name, schema) in schemas.iter_mut() {
        let Some(item) = name.strip_prefix(PAGE) else {
            continue;
        };
        let reference = json!({"$ref": format!("{SCHEMAS}{item}")});
        let spelled = std::mem::replace(&mut schema["properties"]["items"]["items"], reference);
        named.push((item.to_owned(), spelled));
    }
    for (name, schema) in named {
        schemas.entry(name).or_insert(schema);
    }
}

/// Requires the keys that may be `null`, of the schema or of its parts.
fn require_keys(name: &str, schema: &mut Value) {
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        require_keys(name, part);
    }
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let left_out = |key: &str| LEFT_OUT.contains(&(name, key));
    let nullable = properties
        .iter()
        .filter(|(key, value)| is_nullable(value) && !left_out(key))
        .map(|(key, _)| key.as_str());
    let before = schema["required"].as_array().into_iter().flatten();
    let required: BTreeSet<_> = before.filter_map(Value::as_str).chain(nullable).collect();
    schema["required"] = json!(required);
}

fn is_nullable(schema: &Value) -> bool {
    let kinds = schema["type"].as_array();
    let choices = schema["oneOf"].as_array();
    kinds.is_some_and(|kinds| kinds.contains(&json!("null")))
        || choices.is_some_and(|choices| choices.contains(&json!({"type": "null"})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed() -> Value {
        let document = json!({
            "paths": {"/": {"post": {
                "requestBody": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Request"}}}},
                "responses": {},
            }}},
            "components": {"schemas": {
                "Request": {"type": "object", "properties": {
                    "part": {"$ref": "#/components/schemas/Part"}}},
                "Part": {"type": "object", "properties": {"to": {"type": ["string", "null"]}}},
                "Page_Answer": {"type": "object", "required": ["items"], "properties": {
                    "items": {"type": "array", "items": {"type": "object", "properties": {
                        "part": {"oneOf": [
                            {"type": "null"}, {"$ref": "#/components/schemas/Part"}]},
                        "note": {"type": "string"}}}},
                    "next_cursor": {"type": ["string", "null"]}}},
            }},
        });
        complete(document)["components"]["schemas"].take()
    }

    #[test]
    fn answers_carry_every_key_that_may_be_null() {
        let schemas = completed();
        assert_eq!(schemas["Answer"]["required"], json!(["part"]));
        let page = &schemas["Page_Answer"]["required"];
        assert_eq!(*page, json!(["items", "next_cursor"]));
    }

    #[test]
    fn what_requests_are_made_of_may_be_left_out() {
        assert_eq!(completed()["Part"].get("required"), None);
    }

    #[test]
    fn items_of_pages_are_references() {
        let page = completed()["Page_Answer"]["properties"]["items"]["items"].take();
        assert_eq!(page, json!({"$ref": "#/components/schemas/Answer"}));
    }
}
