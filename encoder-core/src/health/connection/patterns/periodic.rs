//! Losses at a regular period: a backup job, a lease that runs out, a switch that relearns.

use std::time::Instant;

use super::PatternConfig;
use crate::health::History;
use crate::model::{ConnectionPattern, PatternKind};
use crate::trend::median;

/// A period counts only when at least so many requests fit in, or nothing but their own spacing
/// would be measured.
const REQUESTS_IN_PERIOD: f64 = 5.0;
/// A loss may go unseen between two requests, so a gap may be this many periods long.
const MOST_PERIODS: f64 = 3.0;
/// Share of gaps that must be one period long.
const SINGLE_SHARE: f64 = 0.75;

/// Whether the beginnings of the latest outages lie one period apart, each within the jitter. The
/// latest gap may not be over for long: a period that has ended is none.
///
/// The latest `2 · periodic_periods` gaps are looked at, and all of them must fit. Losses at random
/// have exponential gaps; four of them fit by chance about once in two hundred series.
pub fn periodic_loss(
    config: &PatternConfig,
    history: &History,
    now: Instant,
) -> Option<ConnectionPattern> {
    let needed = config.periodic_periods.max(4);
    let mut onsets: Vec<_> = history.outages().rev().map(|outage| outage.began).collect();
    onsets.truncate(2 * needed + 1);
    onsets.reverse();
    if onsets.len() <= needed {
        return None;
    }
    let (first, last) = (*onsets.first()?, *onsets.last()?);
    let gaps: Vec<_> = onsets
        .windows(2)
        .map(|pair| pair[1].saturating_duration_since(pair[0]).as_secs_f64())
        .collect();
    let period = median(gaps.clone())?;
    if period < REQUESTS_IN_PERIOD * spacing(history)? {
        return None;
    }
    let bound = period * config.periodic_jitter;
    let mut jitter: f64 = 0.0;
    let mut single = 0;
    for gap in &gaps {
        let periods = (gap / period).round().clamp(1.0, MOST_PERIODS);
        jitter = jitter.max((gap - periods * period).abs());
        single += usize::from(periods < 1.5);
    }
    let quiet = now.saturating_duration_since(last).as_secs_f64();
    let regular = jitter <= bound && single as f64 >= SINGLE_SHARE * gaps.len() as f64;
    if !regular || quiet > MOST_PERIODS * period + bound {
        return None;
    }
    Some(ConnectionPattern {
        kind: PatternKind::PeriodicLoss,
        message: format!("loses requests every {period:.0} s"),
        since: history.wall(first),
        evidence: vec![
            format!("period_seconds={period:.1}"),
            format!("periods={}", gaps.len()),
            format!("jitter_seconds={jitter:.1}"),
            format!("jitter_bound_seconds={bound:.1}"),
        ],
    })
}

/// Usual time between requests in seconds.
fn spacing(history: &History) -> Option<f64> {
    let requests = history.contacts().filter(|contact| contact.is_request());
    let times: Vec<_> = requests.map(|contact| contact.at).collect();
    let gaps = times
        .windows(2)
        .map(|pair| pair[1].saturating_duration_since(pair[0]).as_secs_f64());
    median(gaps.collect())
}
