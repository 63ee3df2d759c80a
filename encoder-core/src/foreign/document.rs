//! JSON documents, read strictly: what is not understood is an error that says where.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Violation;

/// Characters of a message: enough for the longest list of names that would have been right.
const LONGEST: usize = 2000;

/// Fields whose values never appear in a message.
const SECRETS: [&str; 2] = ["stream_key", "password"];

/// Reads a document strictly. `what` names it in messages, such as `status()`. Unknown keys are errors
/// whatever the type says, and values of secrets stay out of messages.
///
/// # Errors
/// `kind`, with one violation for each thing that is wrong: an unknown key, a wrong type, no JSON.
pub fn read<T: DeserializeOwned>(what: &str, json: &str, kind: ErrorKind) -> Result<T> {
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(plain(&path.to_string()));
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_str(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value = T::deserialize(serde_ignored::Deserializer::new(tracked, &mut note));
    match value.and_then(|value| json.end().map(|()| value)) {
        Ok(value) if unknown.is_empty() => Ok(value),
        Ok(_) => {
            let violation = |path: String| Violation::new(path, "unknown_key", "unknown key");
            Err(refusal(
                what,
                kind,
                unknown.into_iter().map(violation).collect(),
            ))
        }
        Err(error) => {
            let path = plain(&track.path().to_string());
            let code = if error.is_data() {
                "wrong_value"
            } else {
                "not_json"
            };
            let violation = Violation::new(path.clone(), code, explain(&path, &error));
            Err(refusal(what, kind, vec![violation]))
        }
    }
}

/// Reads a document that must be an object, or `null` where `T` allows that. On its own, serde takes
/// an array for an object and its items for fields.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_object<T: DeserializeOwned>(
    what: &str,
    json: &str,
    kind: ErrorKind,
) -> Result<T> {
    if json.trim_start().starts_with('[') {
        let violation = Violation::new("", "wrong_value", "an array, where an object belongs");
        return Err(refusal(what, kind, vec![violation]));
    }
    read(what, json, kind)
}

/// Writes a document.
///
/// # Errors
/// [`ErrorKind::Unexpected`] when the value has no JSON, such as a map with keys that are no text.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "a document cannot be written").with_source(error)
    })
}

/// A path without the marks of optional values.
fn plain(path: &str) -> String {
    let parts = path
        .split('.')
        .filter(|part| !part.is_empty() && *part != "?");
    parts.collect::<Vec<_>>().join(".")
}

/// What is wrong, without the position, which means nothing to who made the object and not the
/// text, and without secrets.
fn explain(path: &str, error: &serde_json::Error) -> String {
    if SECRETS.iter().any(|secret| path.ends_with(secret)) {
        return "wrong type".to_owned();
    }
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    one_line(text)
}

/// Text of another language in one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let text = text.trim().replace(char::is_control, " ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn refusal(what: &str, kind: ErrorKind, violations: Vec<Violation>) -> Error {
    let told = violations
        .iter()
        .map(|violation| match violation.field.as_str() {
            "" => violation.message.clone(),
            field => format!("{field}: {}", violation.message),
        });
    let message = format!("{what}: {}", told.collect::<Vec<_>>().join("; "));
    Error::new(kind, one_line(&message)).with_violations(violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::DeviceEvent;
    use crate::model::EncoderStatus;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> Error {
        read::<T>("status()", json, ErrorKind::DeviceProtocol).unwrap_err()
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named_by_their_path() {
        for (json, message) in [
            (
                r#"{"system":{"cpu":7}}"#,
                "status(): system.cpu: unknown key",
            ),
            (
                r#"{"active":{"speed":7},"extra":1}"#,
                "status(): active.speed: unknown key; extra: unknown key",
            ),
            (
                r#"{"system":{"cpu_percent":"7"}}"#,
                r#"status(): system.cpu_percent: invalid type: string "7", expected f64"#,
            ),
            (
                r#"{"media":[{"slot":"a"},{"slot":1}]}"#,
                "status(): media[1].slot: invalid type: integer `1`, expected a string",
            ),
            (
                "null",
                "status(): invalid type: null, expected struct EncoderStatus",
            ),
            ("{", "status(): EOF while parsing an object"),
            ("{} {}", "status(): trailing characters"),
        ] {
            let error = refused::<EncoderStatus>(json);
            assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
            assert_eq!(error.message(), message);
        }
    }

    #[test]
    fn an_array_is_no_object() {
        let array = read_object::<EncoderStatus>("status()", " []", ErrorKind::DeviceProtocol);
        let message = "status(): an array, where an object belongs";
        assert_eq!(array.unwrap_err().message(), message);
    }

    #[test]
    fn mistakes_inside_an_event_are_found() {
        let error = refused::<DeviceEvent>(r#"{"event":"snapshot","status":{"sytem":{}}}"#);
        assert_eq!(error.message(), "status(): status.sytem: unknown key");
        let error = refused::<DeviceEvent>(r#"{"event":"changed","change":{"temperature":"x"}}"#);
        assert!(
            error.message().contains("change.temperature: invalid type"),
            "{error}"
        );
    }

    #[test]
    fn secrets_stay_out_of_messages() {
        let json = r#"{"active":{"target":{"url":"rtmp://x","stream_key":4711}}}"#;
        let error = refused::<EncoderStatus>(json);
        assert_eq!(
            error.message(),
            "status(): active.target.stream_key: wrong type"
        );
        assert!(!format!("{error:?}").contains("4711"));
    }

    #[test]
    fn long_text_of_many_lines_becomes_one_line() {
        let text = one_line(&format!("Traceback\n{}", "ä".repeat(3000)));
        assert!(text.starts_with("Traceback ä") && text.chars().count() == LONGEST + 1);
    }
}
