//! A span of the past, as the query of an address names it.

use std::collections::BTreeSet;
use std::time::Duration;

use encoder_core::model::Timestamp;
use encoder_core::monitor::HistoryQuery;
use encoder_core::monitor::series::{Metric, SeriesSubject};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{FieldProblem, Problem};

const HOUR: Duration = Duration::from_secs(3600);

/// Which part of the past is wanted. With none of these the present is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpanQuery {
    /// The first moment, RFC 3339. An hour before `to` if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<String>,
    /// The moment after the last one, RFC 3339. Now if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<String>,
    /// Seconds that each point covers; more where nothing finer is kept, or where there would be
    /// more than 1000 points.
    #[param(value_type = Option<f64>, minimum = 0.001)]
    pub step: Option<String>,
    /// Names of metrics, separated by commas. All if left out.
    pub metric: Option<String>,
}

/// A [`SpanQuery`] that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last one.
    pub to: Timestamp,
    /// Span of each point; `None` for the finest that there is.
    pub step: Option<Duration>,
    /// The metrics; empty for all.
    pub metrics: Vec<Metric>,
}

impl Span {
    /// The question about that subject.
    pub fn of(&self, subject: SeriesSubject) -> HistoryQuery {
        let mut query = HistoryQuery::new(subject, self.from, self.to);
        query.step = self.step;
        query.metrics.clone_from(&self.metrics);
        query
    }
}

impl SpanQuery {
    /// The span; `None` when neither `from` nor `to` nor `step` is given. A `metric` alone asks for
    /// the history of that metric.
    ///
    /// # Errors
    /// A 422 problem listing everything that is wrong.
    pub fn read(&self, now: Timestamp) -> Result<Option<Span>, Problem> {
        let given = [&self.from, &self.to, &self.step, &self.metric];
        if given.iter().all(|text| text.is_none()) {
            return Ok(None);
        }
        let mut errors = Vec::new();
        let to = moment("to", self.to.as_deref(), &mut errors);
        let from = moment("from", self.from.as_deref(), &mut errors);
        let step = step(self.step.as_deref(), &mut errors);
        let metrics = metrics(self.metric.as_deref(), &mut errors);
        let to = to.unwrap_or(now);
        let from = from.unwrap_or_else(|| to.minus(HOUR));
        if from >= to && errors.iter().all(|e| e.field != "from" && e.field != "to") {
            errors.push(problem("from", "out_of_range", "must be before `to`"));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        Ok(Some(Span {
            from,
            to,
            step,
            metrics,
        }))
    }
}

/// The moment that a field of a query names; one that names none is added to the errors.
pub(crate) fn moment(
    field: &str,
    text: Option<&str>,
    errors: &mut Vec<FieldProblem>,
) -> Option<Timestamp> {
    let moment = text?.parse().ok();
    if moment.is_none() {
        let message = "must be a time such as 2026-11-23T08:00:00Z; write a `+` as `%2B`";
        errors.push(problem(field, "invalid_value", message));
    }
    moment
}

fn step(text: Option<&str>, errors: &mut Vec<FieldProblem>) -> Option<Duration> {
    let seconds = text?.parse::<f64>().ok();
    let step = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let step = step.filter(|step| step.as_millis() > 0);
    if step.is_none() {
        let message = "must be a number of seconds, 0.001 or more";
        errors.push(problem("step", "invalid_value", message));
    }
    step
}

fn metrics(text: Option<&str>, errors: &mut Vec<FieldProblem>) -> Vec<Metric> {
    let mut wanted = BTreeSet::new();
    for name in text.into_iter().flat_map(|text| text.split(',')) {
        match name.trim().parse::<Metric>() {
            Ok(metric) => {
                wanted.insert(metric);
            }
            Err(error) => errors.push(problem("metric", "unknown_metric", error.message())),
        }
    }
    wanted.into_iter().collect()
}

fn problem(field: &str, code: &str, message: &str) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        recommended: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn query(from: &str, to: &str, step: &str, metric: &str) -> SpanQuery {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        SpanQuery {
            from: given(from),
            to: given(to),
            step: given(step),
            metric: given(metric),
        }
    }

    #[test]
    fn what_is_left_out_is_the_last_hour() {
        assert_eq!(query("", "", "", "").read(NOW).unwrap(), None);
        let span = query("", "", "60", "").read(NOW).unwrap().unwrap();
        assert_eq!((span.from, span.to), (NOW.minus(HOUR), NOW));
        assert_eq!(span.step, Some(Duration::from_secs(60)));
        let span = query("", "2023-11-14T12:00:00+02:00", "", "fps, bitrate,fps");
        let span = span.read(NOW).unwrap().unwrap();
        assert_eq!(span.to.to_string(), "2023-11-14T10:00:00.000Z");
        assert_eq!(span.from.to_string(), "2023-11-14T09:00:00.000Z");
        assert_eq!(span.metrics, [Metric::Bitrate, Metric::Fps]);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let fields = |query: SpanQuery| -> Vec<String> {
            let problem = query.read(NOW).unwrap_err();
            assert_eq!(problem.status, 422);
            problem.errors.iter().map(|e| e.field.clone()).collect()
        };
        assert_eq!(
            fields(query("yesterday", "soon", "0", "cpu,heat")),
            ["to", "from", "step", "metric", "metric"]
        );
        let later = "2023-11-15T00:00:00Z";
        assert_eq!(fields(query(later, "", "", "")), ["from"]);
        assert_eq!(fields(query(later, later, "NaN", "")), ["step", "from"]);
        for step in ["-1", "inf", "1e300", "0.0001", "x"] {
            assert_eq!(fields(query("", "", step, "")), ["step"]);
        }
    }
}
