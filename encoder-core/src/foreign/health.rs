//! An object of another language as a health policy.

use std::sync::Arc;
use std::time::Instant;

use super::ForeignConfig;
use super::decide::Decider;
use super::document::{read_object, write};
use super::history::HistoryDocument;
use super::object::ForeignObject;
use crate::error::{Error, ErrorKind, Result};
use crate::health::{HealthPolicy, History};
use crate::model::Assessment;

/// Judges encoders through `assess` of an object.
///
/// `assess` takes one document and answers an [`Assessment`]. The document says what is known of
/// one encoder, and under `assessment` what the built-in policy concludes from it, so that an
/// object may add to that:
///
/// ```json
/// {
///   "now": "2026-11-14T22:13:20.000Z",
///   "status": null,
///   "contacts": [{"age_seconds": 2.5, "outcome": "answered", "latency_ms": 12, "error": null}],
///   "temperatures": [{"age_seconds": 2.5, "celsius": 61.5}],
///   "loads": [{"age_seconds": 2.5, "cpu_percent": 40, "memory_percent": null, "storage_percent": null}],
///   "publishing_intended_for_seconds": 3600,
///   "stream_state_for_seconds": 3590,
///   "assessment": {"health": 97, "parts": {}, "verdict": "healthy", "issues": []}
/// }
/// ```
///
/// `status` is the latest [`EncoderStatus`](crate::model::EncoderStatus), `outcome` is `answered`,
/// `spoke` or `failed`, `error` the code of an [`ErrorKind`]. Lists have the oldest first. The
/// built-in conclusion stands when the answer is late, fails, or is no assessment.
#[derive(Debug)]
pub struct ForeignHealthPolicy {
    decider: Decider,
    built_in: Arc<dyn HealthPolicy>,
}

impl ForeignHealthPolicy {
    /// A policy that asks the object. `built_in` concludes first, see
    /// [`Composite::built_in`](crate::health::Composite::built_in).
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the object has no `assess`.
    pub fn new(
        object: Arc<dyn ForeignObject>,
        config: &ForeignConfig,
        built_in: Arc<dyn HealthPolicy>,
    ) -> Result<Self> {
        Ok(Self {
            decider: Decider::new(object, "assess", config)?,
            built_in,
        })
    }

    /// How often the built-in conclusion stood instead.
    pub fn fallbacks(&self) -> u64 {
        self.decider.refusals()
    }

    /// Why the built-in conclusion stood instead, the first time that it did.
    pub fn first_refusal(&self) -> Option<&str> {
        self.decider.first_refusal()
    }
}

impl HealthPolicy for ForeignHealthPolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        let built_in = self.built_in.assess(history, now);
        let arguments = write(&(HistoryDocument::new(history, now, &built_in),));
        let concluded = self.decider.ask("assess", arguments, |answer| {
            check(read_object(
                "assess()",
                answer,
                ErrorKind::ValidationFailed,
            )?)
        });
        concluded.unwrap_or(built_in)
    }
}

fn check(assessment: Assessment) -> Result<Assessment> {
    let parts = assessment.parts;
    let scores = [
        ("health", assessment.health),
        ("parts.system", parts.system),
        ("parts.stream", parts.stream),
        ("parts.storage", parts.storage),
        ("parts.connection", parts.connection),
    ];
    for (name, score) in scores {
        if let Some(score) = score.filter(|score| !(0.0..=100.0).contains(&score.value())) {
            let message = format!("assess(): {name}: {} is not 0 to 100", score.value());
            return Err(Error::new(ErrorKind::ValidationFailed, message));
        }
    }
    Ok(assessment)
}
