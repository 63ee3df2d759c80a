//! Error kinds and their names.

use encoder_core::{ErrorKind, Retry};
use serde_json::{Value, json};

#[test]
fn error_kinds_are_those_of_the_vector_file() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/errors.json")).unwrap();
    let kinds: Vec<_> = ErrorKind::ALL
        .iter()
        .map(|kind| json!({"kind": format!("{kind:?}"), "code": kind.as_str()}))
        .collect();
    assert_eq!(file["kinds"], Value::from(kinds));
    let retry = [Retry::Never, Retry::Safe, Retry::Exhausted].map(Retry::as_str);
    assert_eq!(file["retry"], json!(retry));
}

#[test]
fn every_error_kind_has_an_http_status() {
    for kind in ErrorKind::ALL {
        let status = encoder_server::problem::status_of(kind).as_u16();
        let internal = matches!(kind, ErrorKind::ConfigInvalid | ErrorKind::Unexpected);
        assert_eq!(status == 500, internal, "{kind}");
        assert!((400..=504).contains(&status), "{kind}: {status}");
    }
}
