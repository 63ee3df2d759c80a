//! The files.

use std::path::PathBuf;

use serde_json::Value;

/// The file of that name.
pub(crate) fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "vectors", name]
        .iter()
        .collect()
}

/// What is in it.
pub(crate) fn read(name: &str) -> Value {
    let text =
        std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether files are to be written anew.
pub(crate) fn updates() -> bool {
    std::env::var_os("UPDATE_VECTORS").is_some()
}

/// A document as it stands in a file.
pub(crate) fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap() + "\n"
}

/// Fails where the file holds something else.
pub(crate) fn assert_is(name: &str, text: &str) {
    if updates() {
        std::fs::write(path(name), text).unwrap();
    }
    let file = std::fs::read_to_string(path(name)).unwrap_or_default();
    let differs = file.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        file == text,
        "tests/vectors/{name} is not what the code says, from line {}; UPDATE_VECTORS=1 writes it \
         anew, then make the types of the bindings again",
        differs.map_or(file.lines().count(), |line| line) + 1
    );
}
