//! The dashboards as Grafana reads them.

use std::collections::BTreeSet;
use std::process::Command;

use encoder_tests::{installed, shipped};
use serde_json::{Value, json};

use crate::shipped::{dashboard_queries, dashboards, items, text};

/// The fields of all objects, wherever they are.
fn everywhere<'a>(document: &'a Value, field: &str, found: &mut Vec<&'a Value>) {
    match document {
        Value::Object(fields) => {
            found.extend(fields.get(field));
            fields
                .values()
                .for_each(|value| everywhere(value, field, found));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| everywhere(value, field, found)),
        _ => {}
    }
}

#[test]
fn every_dashboard_has_a_name_of_its_own_and_asks_whom_the_reader_chose() {
    let mut names = BTreeSet::new();
    for (file, board) in dashboards() {
        for field in ["uid", "title"] {
            assert!(!text(&board[field]).is_empty(), "{file} has no {field}");
            assert!(
                names.insert(text(&board[field]).to_owned()),
                "{file}: {field} is taken"
            );
        }
        assert_eq!(board["id"], Value::Null, "{file}: ids are Grafana's");
        let variables = items(&board["templating"]["list"]);
        assert_eq!(variables[0]["name"], "datasource", "{file}");
        assert_eq!(variables[0]["type"], "datasource", "{file}");
        assert_eq!(variables[0]["query"], "prometheus", "{file}");
        let mut sources = Vec::new();
        everywhere(&board, "datasource", &mut sources);
        assert!(sources.len() > 10, "{file}");
        for source in sources {
            let chosen = json!({"type": "prometheus", "uid": "${datasource}"});
            assert_eq!(*source, chosen, "{file}");
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for (file, board) in dashboards() {
        let mut ids = BTreeSet::new();
        let mut titles = BTreeSet::new();
        for panel in items(&board["panels"]) {
            let title = text(&panel["title"]);
            assert!(titles.insert(title), "{file}: {title:?} twice or empty");
            assert!(
                ids.insert(panel["id"].as_u64()),
                "{file}: {title}: its id is taken"
            );
            let about = text(&panel["description"]);
            assert!(
                about.ends_with('.'),
                "{file}: {title}: {about:?} is no sentence"
            );
            let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
            assert!(!unit.is_empty(), "{file}: {title} has no unit");
            let targets = items(&panel["targets"]);
            assert!(!targets.is_empty(), "{file}: {title} asks nothing");
            let ids: BTreeSet<_> = targets
                .iter()
                .map(|target| text(&target["refId"]))
                .collect();
            assert_eq!(ids.len(), targets.len(), "{file}: {title}");
        }
    }
}

#[test]
fn panels_stand_side_by_side() {
    for (file, board) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in items(&board["panels"]) {
            let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            let (left, top) = (place("x"), place("y"));
            let (right, bottom) = (left + place("w"), top + place("h"));
            assert!(right <= 24, "{file}: {}", panel["title"]);
            for x in left..right {
                for y in top..bottom {
                    assert!(taken.insert((x, y)), "{file}: {} overlaps", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn variables_that_queries_use_exist() {
    let of_grafana = ["__rate_interval", "__range"];
    for (file, board) in dashboards() {
        let variables = items(&board["templating"]["list"]);
        let known: BTreeSet<_> = variables
            .iter()
            .map(|variable| text(&variable["name"]))
            .collect();
        let queries = dashboard_queries(&file, &board).into_iter();
        let queries: String = queries.map(|query| query.text).collect();
        let choices: String = variables
            .iter()
            .map(|one| text(&one["definition"]))
            .collect();
        for used in [queries, choices].concat().split('$').skip(1) {
            let used = used.trim_start_matches('{');
            let end = used.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let name = &used[..end.unwrap_or(used.len())];
            // `$1` is of a regular expression.
            let found = known.contains(name) || of_grafana.contains(&name) || name == "1";
            assert!(found, "{file}: ${name}");
        }
    }
}

#[test]
fn the_files_are_what_the_script_writes() {
    if !installed("python3", "python3") {
        return;
    }
    let checked = Command::new("python3")
        .arg(shipped("grafana/build.py"))
        .arg("--check")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&checked.stdout);
    let error = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{told}{error}");
}
