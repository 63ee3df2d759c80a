//! Figures of requests.

use std::time::Duration;

use crate::health::Contact;
use crate::model::LatencyDistribution;

/// The middle of the latencies; `None` without any answer.
pub(super) fn median_latency<'a>(requests: impl Iterator<Item = &'a Contact>) -> Option<Duration> {
    let mut latencies: Vec<_> = requests.filter_map(Contact::latency).collect();
    let middle = latencies.len() / 2;
    // Only the middle must find its place.
    (!latencies.is_empty()).then(|| *latencies.select_nth_unstable(middle).1)
}

/// Share of failed requests; `None` without any request.
pub(super) fn error_rate<'a>(requests: impl Iterator<Item = &'a Contact> + Clone) -> Option<f64> {
    let failed = failures(requests.clone());
    let total = requests.count();
    (total > 0).then(|| failed as f64 / total as f64)
}

/// Number of failed requests.
pub(super) fn failures<'a>(requests: impl Iterator<Item = &'a Contact>) -> usize {
    requests
        .filter(|contact| contact.failure().is_some())
        .count()
}

/// How latencies are distributed; `None` without any answer.
pub(super) fn distribution<'a>(
    requests: impl Iterator<Item = &'a Contact>,
) -> Option<LatencyDistribution> {
    let mut latencies: Vec<_> = requests.filter_map(Contact::latency).collect();
    latencies.sort_unstable();
    LatencyDistribution::of_sorted(latencies.len(), |place| {
        latencies[place].as_secs_f64() * 1000.0
    })
}

/// 1 less the share of requests that turned out differently from the one before; `None` before the
/// second request.
pub(super) fn stability<'a>(requests: impl Iterator<Item = &'a Contact> + Clone) -> Option<f64> {
    let alive = |contact: &Contact| contact.outcome.is_alive();
    let pairs = requests.clone().zip(requests.skip(1));
    let (pairs, changes) = pairs.fold((0_u32, 0_u32), |(pairs, changes), (a, b)| {
        (pairs + 1, changes + u32::from(alive(a) != alive(b)))
    });
    (pairs > 0).then(|| 1.0 - f64::from(changes) / f64::from(pairs))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::error::ErrorKind;
    use crate::health::ContactOutcome;

    fn answered(millis: u64) -> Contact {
        let latency = Duration::from_millis(millis);
        Contact {
            at: Instant::now(),
            outcome: ContactOutcome::Answered { latency },
        }
    }

    fn lost() -> Contact {
        Contact {
            at: Instant::now(),
            outcome: ContactOutcome::Failed {
                kind: ErrorKind::DeviceUnreachable,
            },
        }
    }

    #[test]
    fn ranks_are_latencies_that_were_measured() {
        let contacts: Vec<_> = (1..=100).rev().map(answered).collect();
        let found = distribution(contacts.iter()).unwrap();
        let ranks = (found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms);
        assert_eq!(ranks, (50.0, 90.0, 99.0, 100.0));
        let single = distribution([answered(7)].iter()).unwrap();
        assert_eq!(
            (single.p50_ms, single.max_ms, single.samples),
            (7.0, 7.0, 1)
        );
        assert_eq!(distribution([lost()].iter()), None);
    }

    #[test]
    fn stability_counts_changes_and_not_failures() {
        let of = |contacts: &[Contact]| stability(contacts.iter());
        let (up, down) = (answered(1), lost());
        assert_eq!(of(&[up]), None);
        assert_eq!(of(&[up, up, up]), Some(1.0));
        assert_eq!(of(&[down, down, down]), Some(1.0));
        assert_eq!(of(&[up, down, up]), Some(0.0));
        assert_eq!(of(&[up, up, down, down, up]), Some(0.5));
    }
}
