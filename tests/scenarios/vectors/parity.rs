//! What the library offers and the bindings therefore must: `tests/vectors/api.json`.
//!
//! Whatever of the manager is no command needs a reason there; each binding's own tests compare
//! their methods with the commands of the same file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use encoder_core::foreign::{COMPUTATIONS, Engine};
use serde_json::{Value, json};
use syn::{ImplItem, Item, Type, Visibility};

use crate::file;

const FILE: &str = "api.json";

fn sources() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "encoder-core", "src"]
        .iter()
        .collect()
}

fn parse(path: &Path) -> syn::File {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Public methods of `Manager`, wherever they are written down.
fn methods_of_the_manager() -> BTreeSet<String> {
    let folder = std::fs::read_dir(sources().join("manager")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut methods = BTreeSet::new();
    for path in files.chain([sources().join("manager.rs")]) {
        for item in parse(&path).items {
            let Item::Impl(block) = item else { continue };
            let Type::Path(of) = block.self_ty.as_ref() else {
                continue;
            };
            if block.trait_.is_some() || !of.path.is_ident("Manager") {
                continue;
            }
            for item in block.items {
                if let ImplItem::Fn(method) = item
                    && matches!(method.vis, Visibility::Public(_))
                {
                    methods.insert(method.sig.ident.to_string());
                }
            }
        }
    }
    methods
}

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(reasons) => reasons.keys().cloned().collect(),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect(),
        other => panic!("{other} holds no names"),
    }
}

#[test]
fn commands_are_those_of_the_vector_file() {
    let mut api = file::read(FILE);
    api["reads"] = json!(Engine::READS);
    api["acts"] = json!(Engine::ACTS);
    api["computations"] = json!(COMPUTATIONS);
    file::assert_is(FILE, &file::pretty(&api));
}

#[test]
fn every_method_of_the_manager_is_a_command_or_has_a_reason() {
    let api = file::read(FILE);
    let offered: BTreeSet<_> = names(&api["reads"])
        .union(&names(&api["acts"]))
        .cloned()
        .collect();
    let excused = names(&api["methods_without_command"]);
    let methods = methods_of_the_manager();
    assert!(
        methods.len() > 40,
        "the sources were not understood: {methods:?}"
    );
    let missing: Vec<_> = methods
        .difference(&offered)
        .filter(|name| !excused.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "neither a command nor a reason in {FILE}: {missing:?}"
    );
    let stale: Vec<_> = excused
        .difference(&methods)
        .chain(excused.intersection(&offered))
        .collect();
    assert!(
        stale.is_empty(),
        "reasons in {FILE} for what is not there, or is a command: {stale:?}"
    );
}

#[test]
fn every_trait_of_the_library_is_for_plugins_or_has_a_reason() {
    let api = file::read(FILE);
    let mut traits = BTreeSet::new();
    let mut folders = vec![sources()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let public = parse(&path)
                    .items
                    .into_iter()
                    .filter_map(|item| match item {
                        Item::Trait(one) if matches!(one.vis, Visibility::Public(_)) => {
                            Some(one.ident.to_string())
                        }
                        _ => None,
                    });
                traits.extend(public);
            }
        }
    }
    let known: BTreeSet<_> = names(&api["plugins"])
        .union(&names(&api["traits_without_plugin"]))
        .cloned()
        .collect();
    assert_eq!(
        traits, known,
        "traits of the library, and those that {FILE} knows"
    );
}

#[test]
fn every_reason_says_something() {
    let api = file::read(FILE);
    for list in ["methods_without_command", "traits_without_plugin"] {
        for (name, reason) in api[list].as_object().unwrap() {
            assert!(
                reason.as_str().is_some_and(|reason| reason.len() > 20),
                "{list}: {name}"
            );
        }
    }
}
