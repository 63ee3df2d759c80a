//! Media as issues of an encoder.

use std::time::Instant;

use super::medium::{primary, state_of};
use crate::health::{HealthPolicy, History};
use crate::model::{
    Alarm, AlarmCategory, Assessment, DeviceRecordState, EncoderStatus, Evidence, Issue,
    MediumReadings, MediumState, Severity, issue_code,
};

/// The alarm of a medium that was pulled out under a recording.
const PULLED_OUT: &str = "storage_removed_while_recording";

/// Says which media take no more. Has no score of its own: what full media are worth is
/// [`DirectPolicy`](crate::health::DirectPolicy)'s.
#[derive(Clone, Copy, Debug)]
pub struct StoragePolicy {
    /// The use in percent from which on a medium is low.
    pub low_percent: f64,
}

impl HealthPolicy for StoragePolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        let mut assessment = Assessment::default();
        let Some(status) = history.status() else {
            return assessment;
        };
        for medium in &status.media {
            let state = state_of(medium, status, self.low_percent);
            let Some(code) = state.and_then(|state| code_of(state, medium, status)) else {
                continue;
            };
            // One issue for each code: the first slot is the one that counts more.
            if assessment
                .issues
                .iter()
                .any(|known| known.code == code.into())
            {
                continue;
            }
            let name = medium.kind.as_deref().unwrap_or(&medium.slot);
            let state = state.map_or("unknown", MediumState::as_str);
            let since = history.media_since(&medium.slot).unwrap_or(now);
            let message = ["the ", &medium.slot, " medium ", name, " is ", state].concat();
            let issue = Issue::new(code, Severity::Warning, message, history.wall(since));
            let free = medium
                .free_bytes
                .map(|bytes| Evidence::Count("free_bytes", bytes));
            let about = |alarm: &&Alarm| alarm.category == AlarmCategory::Storage;
            let alarms = status.alarms.iter().filter(about);
            let alarms = alarms.map(|alarm| Evidence::fact("alarm", alarm.code.clone()));
            let evidence = free.into_iter().chain(alarms);
            assessment.issues.push(issue.with_evidence(evidence));
        }
        assessment
    }
}

fn code_of(
    state: MediumState,
    medium: &MediumReadings,
    status: &EncoderStatus,
) -> Option<&'static str> {
    let records_there = primary(&status.media).is_some_and(|first| first.slot == medium.slot);
    let failed = matches!(
        status.record_state,
        DeviceRecordState::Failing | DeviceRecordState::Recording
    );
    match state {
        MediumState::Full => Some(issue_code::STORAGE_FULL),
        MediumState::Slow => Some(issue_code::STORAGE_SLOW),
        MediumState::Unwritable | MediumState::Damaged => Some(issue_code::STORAGE_UNWRITABLE),
        MediumState::Absent if records_there => {
            (failed || status.alarm(PULLED_OUT).is_some()).then_some(issue_code::STORAGE_REMOVED)
        }
        _ => None,
    }
}
