//! Decisions: the same arguments have the same outcome in every language.

use encoder_core::foreign::{COMPUTATIONS, compute};
use serde_json::{Value, json};

use crate::file;

const FILES: [&str; 4] = [
    "validator.json",
    "health.json",
    "balancing.json",
    "repairs.json",
];

/// The outcome as it stands in a file: what was answered, or what is wrong.
fn outcome(case: &Value) -> Value {
    let name = case["function"].as_str().expect("a function");
    match compute(name, &case["arguments"].to_string()) {
        Ok(answer) => json!({"result": serde_json::from_str::<Value>(&answer).unwrap()}),
        Err(error) => {
            let rules = error.violations().iter();
            let rules = rules.map(|rule| json!({"field": rule.field, "code": rule.code}));
            json!({"error": {"code": error.kind().as_str(), "violations": rules.collect::<Vec<_>>()}})
        }
    }
}

#[test]
fn decisions_are_those_of_the_vector_files() {
    for name in FILES {
        let mut cases = file::read(name);
        for case in cases.as_array_mut().expect("a list of cases") {
            let title = case["case"].as_str().expect("a title").to_owned();
            let found = outcome(case);
            if !file::updates() {
                assert_eq!(found, case["outcome"], "{name}: {title}");
            }
            case["outcome"] = found;
        }
        file::assert_is(name, &file::pretty(&cases));
    }
}

#[test]
fn every_function_has_a_case_and_a_refusal() {
    let files = FILES.map(file::read);
    let cases: Vec<_> = files
        .iter()
        .flat_map(|file| file.as_array().unwrap())
        .collect();
    for function in COMPUTATIONS {
        // Plain settings are in documents.json.
        if *function == "default_config" {
            continue;
        }
        let of = |key: &str| {
            let mut cases = cases.iter().filter(|case| case["function"] == *function);
            cases.any(|case| case["outcome"].get(key).is_some())
        };
        assert!(of("result"), "{function} has no case");
        assert!(of("error"), "{function} has no case that is refused");
    }
}
