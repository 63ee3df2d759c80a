//! What a HELO complains about is known to the error analysis.

use encoder_aja::alarm_codes;
use encoder_core::monitor::errors::Patterns;

/// Alarms that are no errors.
const NO_ERRORS: [&str; 4] = [
    "scheduled_event_active",
    "scheduled_event_canceled",
    "record_share_insecure",
    "secondary_record_share_insecure",
];

#[test]
fn every_alarm_has_a_pattern_or_is_left_out_on_purpose() {
    let patterns = Patterns::built_in();
    let unknown: Vec<_> = alarm_codes()
        .map(|(code, ..)| code)
        .filter(|code| patterns.find("health_update", code, "").is_none())
        .collect();
    assert_eq!(unknown, NO_ERRORS);
}
