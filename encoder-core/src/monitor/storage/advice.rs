//! What a person could do about the media of an encoder.

use super::decide::Decision;
use crate::model::{MediumReport, MediumState};

/// Below this time a medium that fills is worth a line.
const SOON_SECONDS: f64 = 3600.0;

/// One line for each thing worth doing, most urgent first. `decision` is the last one about the
/// recording.
pub fn recommendations(media: &[MediumReport], decision: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    if let Decision::Tell { trouble, reason } = decision {
        let state = trouble.as_str();
        lines.push(format!(
            "The recording is not moved although its medium is {state}: {reason}."
        ));
    }
    for medium in media {
        let name = name_of(medium);
        lines.extend(of_state(medium.state).map(|advice| format!("{name}: {advice}")));
        let soon = medium.growth.and_then(|growth| growth.time_to_full);
        if let Some(full) = soon.filter(|full| full.expected_seconds < SOON_SECONDS) {
            let (low, high) = (full.earliest_seconds / 60.0, full.expected_seconds / 60.0);
            lines.push(format!(
                "{name}: full in about {high:.0} min, not before {low:.0} min; have another medium ready."
            ));
        }
    }
    lines
}

fn name_of(medium: &MediumReport) -> String {
    let readings = &medium.readings;
    match &readings.kind {
        Some(kind) => format!("{} ({kind})", readings.slot),
        None => readings.slot.clone(),
    }
}

const fn of_state(state: Option<MediumState>) -> Option<&'static str> {
    Some(match state {
        Some(MediumState::Low) => "little room is left; free or replace it between recordings.",
        Some(MediumState::Full) => "nothing is left; free or replace it.",
        Some(MediumState::Slow) => "it does not keep up; use a faster one or a lower bitrate.",
        Some(MediumState::Unwritable) => {
            "it cannot be written to; check its write protection, rights and format."
        }
        Some(MediumState::Damaged) => {
            "it is damaged or not formatted; save what is on it and replace it."
        }
        _ => return None,
    })
}
