//! The shipped files, as data.

use std::collections::BTreeSet;
use std::path::PathBuf;

use encoder_tests::shipped;
use figment::Figment;
use figment::providers::{Format, Yaml};
use serde_json::Value;

/// A query, and where it stands.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) place: String,
    pub(crate) text: String,
    /// Labels that are shown of its series.
    pub(crate) labels: BTreeSet<String>,
}

/// All files of a folder with that ending, by name.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shipped(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

pub(crate) fn yaml(path: &PathBuf) -> Value {
    let read = Figment::from(Yaml::file_exact(path)).extract();
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The elements of an array, or none.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// All rules, alerting and recording.
pub(crate) fn rules() -> Vec<Value> {
    let documents = files("prometheus/rules", "yml");
    let groups = documents
        .iter()
        .flat_map(|path| items(&yaml(path)["groups"]).to_vec());
    groups
        .flat_map(|group| items(&group["rules"]).to_vec())
        .collect()
}

pub(crate) fn alerts() -> Vec<Value> {
    let all = rules().into_iter();
    all.filter(|rule| rule["alert"].is_string()).collect()
}

/// All dashboards, by name of their file.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let paths = files("grafana/dashboards", "json").into_iter();
    let read = paths.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let json = std::fs::read_to_string(&path).unwrap();
        (name, serde_json::from_str(&json).unwrap())
    });
    read.collect()
}

/// What the rules ask.
pub(crate) fn rule_queries() -> Vec<Query> {
    let query = |rule: Value| {
        let name = rule.get("alert").or_else(|| rule.get("record"));
        Query {
            place: format!("rule {}", text(name.unwrap())),
            text: text(&rule["expr"]).to_owned(),
            labels: BTreeSet::new(),
        }
    };
    rules().into_iter().map(query).collect()
}

/// What a dashboard asks: its panels and its notes.
pub(crate) fn dashboard_queries(name: &str, dashboard: &Value) -> Vec<Query> {
    let panels = items(&dashboard["panels"]).iter().flat_map(|panel| {
        let targets = items(&panel["targets"]).iter();
        targets.map(|target| {
            (
                &panel["title"],
                &target["expr"],
                labels(&target["legendFormat"]),
            )
        })
    });
    let notes = items(&dashboard["annotations"]["list"]).iter();
    let notes = notes.map(|note| {
        let keys = text(&note["tagKeys"]).split(',');
        let keys = keys.map(str::to_owned).collect();
        (&note["name"], &note["expr"], keys)
    });
    panels
        .chain(notes)
        .map(|(title, expr, labels)| Query {
            place: format!("{name}: {}", text(title)),
            text: text(expr).to_owned(),
            labels,
        })
        .collect()
}

/// The labels in a legend such as `{{encoder_id}} {{medium}}`.
fn labels(legend: &Value) -> BTreeSet<String> {
    let parts = text(legend).split("{{").skip(1);
    let names = parts.filter_map(|part| Some(part.split_once("}}")?.0.to_owned()));
    names.collect()
}

/// Names of metrics in a query: recorded ones have a colon, ours and the process's have a prefix.
pub(crate) fn metrics(query: &str) -> BTreeSet<String> {
    let outside: String = query.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = outside.split(|c| !part_of_name(c));
    let ours = words.filter(|word| {
        let prefixed = ["encoder_", "process_"]
            .iter()
            .any(|prefix| word.starts_with(prefix));
        *word != "encoder_id" && (prefixed || word.contains(':'))
    });
    ours.map(str::to_owned).collect()
}

#[test]
fn names_are_found_outside_of_quotation_marks_and_labels() {
    let query = r#"sum by (encoder_id) (encoder_state{state="encoder_x"} / a:b:c) > process_y"#;
    let found: Vec<_> = metrics(query).into_iter().collect();
    assert_eq!(found, ["a:b:c", "encoder_state", "process_y"]);
}
