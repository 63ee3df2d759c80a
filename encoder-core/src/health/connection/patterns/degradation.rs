//! Answers that take ever longer.

use std::time::Instant;

use super::PatternConfig;
use crate::health::History;
use crate::health::connection::outlook::series;
use crate::model::{ConnectionPattern, PatternKind};
use crate::trend::Trend;

/// A rise of less is nobody's trouble, whatever the factor.
const LEAST_RISE_MS: f64 = 10.0;

/// A significant rise of the summaries' median latency over at least `degradation_span`, by the
/// factor and by 10 ms. The number of summaries it takes is that of the trend.
pub fn slow_degradation(
    config: &PatternConfig,
    history: &History,
    now: Instant,
) -> Option<ConnectionPattern> {
    let (samples, _) = series(history, now, |summary| summary.latency_ms);
    let trend = Trend::of(&config.trend, &samples)?;
    if trend.slope.low <= 0.0 || trend.span < config.degradation_span {
        return None;
    }
    let rise = trend.slope.expected * trend.span.as_secs_f64();
    let from = (trend.level - rise).max(0.0);
    if rise < LEAST_RISE_MS || trend.level < config.degradation_factor * from {
        return None;
    }
    let per_minute = trend.slope.expected * 60.0;
    let mut told = history
        .summaries()
        .filter(|summary| summary.latency_ms.is_some());
    let begin = told.next()?.at;
    Some(ConnectionPattern {
        kind: PatternKind::SlowDegradation,
        message: format!(
            "answers took {from:.0} ms and take {:.0} ms by now",
            trend.level
        ),
        since: history.wall(begin),
        evidence: vec![
            format!("from_ms={from:.1}"),
            format!("to_ms={:.1}", trend.level),
            format!("ms_per_minute={per_minute:.2}"),
            format!("span_seconds={:.0}", trend.span.as_secs_f64()),
            format!("samples={}", trend.samples),
            format!("confidence={}", config.trend.confidence),
        ],
    })
}
