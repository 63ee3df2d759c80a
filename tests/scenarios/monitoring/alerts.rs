//! The alerting rules, their tests and their runbooks.

use std::collections::{BTreeMap, BTreeSet};

use encoder_tests::shipped;

use crate::shipped::{alerts, files, items, rules, text, yaml};

const RUNBOOKS: &str = include_str!("../../../encoder-core/src/docs/runbooks.md");
const PUBLISHED: &str =
    "https://docs.rs/encoder-core/latest/encoder_core/docs/runbooks/index.html#";

fn names() -> BTreeSet<String> {
    let all = alerts();
    let names = all.iter().map(|alert| text(&alert["alert"]).to_owned());
    names.collect()
}

#[test]
fn every_alert_says_how_bad_it_is_what_is_wrong_and_where_to_read_on() {
    for alert in alerts() {
        let name = text(&alert["alert"]);
        let (labels, notes) = (&alert["labels"], &alert["annotations"]);
        let severity = text(&labels["severity"]);
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: {severity}"
        );
        assert_eq!(labels["service"], "encoder-manager", "{name}");
        let component = text(&labels["component"]);
        let known = ["manager", "stream", "encoder", "storage", "certificate"];
        assert!(known.contains(&component), "{name}: {component}");
        for part in ["summary", "description"] {
            assert!(!text(&notes[part]).is_empty(), "{name} has no {part}");
        }
        let runbook = format!("{PUBLISHED}{}", name.to_lowercase());
        assert_eq!(notes["runbook_url"], runbook, "{name}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let headings = RUNBOOKS.lines().filter_map(|line| line.strip_prefix("## "));
    let written: BTreeSet<_> = headings.map(str::to_owned).collect();
    assert_eq!(written, names());
}

#[test]
fn the_table_of_runbooks_says_how_bad_each_is_and_when() {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for alert in alerts() {
        let severity = text(&alert["labels"]["severity"]);
        let when = match alert["for"].as_str() {
            Some(span) => format!("{severity} after {span}"),
            None => format!("{severity} at once"),
        };
        let name = text(&alert["alert"]).to_owned();
        told.entry(name).or_default().push(when);
    }
    for (name, when) in told {
        let anchor = name.to_lowercase();
        let row = format!("| [{name}](#{anchor}) | {} |", when.join(", "));
        assert!(RUNBOOKS.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn every_runbook_answers_the_same_questions() {
    let mut sections = RUNBOOKS.split("\n## ");
    sections.next();
    for section in sections {
        let name = section.lines().next().unwrap_or_default();
        let questions = [
            "- **On air?**",
            "- **First look.**",
            "- **By itself.**",
            "- **Do.**",
            "- **Escalate**",
        ];
        for question in questions {
            assert!(section.contains(question), "{name} lacks {question}");
        }
    }
}

#[test]
fn links_within_the_runbooks_lead_somewhere() {
    let anchors: BTreeSet<_> = names().iter().map(|name| name.to_lowercase()).collect();
    let links = RUNBOOKS.split("](#").skip(1);
    for link in links {
        let anchor = link.split(')').next().unwrap_or_default();
        assert!(anchors.contains(anchor), "#{anchor}");
    }
}

#[test]
fn every_alert_is_seen_firing_and_not_firing() {
    let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for path in files("prometheus/tests", "yml") {
        let document = yaml(&path);
        let tests = items(&document["tests"]).iter();
        for looked in tests.flat_map(|test| items(&test["alert_rule_test"])) {
            let fires = !items(&looked["exp_alerts"]).is_empty();
            let name = text(&looked["alertname"]).to_owned();
            seen.entry(name).or_default().insert(fires);
        }
    }
    let both = seen.iter().filter(|(_, fires)| fires.len() == 2);
    let both: BTreeSet<_> = both.map(|(name, _)| name.clone()).collect();
    assert_eq!(both, names());
}

#[test]
fn recorded_names_are_used_and_used_ones_are_recorded() {
    let all = rules();
    let recorded: BTreeSet<_> = all
        .iter()
        .filter_map(|rule| rule["record"].as_str().map(str::to_owned))
        .collect();
    let dashboards = crate::shipped::dashboards();
    let panels = dashboards
        .iter()
        .flat_map(|(name, board)| crate::shipped::dashboard_queries(name, board));
    let queries = crate::shipped::rule_queries().into_iter().chain(panels);
    let used: BTreeSet<_> = queries
        .flat_map(|query| crate::shipped::metrics(&query.text))
        .filter(|name| name.contains(':'))
        .collect();
    assert_eq!(used, recorded);
}

#[test]
fn nothing_is_held_back_by_an_alert_that_does_not_exist() {
    let config = yaml(&shipped("alertmanager/alertmanager.yml"));
    let known = names();
    let mut told = 0;
    for rule in items(&config["inhibit_rules"]) {
        let matchers = ["source_matchers", "target_matchers"];
        let all = matchers.iter().flat_map(|side| items(&rule[*side]));
        for matcher in all.map(text).filter(|m| m.starts_with("alertname")) {
            let wanted = matcher.split('"').nth(1).unwrap();
            for name in wanted.split('|') {
                assert!(known.contains(name), "{name} in {matcher}");
                told += 1;
            }
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn secrets_are_in_files_of_their_own() {
    for path in [
        "prometheus/prometheus.yml",
        "alertmanager/alertmanager.yml",
        "grafana/provisioning/datasources/prometheus.yml",
        "grafana/provisioning/dashboards/encoder-manager.yml",
    ] {
        let text = std::fs::read_to_string(shipped(path)).unwrap();
        let keys = text.lines().filter_map(|line| line.split_once(':'));
        for (key, value) in keys {
            let key = key.trim_start_matches(['-', ' ']);
            let secret = ["password", "credentials", "token", "secret", "api_key"]
                .iter()
                .any(|word| key.ends_with(word));
            assert!(!secret || value.trim().is_empty(), "{path}: {key}");
        }
    }
    let scraped = yaml(&shipped("prometheus/prometheus.yml"));
    let job = &scraped["scrape_configs"][0];
    assert_eq!(job["job_name"], "encoder-manager");
    let file = &job["authorization"]["credentials_file"];
    assert_eq!(*file, "secrets/encoder-manager-key");
}
