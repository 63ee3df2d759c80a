//! Up and down again and again.

use std::time::Instant;

use super::PatternConfig;
use crate::health::History;
use crate::model::{ConnectionPattern, PatternKind};

/// Outages of at least `fall` requests that began or ended within the window, where there are
/// enough of both. Needs nothing but the outages themselves.
pub fn flapping(
    config: &PatternConfig,
    fall: u32,
    history: &History,
    now: Instant,
) -> Option<ConnectionPattern> {
    let within = |at: &Instant| now.saturating_duration_since(*at) <= config.flapping_window;
    let outages = history.outages().filter(|outage| outage.failures >= fall);
    let moments: Vec<_> = outages
        .flat_map(|outage| [Some(outage.began), outage.ended])
        .flatten()
        .filter(within)
        .collect();
    let needed = config.flapping_transitions.max(2);
    if moments.len() < needed {
        return None;
    }
    let (first, last) = (*moments.iter().min()?, *moments.iter().max()?);
    let span = last.saturating_duration_since(first).as_secs_f64();
    Some(ConnectionPattern {
        kind: PatternKind::Flapping,
        message: format!("went down or up {} times in {span:.0} s", moments.len()),
        since: history.wall(first),
        evidence: vec![
            format!("transitions={}", moments.len()),
            format!("threshold={needed}"),
            format!("window_seconds={}", config.flapping_window.as_secs_f64()),
            format!("span_seconds={span:.1}"),
        ],
    })
}
