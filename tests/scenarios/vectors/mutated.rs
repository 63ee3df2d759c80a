//! Documents that nobody meant: whatever comes, the answer is an answer or a typed error.
//! `PROPTEST_CASES` says how many are tried; the default is 256 of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use encoder_core::foreign::{
    COMPUTATIONS, Engine, ManagerOptions, compute, error_document, read_error,
};
use encoder_core::model::{EncoderId, EncoderSpec};
use encoder_core::testkit::{FakeEncoder, FakeEncoderFactory};
use encoder_core::{ErrorKind, Manager};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use crate::file;

fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![0.0, -0.0, 1e308, -1e308, 5e-324, 1e18, -1.5]).prop_map(Value::from),
    ]
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any_number(),
        "[ -~]{0,12}|\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,10}", inner, 0..4)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// All places in a document, itself the first.
fn places(document: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match document {
        Value::Object(fields) => {
            for (key, inner) in fields {
                places(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// What is done to a document: something is put in the place of something else, a number mostly in
/// the place of a number.
#[derive(Clone, Debug)]
struct Mutation {
    place: Index,
    anything: Value,
    number: Value,
    keeps_kind: bool,
}

fn mutated(mut document: Value, mutations: &[Mutation]) -> Value {
    for mutation in mutations {
        let mut all = Vec::new();
        places(&document, "", &mut all);
        if let Some(found) = document.pointer_mut(mutation.place.get(&all[..]).as_str()) {
            let keeps = mutation.keeps_kind && found.is_number();
            let value = if keeps {
                &mutation.number
            } else {
                &mutation.anything
            };
            *found = value.clone();
        }
    }
    document
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let keeps_kind = prop::bool::weighted(0.8);
    let parts = (any::<Index>(), any_document(), any_number(), keeps_kind);
    let mutation = parts.prop_map(|(place, anything, number, keeps_kind)| Mutation {
        place,
        anything,
        number,
        keeps_kind,
    });
    prop::collection::vec(mutation, 1..4)
}

/// Every case of the vector files, as function and arguments.
fn cases() -> Vec<(String, Value)> {
    let files = [
        "validator.json",
        "health.json",
        "balancing.json",
        "repairs.json",
    ]
    .map(file::read);
    let cases = files.iter().flat_map(|file| file.as_array().unwrap());
    let case = |case: &Value| {
        (
            case["function"].as_str().unwrap().to_owned(),
            case["arguments"].clone(),
        )
    };
    cases.map(case).collect()
}

fn expected(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ValidationFailed
            | ErrorKind::ConfigInvalid
            | ErrorKind::NotFound
            | ErrorKind::Unsupported
    )
}

fn check(what: &str, arguments: &str, call: impl FnOnce() -> encoder_core::Result<String>) {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => {
            let read = serde_json::from_str::<Value>(&answer);
            assert!(read.is_ok(), "{what}({arguments}) answered {answer}");
        }
        Ok(Err(error)) => {
            assert!(expected(error.kind()), "{what}({arguments}): {error:?}");
            let told = error.to_string();
            assert!(
                !told.contains('\n') && told.len() < 4000,
                "{what}({arguments}): {told}"
            );
        }
        Err(_) => panic!("{what}({arguments}) panicked"),
    }
}

proptest! {
    #[test]
    fn decisions_take_whatever_comes(case in select(cases()), mutations in mutations()) {
        let (function, arguments) = case;
        let arguments = mutated(arguments, &mutations).to_string();
        check(&function, &arguments, || compute(&function, &arguments));
    }

    #[test]
    fn decisions_take_any_text(function in select(COMPUTATIONS.to_vec()), text in "\\PC{0,40}") {
        check(function, &text, || compute(function, &text));
    }

    #[test]
    fn options_take_whatever_comes(mutations in mutations()) {
        let config = file::read("documents.json")["documents"]["ManagerConfig"].clone();
        let options = serde_json::json!({"config": config, "encoders": [], "store": null, "foreign": {}});
        let options = mutated(options, &mutations).to_string();
        let read = || ManagerOptions::read(&options).map(|_| "{}".to_owned());
        check("options", &options, read);
    }

    #[test]
    fn errors_of_any_text_are_errors(text in "\\PC{0,60}") {
        let error = read_error(&text);
        let again = read_error(&error_document(&error));
        prop_assert_eq!(error.to_string(), again.to_string());
    }
}

/// An engine with one encoder, and the runtime that it lives in.
fn engine() -> (tokio::runtime::Runtime, Engine) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let engine = runtime.block_on(async {
        let encoder = FakeEncoder::new("helo-1");
        let factory = FakeEncoderFactory::new().with(&encoder);
        let spec = EncoderSpec::new(EncoderId::try_new("helo-1").unwrap(), "fake");
        let builder = Manager::builder().with_driver_factory(Arc::new(factory));
        let builder = builder.with_encoder(spec.with_driver("fake"));
        Engine::new(builder.build().await.unwrap())
    });
    (runtime, engine)
}

#[test]
fn commands_take_whatever_comes() {
    let (runtime, engine) = engine();
    let fields = serde_json::json!({
        "encoder_id": "helo-1", "stream_id": "str_1", "request": {}, "changes": {}, "encoder": {},
        "action": {"action": "reboot"}, "silence": {}, "sink": "mail", "from": "2026-11-26T08:00:00Z",
        "deadline_seconds": 0.0, "wait_live_seconds": 0.0, "step_seconds": 1, "stream_key": "abcdefghij",
    });
    let names = [Engine::READS, Engine::ACTS].concat();
    let strategy = (
        select(names),
        prop::collection::vec(any::<Index>(), 0..4),
        mutations(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let outcome = runner.run(&strategy, |(name, kept, mutations)| {
        let all: Vec<_> = fields.as_object().unwrap().iter().collect();
        let kept = kept.iter().map(|index| index.get(&all));
        let arguments = kept.map(|(key, value)| ((*key).clone(), (*value).clone()));
        let arguments =
            mutated(Value::from(arguments.collect::<Map<_, _>>()), &mutations).to_string();
        let call = || match Engine::READS.contains(&name) {
            true => engine.read(name, &arguments),
            false => runtime.block_on(engine.act(name, &arguments)),
        };
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(_) => Ok(()),
            Err(_) => Err(TestCaseError::fail(format!("{name}({arguments}) panicked"))),
        }
    });
    outcome.unwrap();
    runtime.block_on(engine.manager().shutdown());
}
