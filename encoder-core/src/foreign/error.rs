//! Errors as documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::one_line;
use crate::error::{Error, ErrorKind, Retry};
use crate::model::Violation;

#[derive(Serialize, Deserialize)]
struct ErrorDocument {
    code: String,
    #[serde(default)]
    retry: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    violations: Vec<Violation>,
}

/// An error as it crosses to another language: `code`, `retry`, `message`, `operation` or null,
/// `context` as an object of texts, and `violations`.
pub fn error_document(error: &Error) -> String {
    let context = error.context().iter();
    let document = ErrorDocument {
        code: error.kind().as_str().to_owned(),
        retry: Some(error.retry().as_str().to_owned()),
        message: error.message().to_owned(),
        operation: error.operation().map(str::to_owned),
        context: context
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect(),
        violations: error.violations().to_vec(),
    };
    serde_json::to_string(&document).expect("texts and violations have JSON")
}

/// The error that a document of another language stands for, the reverse of [`error_document`].
///
/// Everything but `code` may be missing. A `code` that is not known and a text that is no such
/// document are [`ErrorKind::Unexpected`] with the text as message: an error about an error would
/// hide the first.
pub fn read_error(document: &str) -> Error {
    let Ok(read) = serde_json::from_str::<ErrorDocument>(document) else {
        return Error::new(ErrorKind::Unexpected, one_line(document));
    };
    let kind = ErrorKind::named(&read.code).unwrap_or(ErrorKind::Unexpected);
    let retry = read.retry.as_deref().and_then(Retry::named);
    let mut error = Error::new(kind, one_line(&read.message))
        .with_retry(retry.unwrap_or_default())
        .with_violations(read.violations);
    if let Some(operation) = read.operation {
        error = error.with_operation(one_line(&operation));
    }
    for (key, value) in read.context {
        error = error.with_context(one_line(&key), one_line(&value));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_survive_json() {
        let error = Error::new(ErrorKind::DeviceUnreachable, "no answer")
            .with_operation("EncoderDriver::status")
            .with_context("encoder", "helo-1")
            .with_retry(Retry::Safe)
            .with_violations(vec![Violation::new(
                "bitrate",
                "too_high",
                "at most 8 Mbit/s",
            )]);
        let read = read_error(&error_document(&error));
        assert_eq!(read.to_string(), error.to_string());
        assert_eq!((read.kind(), read.retry()), (error.kind(), error.retry()));
        assert_eq!(read.violations(), error.violations());
    }

    #[test]
    fn what_is_no_error_document_is_told_all_the_same() {
        let raised = read_error("ZeroDivisionError:\n division by zero");
        assert_eq!(raised.kind(), ErrorKind::Unexpected);
        assert_eq!(raised.message(), "ZeroDivisionError:  division by zero");
        let unknown = read_error(r#"{"code": "on_fire", "message": "hot"}"#);
        assert_eq!(
            (unknown.kind(), unknown.message()),
            (ErrorKind::Unexpected, "hot")
        );
    }
}
