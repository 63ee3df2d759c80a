//! Names and documents that four languages share.

use encoder_core::{ErrorKind, Manager, Retry};
use encoder_server::AppState;
use encoder_server::config::ServerConfig;
use serde_json::{Value, json};

#[test]
fn error_kinds_are_those_of_the_vector_file() {
    let file: Value = serde_json::from_str(include_str!("../vectors/errors.json")).unwrap();
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

/// The Python and Node clients are made from the file. `UPDATE_VECTORS=1` writes it anew.
#[tokio::test(start_paused = true)]
async fn the_openapi_document_is_that_of_the_vector_file() {
    let manager = Manager::builder().build().await.unwrap();
    let state = AppState::new(manager, ServerConfig::default());
    let document = encoder_server::document(&state);
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/openapi.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let file = std::fs::read_to_string(path).unwrap_or_default();
    let differs = file.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        file == text,
        "tests/vectors/openapi.json is not what the server says, from line {}; \
         UPDATE_VECTORS=1 writes it anew, then make the clients' types again",
        differs.map_or(file.lines().count(), |line| line) + 1
    );
}
