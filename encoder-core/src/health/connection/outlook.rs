//! Where the connection is heading: patterns and the next threshold that will be crossed.
//!
//! It takes lines through hundreds of readings, so it is worked out now and then, and never in an
//! assessment.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{ConnectionConfig, patterns};
use crate::health::{ContactSummary, History};
use crate::model::{
    Assessment, ConnectionHealth, ConnectionPattern, Issue, PredictedMetric, Prediction, seconds,
};
use crate::trend::{Sample, Trend, TrendConfig};

/// What must be seen before a threshold crossing is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PredictionConfig {
    /// How far readings must reach back. Default 300 s.
    #[serde(rename = "min_span_seconds", with = "seconds")]
    pub min_span: Duration,
    /// Latest readings that are looked at, so that a change of pace is noticed. Default 60.
    pub window: usize,
    /// How many readings it takes, how sure the interval is, and how far ahead it may reach.
    pub trend: TrendConfig,
}

impl Default for PredictionConfig {
    fn default() -> Self {
        Self {
            min_span: Duration::from_secs(300),
            window: 60,
            trend: TrendConfig::default(),
        }
    }
}

/// What a connection does again and again, and where it is heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionOutlook {
    /// Patterns that show.
    pub patterns: Vec<ConnectionPattern>,
    /// The next threshold crossing; `None` with too little data, or without a trend.
    pub prediction: Option<Prediction>,
}

impl ConnectionOutlook {
    pub(super) fn of(
        config: &ConnectionConfig,
        history: &History,
        temperature_limit: f64,
        now: Instant,
    ) -> Self {
        Self {
            patterns: patterns::recognise(&config.patterns, config.fall, history, now),
            prediction: predict(config, history, temperature_limit, now),
        }
    }

    /// The patterns as issues.
    pub fn issues(&self) -> impl Iterator<Item = Issue> + '_ {
        self.patterns.iter().map(patterns::issue)
    }

    /// Adds it to conclusions that were drawn without it. The patterns become issues of both;
    /// verdict and scores stay as they are.
    pub fn complete(&self, assessment: &mut Assessment, connection: &mut ConnectionHealth) {
        connection.patterns.clone_from(&self.patterns);
        connection.prediction.clone_from(&self.prediction);
        for issues in [&mut assessment.issues, &mut connection.issues] {
            issues.extend(self.issues());
            issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        }
    }
}

/// The summaries' values with their times in seconds before `now`, and the time of the last.
pub(super) fn series(
    history: &History,
    now: Instant,
    value: impl Fn(&ContactSummary) -> Option<f64>,
) -> (Vec<Sample>, Option<Instant>) {
    let known = history
        .summaries()
        .filter_map(|summary| Some((summary.at, value(summary)?)));
    timed(now, known)
}

fn timed(
    now: Instant,
    values: impl Iterator<Item = (Instant, f64)>,
) -> (Vec<Sample>, Option<Instant>) {
    let mut last = None;
    let samples = values.map(|(at, value)| {
        last = Some(at);
        (-now.saturating_duration_since(at).as_secs_f64(), value)
    });
    (samples.collect(), last)
}

/// The first threshold that a rising figure will reach.
fn predict(
    config: &ConnectionConfig,
    history: &History,
    temperature_limit: f64,
    now: Instant,
) -> Option<Prediction> {
    let slow = config.slow_latency.as_secs_f64() * 1000.0;
    let figures = [
        (
            PredictedMetric::LatencyMs,
            slow,
            series(history, now, |summary| summary.latency_ms),
        ),
        (
            PredictedMetric::ErrorRate,
            config.error_rate_warning,
            series(history, now, |summary| Some(summary.error_rate())),
        ),
        (
            PredictedMetric::Temperature,
            temperature_limit,
            timed(now, history.temperatures()),
        ),
    ];
    figures
        .into_iter()
        .filter_map(|(metric, threshold, (samples, last))| {
            crossing(
                &config.prediction,
                history,
                metric,
                threshold,
                &samples,
                last?,
            )
        })
        .min_by_key(|prediction| prediction.expected_at)
}

fn crossing(
    config: &PredictionConfig,
    history: &History,
    metric: PredictedMetric,
    threshold: f64,
    samples: &[Sample],
    last: Instant,
) -> Option<Prediction> {
    let recent = &samples[samples.len().saturating_sub(config.window)..];
    let trend = Trend::of(&config.trend, recent)?;
    if trend.span < config.min_span || trend.slope.expected <= 0.0 {
        return None;
    }
    let crossing = trend.crossing(threshold)?;
    let at = |span: Duration| history.wall(last).plus(span);
    Some(Prediction {
        metric,
        threshold,
        expected_at: at(crossing.expected),
        earliest_at: at(crossing.earliest),
        latest_at: crossing.latest.map(at),
        confidence: config.trend.confidence,
        samples: trend.samples,
        based_on_seconds: trend.span.as_secs_f64(),
    })
}
