//! A [`History`] as the document that `assess` takes.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::health::{Contact, ContactOutcome, History, Load};
use crate::model::{Assessment, EncoderStatus, Timestamp};

#[derive(Serialize)]
pub(super) struct HistoryDocument<'a> {
    now: Timestamp,
    status: Option<&'a EncoderStatus>,
    contacts: Vec<ContactEntry>,
    temperatures: Vec<TemperatureEntry>,
    loads: Vec<LoadEntry>,
    publishing_intended_for_seconds: Option<f64>,
    stream_state_for_seconds: Option<f64>,
    assessment: &'a Assessment,
}

#[derive(Serialize)]
struct ContactEntry {
    age_seconds: f64,
    outcome: &'static str,
    latency_ms: Option<f64>,
    error: Option<&'static str>,
}

#[derive(Serialize)]
struct TemperatureEntry {
    age_seconds: f64,
    celsius: f64,
}

#[derive(Serialize)]
struct LoadEntry {
    age_seconds: f64,
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    storage_percent: Option<f64>,
}

impl<'a> HistoryDocument<'a> {
    pub(super) fn new(history: &'a History, now: Instant, assessment: &'a Assessment) -> Self {
        let age = |at: Instant| now.saturating_duration_since(at).as_secs_f64();
        let temperature = |(at, celsius)| TemperatureEntry {
            age_seconds: age(at),
            celsius,
        };
        let load = |load: &Load| LoadEntry {
            age_seconds: age(load.at),
            cpu_percent: load.cpu_percent,
            memory_percent: load.memory_percent,
            storage_percent: load.storage_percent,
        };
        Self {
            now: history.wall(now),
            status: history.status(),
            contacts: history
                .contacts()
                .map(|contact| entry(contact, age(contact.at)))
                .collect(),
            temperatures: history.temperatures().map(temperature).collect(),
            loads: history.loads().map(load).collect(),
            publishing_intended_for_seconds: history.publishing_intended_since().map(age),
            stream_state_for_seconds: history.stream_state_since().map(age),
            assessment,
        }
    }
}

fn entry(contact: &Contact, age_seconds: f64) -> ContactEntry {
    ContactEntry {
        age_seconds,
        outcome: match contact.outcome {
            ContactOutcome::Answered { .. } => "answered",
            ContactOutcome::Spoke => "spoke",
            ContactOutcome::Failed { .. } => "failed",
        },
        latency_ms: contact.latency().map(milliseconds),
        error: contact.failure().map(|kind| kind.as_str()),
    }
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
