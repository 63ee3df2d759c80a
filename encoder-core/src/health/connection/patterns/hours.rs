//! Hours of the day at which the connection is slow: a network that others use as well.

use std::time::{Duration, Instant};

use super::PatternConfig;
use crate::health::History;
use crate::model::{ConnectionPattern, PatternKind};
use crate::trend::median;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// So much of the day must be known, or the day's own median means nothing.
const LEAST_HOURS: usize = 18;

/// Hours whose median latency, over at least `hours_days` days, is `hours_factor` times that of the
/// day, on most of those days. Needs 18 hours of the day.
pub fn time_of_day_load(
    config: &PatternConfig,
    history: &History,
    now: Instant,
) -> Option<ConnectionPattern> {
    let days = config.hours_days.max(3);
    let known: Vec<_> = history
        .hours()?
        .iter()
        .zip(0_u32..)
        .filter(|(hour, _)| hour.medians().count() >= days)
        .filter_map(|(hour, number)| Some((number, hour, median(hour.medians().collect())?)))
        .collect();
    if known.len() < LEAST_HOURS {
        return None;
    }
    let day = median(known.iter().map(|(_, _, latency)| *latency).collect())?;
    let limit = day * config.hours_factor;
    let slow: Vec<_> = known
        .iter()
        .filter(|(_, hour, latency)| {
            let count = hour.medians().count();
            let often = hour.medians().filter(|median| *median >= limit).count();
            *latency >= limit && 2 * often > count
        })
        .collect();
    let worst = slow
        .iter()
        .map(|(_, _, latency)| *latency)
        .max_by(f64::total_cmp)?;
    let names: Vec<_> = slow.iter().map(|(number, ..)| number.to_string()).collect();
    let fewest = known
        .iter()
        .map(|(_, hour, _)| hour.medians().count())
        .min()?;
    Some(ConnectionPattern {
        kind: PatternKind::TimeOfDayLoad,
        message: format!(
            "slow at {} o'clock UTC, up to {worst:.0} ms",
            names.join(", ")
        ),
        since: history
            .wall(now)
            .minus(DAY * u32::try_from(fewest).unwrap_or(u32::MAX)),
        evidence: vec![
            format!("hours_utc={}", names.join(",")),
            format!("worst_ms={worst:.1}"),
            format!("day_ms={day:.1}"),
            format!("days={fewest}"),
            format!("hours_known={}", known.len()),
        ],
    })
}
