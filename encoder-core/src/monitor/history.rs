//! A question about the past, and its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::series::{Bucket, Metric, SeriesSubject};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, Violation, seconds};

/// What is wanted to be known of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// Whose readings.
    pub subject: SeriesSubject,
    /// Which; empty for all that were recorded.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last one.
    pub to: Timestamp,
    /// Span of each point; `None` for the finest that is kept so long.
    #[serde(default)]
    pub step: Option<Duration>,
}

impl HistoryQuery {
    /// All metrics of that subject, as finely as they are kept.
    pub const fn new(subject: SeriesSubject, from: Timestamp, to: Timestamp) -> Self {
        Self {
            subject,
            metrics: Vec::new(),
            from,
            to,
            step: None,
        }
    }

    /// Asks for one more metric.
    #[must_use]
    pub fn with_metric(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Asks for points of that span.
    #[must_use]
    pub const fn with_step(mut self, step: Duration) -> Self {
        self.step = Some(step);
        self
    }

    /// Every rule that the query breaks.
    pub(super) fn check(&self) -> Result<()> {
        let mut violations = Vec::new();
        if self.from >= self.to {
            let message = "must be before `to`";
            violations.push(Violation::new("from", "out_of_range", message));
        }
        if self.step.is_some_and(|step| step.is_zero()) {
            let message = "must be longer than zero";
            violations.push(Violation::new("step", "out_of_range", message));
        }
        if violations.is_empty() {
            return Ok(());
        }
        let message = "the span of time makes no sense";
        Err(Error::new(ErrorKind::ValidationFailed, message).with_violations(violations))
    }
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// Whose readings.
    pub subject: SeriesSubject,
    /// The first moment, as asked.
    pub from: Timestamp,
    /// The moment after the last one, as asked.
    pub to: Timestamp,
    /// Span of each point: at least what was asked, and never so short that there were more than
    /// [`MAX_POINTS`](super::series::MAX_POINTS). The first point begins at `from` rounded down to
    /// a whole step.
    #[serde(rename = "step_seconds", with = "seconds")]
    pub step: Duration,
    /// The points of each metric that was ever recorded; `None` is a time without readings.
    pub series: BTreeMap<Metric, Vec<Option<Bucket>>>,
}
