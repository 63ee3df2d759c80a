//! How one medium is, from readings and alarms.

use crate::model::{Alarm, EncoderStatus, MediumReadings, MediumState};

/// The slot that the drivers' recordings go to.
const PRIMARY: &str = "primary";
const SECONDARY: &str = "secondary";
/// What the alarms of the second slot begin with.
const OF_SECONDARY: &str = "secondary_";

const DAMAGED: [&str; 3] = ["media_damaged", "media_unformatted", "media_format_failed"];
const UNWRITABLE: [&str; 5] = [
    "sd_card_write_protected",
    "remote_media_write_protected",
    "media_unsupported",
    "filesystem_incompatible",
    "record_path_invalid",
];
const FULL: &str = "media_full";
const LOW: &str = "media_low";
const SLOW: &str = "media_too_slow";

/// The medium that recordings go to: the one named primary, or else the first.
pub fn primary(media: &[MediumReadings]) -> Option<&MediumReadings> {
    let named = media.iter().find(|medium| medium.slot == PRIMARY);
    named.or_else(|| media.first())
}

/// How a medium of the device is; `None` when the device does not tell. The worst that holds
/// counts. `low_percent` is the use from which on a medium is low.
pub fn state_of(
    medium: &MediumReadings,
    status: &EncoderStatus,
    low_percent: f64,
) -> Option<MediumState> {
    let second = medium.slot == SECONDARY;
    let raised = |code: &&str| {
        let about = |alarm: &Alarm| {
            if second {
                alarm.code.strip_prefix(OF_SECONDARY) == Some(code)
            } else {
                alarm.code == **code
            }
        };
        status.alarms.iter().any(about)
    };
    // Less than one percent may still be gigabytes, so only bytes or the alarm say full.
    if !medium.mounted? {
        return Some(MediumState::Absent);
    }
    let used = medium.used_percent();
    Some(if DAMAGED.iter().any(raised) {
        MediumState::Damaged
    } else if UNWRITABLE.iter().any(raised) {
        MediumState::Unwritable
    } else if medium.free_bytes == Some(0) || raised(&FULL) {
        MediumState::Full
    } else if raised(&SLOW) {
        MediumState::Slow
    } else if medium.ready == Some(false) {
        MediumState::Mounting
    } else if raised(&LOW) || used.is_some_and(|used| used >= low_percent) {
        MediumState::Low
    } else {
        MediumState::Ready
    })
}
