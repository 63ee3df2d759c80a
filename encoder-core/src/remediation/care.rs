//! Repairs of a device that need no stream to stop: its session, its connection, what its medium
//! is used for, and, when nothing else helped and nothing needs it, a restart. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Budget, BudgetConfig, Step, TroubleKind};
use crate::driver::Capability;
use crate::model::{IssueCode, Timestamp, issue_code, seconds};

/// How devices are cared for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CareConfig {
    /// Time between looks at the fleet. Default 1 s.
    #[serde(rename = "interval_seconds", with = "seconds")]
    pub interval: Duration,
    /// How long a trouble must last before the first step. Default 5 s.
    #[serde(rename = "trouble_after_seconds", with = "seconds")]
    pub trouble_after: Duration,
    /// Time between two steps of one kind on one encoder. Default 20 s.
    #[serde(rename = "cool_off_seconds", with = "seconds")]
    pub cool_off: Duration,
    /// How long the effect of a step may take to be seen. Default 10 s.
    #[serde(rename = "verify_within_seconds", with = "seconds")]
    pub verify_within: Duration,
    /// How long a device must misbehave in spite of everything before it is restarted. Default
    /// 300 s.
    #[serde(rename = "reboot_after_seconds", with = "seconds")]
    pub reboot_after: Duration,
    /// Steps of one kind on one encoder, besides restarts.
    pub budget: BudgetConfig,
    /// Restarts of one encoder. Default 1 per hour.
    pub reboot_budget: BudgetConfig,
}

impl Default for CareConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            trouble_after: Duration::from_secs(5),
            cool_off: Duration::from_secs(20),
            verify_within: Duration::from_secs(10),
            reboot_after: Duration::from_secs(300),
            budget: BudgetConfig {
                attempts: 3,
                window: Duration::from_secs(900),
            },
            reboot_budget: BudgetConfig {
                attempts: 1,
                window: Duration::from_secs(3600),
            },
        }
    }
}

/// A step that was taken on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareAttempt {
    /// What it was meant to answer.
    pub kind: TroubleKind,
    /// The step.
    pub step: Step,
    /// When it began.
    pub at: Timestamp,
}

/// Everything that the choice depends on.
#[derive(Clone, Debug)]
pub struct CareFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// What the device can be told.
    pub capability: &'a Capability,
    /// Since when it does not answer.
    pub silent_since: Option<Timestamp>,
    /// Since when its answers are refusals or nonsense.
    pub misbehaves_since: Option<Timestamp>,
    /// Whether it says that it serves its medium instead of streaming.
    pub serves_files: bool,
    /// Whether it publishes, or may.
    pub publishes: bool,
    /// Whether it is writing a file.
    pub records: bool,
    /// Whether a stream relies on it now: as its primary, or as the target of a move.
    pub needed: bool,
    /// What was tried, in any order.
    pub tried: &'a [CareAttempt],
}

/// The step that is due, with the kind of trouble it answers and the issue behind it.
///
/// A device that serves files is brought back only while it does not publish, and restarted only
/// while it neither publishes nor records and no stream relies on it.
pub fn care(config: &CareConfig, facts: &CareFacts<'_>) -> Option<(TroubleKind, Step, IssueCode)> {
    let lasts =
        |since: Option<Timestamp>, span| since.is_some_and(|since| facts.now.since(since) >= span);
    let can = facts.capability;
    let silent = lasts(facts.silent_since, config.trouble_after);
    if silent && can.reconnect {
        let step = (TroubleKind::Connection, Step::Reconnect);
        return due(config, facts, step, issue_code::DEVICE_SILENT);
    }
    if facts.silent_since.is_some() {
        return None;
    }
    if facts.serves_files && !facts.publishes && can.reset_media_state {
        let deadline = config.verify_within;
        let step = (TroubleKind::MediaState, Step::RecordStreamMode { deadline });
        return due(config, facts, step, issue_code::SERVES_FILES);
    }
    let code = issue_code::DEVICE_MISBEHAVES;
    if lasts(facts.misbehaves_since, config.trouble_after) && can.renew_session {
        let step = (TroubleKind::Session, Step::RenewSession);
        if let Some(found) = due(config, facts, step, code) {
            return Some(found);
        }
    }
    let idle = !facts.publishes && !facts.records && !facts.needed;
    if lasts(facts.misbehaves_since, config.reboot_after) && idle && can.reboot {
        return due(config, facts, (TroubleKind::Persistent, Step::Reboot), code);
    }
    None
}

/// The step, if cool-off and budget of its kind allow it now.
fn due(
    config: &CareConfig,
    facts: &CareFacts<'_>,
    (kind, step): (TroubleKind, Step),
    code: &'static str,
) -> Option<(TroubleKind, Step, IssueCode)> {
    let past = facts.tried.iter().filter(|attempt| attempt.kind == kind);
    let past: Vec<_> = past.map(|attempt| attempt.at).collect();
    let cooled = |at: &Timestamp| facts.now.since(*at) >= config.cool_off;
    let budget = match kind {
        TroubleKind::Persistent => &config.reboot_budget,
        _ => &config.budget,
    };
    let allowed = Budget::new(budget.clone()).allows(&past, facts.now);
    (allowed && past.iter().all(cooled)).then(|| (kind, step, IssueCode::new(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// The steps on a device that can do everything, looked at every second while nothing helps.
    fn steps(seconds: i64, trouble: impl Fn(&mut CareFacts<'_>)) -> Vec<(i64, &'static str)> {
        let capability = Capability {
            reboot: true,
            renew_session: true,
            reconnect: true,
            reset_media_state: true,
            ..Capability::default()
        };
        let (mut tried, mut steps) = (Vec::new(), Vec::new());
        for second in 0..seconds {
            let mut facts = CareFacts {
                now: at(second),
                capability: &capability,
                silent_since: None,
                misbehaves_since: None,
                serves_files: false,
                publishes: false,
                records: false,
                needed: false,
                tried: &tried,
            };
            trouble(&mut facts);
            if let Some((kind, step, _)) = care(&CareConfig::default(), &facts) {
                steps.push((second, step.as_str()));
                tried.push(CareAttempt {
                    kind,
                    step,
                    at: at(second),
                });
            }
        }
        steps
    }

    #[test]
    fn each_trouble_has_its_steps_until_the_budget_is_spent() {
        let silent = steps(800, |facts| facts.silent_since = Some(at(0)));
        assert_eq!(
            silent,
            [(5, "reconnect"), (25, "reconnect"), (45, "reconnect")]
        );
        let files = steps(100, |facts| facts.serves_files = true);
        assert_eq!(files.len(), 3);
        assert_eq!(files[0], (0, "record_stream_mode"));
        let odd = steps(800, |facts| facts.misbehaves_since = Some(at(0)));
        let logins = [
            (5, "renew_session"),
            (25, "renew_session"),
            (45, "renew_session"),
        ];
        assert_eq!(odd[..3], logins);
        assert_eq!(odd[3..], [(300, "reboot")]);
    }

    #[test]
    fn nothing_is_restarted_that_somebody_needs() {
        let occupied: [fn(&mut CareFacts<'_>); 3] = [
            |facts| facts.publishes = true,
            |facts| facts.records = true,
            |facts| facts.needed = true,
        ];
        for occupied in occupied {
            let steps = steps(800, |facts| {
                facts.misbehaves_since = Some(at(0));
                occupied(facts);
            });
            assert!(
                steps.iter().all(|(_, step)| *step == "renew_session"),
                "{steps:?}"
            );
        }
        let busy = steps(100, |facts| {
            facts.serves_files = true;
            facts.publishes = true;
        });
        assert!(busy.is_empty());
    }
}
