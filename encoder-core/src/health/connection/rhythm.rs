//! Whether the device is quiet for longer than its own rhythm explains (phi accrual).

use std::time::Instant;

use statrs::distribution::{ContinuousCDF, Normal};

use super::ConnectionConfig;
use crate::health::History;

/// Suspicion of a pause that half of all exceed, rounded up: -log₁₀ 0.5.
const COIN: f64 = 0.302;

/// Whether a pause up to `now` is as improbable as [`ConnectionConfig::suspicion`] says.
pub(super) fn is_suspicious(config: &ConnectionConfig, history: &History, now: Instant) -> bool {
    let Some(last) = history.last_alive() else {
        return false;
    };
    let pause = now.saturating_duration_since(last);
    // Half of all pauses are longer than the usual one, which is longer than the acceptable one; so
    // this one is no news, whatever the rhythm.
    if pause <= config.acceptable_pause && config.suspicion > COIN {
        return false;
    }
    let Some((mean, deviation)) = rhythm(config, history) else {
        return false;
    };
    let usual = mean + config.acceptable_pause.as_secs_f64();
    let Ok(pauses) = Normal::new(usual, deviation) else {
        return false;
    };
    -pauses.sf(pause.as_secs_f64()).log10() >= config.suspicion
}

/// Mean and deviation of the seconds between signs of life, or `None` with too few of them.
fn rhythm(config: &ConnectionConfig, history: &History) -> Option<(f64, f64)> {
    let contacts = history.contacts();
    // Gaps with a failure inside are outages; they would teach that outages are usual.
    let gaps = contacts
        .zip(history.contacts().skip(1))
        .filter(|(a, b)| a.outcome.is_alive() && b.outcome.is_alive())
        .map(|(a, b)| b.at.saturating_duration_since(a.at).as_secs_f64());
    let (count, sum, squares) = gaps.fold((0_usize, 0.0, 0.0), |(n, sum, squares), gap| {
        (n + 1, sum + gap, squares + gap * gap)
    });
    if count < config.min_samples.max(1) {
        return None;
    }
    let mean = sum / count as f64;
    let variance = (squares / count as f64 - mean * mean).max(0.0);
    let floor = config.min_deviation.as_secs_f64().max(1e-3);
    Some((mean, variance.sqrt().max(floor)))
}
