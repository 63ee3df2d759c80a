//! Asking less of a stream that is on air and in trouble, and more again when it is well. Pure.
//!
//! A way to the ingest that is too slow gets less bitrate; an encoder that cannot keep up gets a
//! smaller picture and then fewer of them. Each step is small and is given time to show its effect,
//! because the settings that just fit are unknown and every step is seen by viewers. Going back up
//! is slower than going down, and slower each time the trouble returns.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Budget, BudgetConfig, Step, TroubleKind};
use crate::model::{
    Adaptation, Bitrate, FrameRate, Issue, IssueCode, Resolution, StreamConfig, Timestamp, Verdict,
    alarm_code, issue_code, seconds,
};

/// Picture sizes of the ladder, largest first.
const SIZES: [Resolution; 3] = [
    Resolution::new(1280, 720),
    Resolution::new(854, 480),
    Resolution::new(640, 360),
];

/// How streams on air are adapted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AdaptConfig {
    /// How long a trouble must last before the first step. Default 5 s.
    #[serde(rename = "trouble_after_seconds", with = "seconds")]
    pub trouble_after: Duration,
    /// Bitrate after a step down, as a share of the one before. Default 0.75.
    pub bitrate_factor: f64,
    /// Lowest bitrate, in percent of the wanted one; never below what the encoder can do.
    /// Default 40.
    pub bitrate_floor_percent: f64,
    /// Sizes that the picture may go down by: 1280x720, 854x480, 640x360. Default 2.
    pub downscale_steps: usize,
    /// Lowest frame rate as a fraction of the wanted one: 1, 2 or 4. Default 4.
    pub fps_divisor: u32,
    /// Time a step is given to show its effect before the next one. Default 30 s.
    #[serde(rename = "cool_off_seconds", with = "seconds")]
    pub cool_off: Duration,
    /// How long a stream must be without trouble before a step back up. Default 120 s.
    #[serde(rename = "healthy_period_seconds", with = "seconds")]
    pub healthy_period: Duration,
    /// The most that this grows to by doubling whenever a step up did not last. Default 1800 s.
    #[serde(rename = "max_healthy_period_seconds", with = "seconds")]
    pub max_healthy_period: Duration,
    /// Measured bitrate, in percent of the configured one, below which it counts as unstable when
    /// pictures are dropped or too few at the same time. Default 70.
    pub unstable_below_percent: f64,
    /// How long that must last. Default 20 s.
    #[serde(rename = "unstable_after_seconds", with = "seconds")]
    pub unstable_after: Duration,
    /// Steps of one stream, up and down.
    pub budget: BudgetConfig,
}

impl Default for AdaptConfig {
    fn default() -> Self {
        Self {
            trouble_after: Duration::from_secs(5),
            bitrate_factor: 0.75,
            bitrate_floor_percent: 40.0,
            downscale_steps: 2,
            fps_divisor: 4,
            cool_off: Duration::from_secs(30),
            healthy_period: Duration::from_secs(120),
            max_healthy_period: Duration::from_secs(1800),
            unstable_below_percent: 70.0,
            unstable_after: Duration::from_secs(20),
            budget: BudgetConfig {
                attempts: 10,
                window: Duration::from_secs(3600),
            },
        }
    }
}

/// Everything that the choice depends on.
#[derive(Clone, Debug)]
pub struct AdaptFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// What the client asked for.
    pub wanted: &'a StreamConfig,
    /// What the stream runs with instead, if anything.
    pub adaptation: Option<&'a Adaptation>,
    /// What the health policy concludes about the encoder on air.
    pub verdict: Verdict,
    /// What is wrong with it.
    pub issues: &'a [Issue],
    /// Since when the stream has been without any trouble that an adaptation answers; `None`
    /// while there is some.
    pub calm_since: Option<Timestamp>,
    /// The lowest bitrate that the encoder can do.
    pub min_bitrate: Bitrate,
    /// When this stream was adapted before, in any order.
    pub steps: &'a [Timestamp],
}

/// A step that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The kind of trouble it answers.
    pub kind: TroubleKind,
    /// The step.
    pub step: Step,
    /// What the stream would run with; `None` when that is what was asked for.
    pub adaptation: Option<Adaptation>,
    /// The trouble, or what the stream had been adapted to.
    pub cause: IssueCode,
    /// Since when.
    pub since: Timestamp,
    /// What was observed.
    pub evidence: Vec<String>,
    /// What was crossed.
    pub threshold: String,
}

/// The kind of trouble on air that an issue stands for, if an adaptation answers it.
pub fn kind_on_air(code: &str) -> Option<TroubleKind> {
    match code {
        alarm_code::NETWORK_TOO_SLOW
        | alarm_code::DROPPED_FRAMES
        | issue_code::BITRATE_UNSTABLE => Some(TroubleKind::Network),
        alarm_code::FRAMES_SKIPPED | issue_code::CPU_HIGH => Some(TroubleKind::Picture),
        _ => None,
    }
}

/// The step that is due now, if any. `accepts` says which settings the encoder takes.
///
/// Only a stream that is on air with an encoder that is well or worn is adapted: one that fails is
/// the business of the other ladders and of failover.
pub fn adapt(
    config: &AdaptConfig,
    facts: &AdaptFacts<'_>,
    accepts: impl Fn(&StreamConfig) -> bool,
) -> Option<Proposal> {
    let on_air = matches!(facts.verdict, Verdict::Healthy | Verdict::Worn);
    let affordable = Budget::new(config.budget.clone()).allows(facts.steps, facts.now);
    let last = facts.steps.iter().max();
    let cooled = last.is_none_or(|last| facts.now.since(*last) >= config.cool_off);
    if !on_air || !affordable || !cooled {
        return None;
    }
    let trouble = facts
        .issues
        .iter()
        .filter_map(|issue| Some((kind_on_air(issue.code.as_str())?, issue)))
        .min_by_key(|(kind, issue)| (*kind, issue.since));
    match (trouble, facts.adaptation) {
        (Some((kind, issue)), _) => step_down(config, facts, kind, issue, accepts),
        (None, Some(adaptation)) => step_up(config, facts, adaptation, accepts),
        (None, None) => None,
    }
}

/// How long the stream must be well before it is asked for more: longer when the last step up did
/// not last.
fn next_healthy_period(config: &AdaptConfig, adaptation: Option<&Adaptation>) -> Duration {
    match adaptation {
        Some(before) if before.rising => {
            (before.healthy_period * 2).min(config.max_healthy_period.max(config.healthy_period))
        }
        Some(before) => before.healthy_period,
        None => config.healthy_period,
    }
}

fn step_down(
    config: &AdaptConfig,
    facts: &AdaptFacts<'_>,
    kind: TroubleKind,
    issue: &Issue,
    accepts: impl Fn(&StreamConfig) -> bool,
) -> Option<Proposal> {
    if facts.now.since(issue.since) < config.trouble_after {
        return None;
    }
    let before = facts.adaptation;
    let current = before.map_or_else(|| facts.wanted.clone(), |a| a.applied_to(facts.wanted));
    let less = match kind {
        TroubleKind::Network => less_bitrate(config, facts, &current).filter(accepts),
        _ => less_picture(config, facts.wanted, &current).find(accepts),
    }?;
    let step = if less.bitrate != current.bitrate {
        Step::Reduce {
            bitrate: less.bitrate,
        }
    } else if less.resolution != current.resolution {
        Step::Downscale {
            resolution: less.resolution,
        }
    } else {
        Step::SlowDown { fps: less.fps }
    };
    let adaptation = Adaptation {
        bitrate: less.bitrate,
        resolution: less.resolution,
        fps: less.fps,
        since: before.map_or(facts.now, |before| before.since),
        reason: issue.code.clone(),
        changed_at: facts.now,
        healthy_period: next_healthy_period(config, before),
        rising: false,
    };
    Some(Proposal {
        kind,
        step,
        adaptation: Some(adaptation),
        cause: issue.code.clone(),
        since: issue.since,
        evidence: std::iter::once(format!("{}: {}", issue.code, issue.message))
            .chain(issue.evidence.iter().map(ToString::to_string))
            .collect(),
        threshold: format!(
            "adaptation.trouble_after_seconds={}",
            config.trouble_after.as_secs_f64()
        ),
    })
}

/// Whole kilobits, as devices count.
fn share(bitrate: Bitrate, factor: f64) -> Bitrate {
    Bitrate::from_kbps((bitrate.as_kbps() as f64 * factor).round() as u64)
}

fn floor(config: &AdaptConfig, facts: &AdaptFacts<'_>) -> Bitrate {
    let own = share(facts.wanted.bitrate, config.bitrate_floor_percent / 100.0);
    own.max(facts.min_bitrate).min(facts.wanted.bitrate)
}

fn less_bitrate(
    config: &AdaptConfig,
    facts: &AdaptFacts<'_>,
    current: &StreamConfig,
) -> Option<StreamConfig> {
    let bitrate = share(current.bitrate, config.bitrate_factor).max(floor(config, facts));
    (bitrate < current.bitrate).then(|| StreamConfig {
        bitrate,
        ..current.clone()
    })
}

/// Smaller pictures first, then fewer.
fn less_picture<'a>(
    config: &'a AdaptConfig,
    wanted: &'a StreamConfig,
    current: &'a StreamConfig,
) -> impl Iterator<Item = StreamConfig> + 'a {
    let smaller = sizes_below(config, wanted)
        .filter(|size| size.height < current.resolution.height)
        .map(|resolution| StreamConfig {
            resolution,
            ..current.clone()
        });
    let slower = rates_below(config, wanted)
        .filter(|fps| *fps < current.fps)
        .map(|fps| StreamConfig {
            fps,
            ..current.clone()
        });
    smaller.chain(slower)
}

fn sizes_below(config: &AdaptConfig, wanted: &StreamConfig) -> impl Iterator<Item = Resolution> {
    let height = wanted.resolution.height;
    let below = SIZES.into_iter().filter(move |size| size.height < height);
    below.take(config.downscale_steps)
}

fn rates_below(config: &AdaptConfig, wanted: &StreamConfig) -> impl Iterator<Item = FrameRate> {
    let (fps, most) = (wanted.fps, config.fps_divisor);
    let divisors = [2, 4].into_iter().filter(move |divisor| *divisor <= most);
    divisors.map(move |divisor| fps.divided_by(divisor))
}

fn step_up(
    config: &AdaptConfig,
    facts: &AdaptFacts<'_>,
    adaptation: &Adaptation,
    accepts: impl Fn(&StreamConfig) -> bool,
) -> Option<Proposal> {
    let calm = facts.calm_since?.max(adaptation.changed_at);
    if facts.now.since(calm) < adaptation.healthy_period {
        return None;
    }
    let wanted = facts.wanted;
    let current = adaptation.applied_to(wanted);
    let more = more(config, wanted, &current).into_iter().find(accepts)?;
    let kind = if more.bitrate == current.bitrate {
        TroubleKind::Picture
    } else {
        TroubleKind::Network
    };
    let step = Step::Restore {
        bitrate: more.bitrate,
        resolution: more.resolution,
        fps: more.fps,
    };
    let rising = Adaptation {
        bitrate: more.bitrate,
        resolution: more.resolution,
        fps: more.fps,
        changed_at: facts.now,
        rising: true,
        ..adaptation.clone()
    };
    Some(Proposal {
        kind,
        step,
        adaptation: (more != *wanted).then_some(rising),
        cause: adaptation.reason.clone(),
        since: calm,
        evidence: vec![format!("no {} since {calm}", adaptation.reason)],
        threshold: format!(
            "healthy period {} s",
            adaptation.healthy_period.as_secs_f64()
        ),
    })
}

/// One step towards what was asked for, what was taken last first; settings that the encoder does
/// not take are skipped over by the next.
fn more(config: &AdaptConfig, wanted: &StreamConfig, current: &StreamConfig) -> Vec<StreamConfig> {
    if current.fps != wanted.fps {
        let faster = rates_below(config, wanted).filter(|fps| *fps > current.fps);
        let mut rates: Vec<_> = faster.chain([wanted.fps]).collect();
        rates.sort_unstable();
        return rates
            .into_iter()
            .map(|fps| StreamConfig {
                fps,
                ..current.clone()
            })
            .collect();
    }
    if current.resolution != wanted.resolution {
        let height = current.resolution.height;
        let mut sizes: Vec<_> = SIZES
            .into_iter()
            .filter(|size| size.height > height && size.height < wanted.resolution.height)
            .collect();
        sizes.reverse();
        sizes.push(wanted.resolution);
        return sizes
            .into_iter()
            .map(|resolution| StreamConfig {
                resolution,
                ..current.clone()
            })
            .collect();
    }
    let factor = config.bitrate_factor.clamp(0.1, 0.99);
    let bitrate = share(current.bitrate, 1.0 / factor).min(wanted.bitrate);
    // What rounding keeps below the wanted value by less than a tenth is the wanted value.
    let near = bitrate.0 as f64 >= wanted.bitrate.0 as f64 * 0.9;
    let bitrate = if near { wanted.bitrate } else { bitrate };
    vec![StreamConfig {
        bitrate,
        ..current.clone()
    }]
}

#[cfg(test)]
#[path = "adapt_tests.rs"]
mod tests;
