//! Taking the fields out of a JSON object one by one.
//!
//! Deriving `Deserialize` would stop at the first fault; here each field's fault is noted.

use crate::model::Violation;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// The fields of a JSON object, being read.
#[derive(Debug)]
pub struct Fields {
    prefix: String,
    left: Map<String, Value>,
    errors: Vec<Violation>,
}

impl Fields {
    /// Begins to read.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] when the value is no object.
    pub fn of(body: Value) -> Result<Self> {
        match whole_numbers(body) {
            Value::Object(left) => Ok(Self {
                prefix: String::new(),
                left,
                errors: Vec::new(),
            }),
            _ => {
                let message = "the body must be a JSON object";
                Err(invalid(vec![Violation::new("", "invalid_type", message)]))
            }
        }
    }

    /// A field that may be left out or `null`.
    pub fn optional<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        match self.left.remove(field)? {
            Value::Null => None,
            value => match serde_json::from_value(value) {
                Ok(value) => Some(value),
                Err(error) => {
                    // The words for a value of the wrong type repeat it.
                    let told = match field {
                        "password" | "stream_key" => "must be text".to_owned(),
                        _ => error.to_string(),
                    };
                    self.wrong(field, "invalid_value", &told);
                    None
                }
            },
        }
    }

    /// A field that must be there.
    pub fn required<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        match self.left.get(field) {
            None | Some(Value::Null) => {
                self.left.remove(field);
                self.wrong(field, "required", "is required");
                None
            }
            Some(_) => self.optional(field),
        }
    }

    /// An object inside the object.
    pub fn nested<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.left.remove(field)? {
            Value::Null => None,
            Value::Object(left) => {
                let mut inner = Self {
                    prefix: format!("{}{field}.", self.prefix),
                    left,
                    errors: Vec::new(),
                };
                let value = read(&mut inner);
                inner.refuse_unknown();
                self.errors.append(&mut inner.errors);
                Some(value)
            }
            _ => {
                self.wrong(field, "invalid_type", "must be an object");
                None
            }
        }
    }

    /// Whether the field is there, `null` included.
    pub fn contains(&self, field: &str) -> bool {
        self.left.contains_key(field)
    }

    /// Whether a fault was noted.
    pub fn is_faulty(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Gives back what was taken with [`Fields::take_rest`] and not read.
    pub(super) fn put_back(&mut self, rest: Map<String, Value>) {
        self.left = rest;
    }

    /// Everything that was not read yet.
    pub fn take_rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.left)
    }

    /// Notes a fault.
    pub fn wrong(&mut self, field: &str, code: &str, message: &str) {
        let field = format!("{}{field}", self.prefix);
        self.errors.push(Violation::new(field, code, message));
    }

    /// Adds faults of value, except those of fields that are at fault already.
    pub(super) fn also(&mut self, violations: &[Violation]) {
        let new = violations
            .iter()
            .filter(|violation| {
                self.errors
                    .iter()
                    .all(|known| known.field != violation.field)
            })
            .cloned()
            .collect::<Vec<_>>();
        self.errors.extend(new);
    }

    pub(super) fn refuse_unknown(&mut self) {
        for field in self.take_rest().keys() {
            self.wrong(field, "unknown_field", "is not a field of this document");
        }
    }

    /// The value that was read, if nothing was wrong.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] with every fault, unknown fields included.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T> {
        self.refuse_unknown();
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(invalid(self.errors)),
        }
    }
}

fn invalid(errors: Vec<Violation>) -> Error {
    let message = Violation::in_one_line(&errors);
    Error::new(ErrorKind::ValidationFailed, message).with_violations(errors)
}

/// `21.0` is the integer 21 in JSON; serde takes only `21`.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(k, v)| (k, whole_numbers(v)))
            .collect(),
        other => other,
    }
}
