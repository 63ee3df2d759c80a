//! Who is told. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::matcher::AlertMatcher;
use super::notice::NoticeAlert;
use crate::model::Severity;

/// Alerts, and the sinks that are told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AlertRoute {
    /// Which alerts; left out, all.
    #[serde(rename = "match")]
    pub matches: AlertMatcher,
    /// Names of sinks. None is a way to tell nobody.
    pub sinks: Vec<String>,
    /// Whether later routes are looked at as well.
    #[serde(rename = "continue")]
    pub goes_on: bool,
}

/// The kinds of sinks that are told of critical alerts by default.
const PAGERS: [&str; 2] = ["telegram", "email"];

/// The routes for sinks of these names and kinds when none are configured.
pub(crate) fn defaults<'a>(sinks: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<AlertRoute> {
    let sinks: Vec<_> = sinks.into_iter().collect();
    let named = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let wanted = sinks.iter().filter(|(_, kind)| wanted(kind));
        wanted.map(|(name, _)| (*name).to_owned()).collect()
    };
    let mails = named(&|kind| kind == "email");
    let pagers = named(&|kind| PAGERS.contains(&kind));
    let everything = AlertRoute {
        sinks: named(&|kind| !PAGERS.contains(&kind)),
        goes_on: true,
        ..AlertRoute::default()
    };
    let critical = AlertRoute {
        matches: AlertMatcher {
            severity: vec![Severity::Critical],
            ..AlertMatcher::default()
        },
        sinks: pagers.clone(),
        ..AlertRoute::default()
    };
    let rest = AlertRoute {
        sinks: if mails.is_empty() { pagers } else { mails },
        ..AlertRoute::default()
    };
    vec![everything, critical, rest]
}

/// The sinks that are told of an alert.
pub(crate) fn sinks_for(routes: &[AlertRoute], alert: &NoticeAlert) -> BTreeSet<String> {
    let mut sinks = BTreeSet::new();
    for route in routes.iter().filter(|route| route.matches.matches(alert)) {
        sinks.extend(route.sinks.iter().cloned());
        if !route.goes_on {
            break;
        }
    }
    sinks
}

#[cfg(test)]
mod tests {
    use super::super::testing::{alert, of_encoder};
    use super::*;

    const SINKS: [(&str, &str); 4] = [
        ("am", "alertmanager"),
        ("mail", "email"),
        ("phone", "telegram"),
        ("hook", "webhook"),
    ];

    fn told(routes: &[AlertRoute], severity: Severity) -> Vec<String> {
        let alert = of_encoder("device_silent", severity, "helo-1");
        sinks_for(routes, &alert).into_iter().collect()
    }

    #[test]
    fn critical_goes_to_telegram_and_email_and_the_rest_to_email() {
        let routes = defaults(SINKS);
        let critical = told(&routes, Severity::Critical);
        assert_eq!(critical, ["am", "hook", "mail", "phone"]);
        assert_eq!(told(&routes, Severity::Warning), ["am", "hook", "mail"]);
        assert_eq!(told(&routes, Severity::Info), ["am", "hook", "mail"]);
        let alone = defaults([("phone", "telegram")]);
        assert_eq!(told(&alone, Severity::Warning), ["phone"]);
    }

    #[test]
    fn first_match_decides_unless_it_goes_on() {
        let of = |code: &str, sink: &str, goes_on| AlertRoute {
            matches: AlertMatcher {
                code: vec![code.to_owned()],
                ..AlertMatcher::default()
            },
            sinks: vec![sink.to_owned()],
            goes_on,
        };
        let last = AlertRoute {
            sinks: vec!["c".to_owned()],
            ..AlertRoute::default()
        };
        let routes = [
            of("cpu_high", "a", true),
            of("cpu_high", "b", false),
            of("input_lost", "d", false),
            last,
        ];
        let to = |code| -> Vec<_> {
            let alert = alert(code, Severity::Warning);
            sinks_for(&routes, &alert).into_iter().collect()
        };
        assert_eq!(to("cpu_high"), ["a", "b"]);
        assert_eq!(to("input_lost"), ["d"]);
        assert_eq!(to("other"), ["c"]);
    }
}
