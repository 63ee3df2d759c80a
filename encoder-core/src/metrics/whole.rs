//! What can be read of the fleet as a whole.

use std::collections::BTreeMap;

use super::declare::{Declaration, Unit};
use super::mirror::{Known, Reading};
use super::stream::{StreamSample, lasting};
use crate::model::{AlertState, Severity};

/// Counts over everything.
#[derive(Debug)]
pub(super) struct Whole {
    streams: BTreeMap<&'static str, usize>,
    alerts: BTreeMap<(Severity, &'static str), usize>,
}

impl Whole {
    pub(super) fn new(known: &Known, streams: &[StreamSample]) -> Self {
        let mut counted = Self {
            streams: BTreeMap::new(),
            alerts: BTreeMap::new(),
        };
        for stream in streams {
            let state = stream.view.record.state.as_str();
            *counted.streams.entry(state).or_default() += 1;
        }
        for alert in &known.alerts {
            if let Some(state) = open(alert.state) {
                *counted.alerts.entry((alert.severity, state)).or_default() += 1;
            }
        }
        counted
    }
}

/// The name of a state that lasts; what is resolved is history.
const fn open(state: AlertState) -> Option<&'static str> {
    match state {
        AlertState::Firing => Some("firing"),
        AlertState::Acknowledged => Some("acknowledged"),
        AlertState::Resolved => None,
    }
}

type Of = Reading<Whole>;

pub(super) static READINGS: [Of; 2] = [
    Of::several(
        Declaration::gauge(
            "encoder_streams",
            Unit::Count,
            &["state"],
            "Streams by state; those that were stopped are no longer counted.",
        ),
        |whole, to| {
            for state in lasting() {
                let count = whole.streams.get(state.as_str()).copied();
                to.put(&[state.as_str()], count.unwrap_or(0) as f64);
            }
        },
    ),
    Of::several(
        Declaration::gauge(
            "encoder_alerts",
            Unit::Count,
            &["severity", "state"],
            "Alerts that are not resolved.",
        ),
        |whole, to| {
            for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
                for state in ["firing", "acknowledged"] {
                    let count = whole.alerts.get(&(severity, state)).copied();
                    to.put(&[severity.as_str(), state], count.unwrap_or(0) as f64);
                }
            }
        },
    ),
];
