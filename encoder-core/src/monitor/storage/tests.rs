use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::model::{Alarm, AlarmCategory, EncoderStatus, MediumReadings, MediumState, Severity};

fn medium(slot: &str, kind: &str, free: u64) -> MediumReadings {
    MediumReadings {
        slot: slot.to_owned(),
        kind: Some(kind.to_owned()),
        volume: None,
        mounted: Some(true),
        ready: Some(free > 0),
        free_percent: None,
        free_bytes: Some(free),
        total_bytes: Some(1000),
    }
}

fn alarm(code: &str) -> Alarm {
    Alarm {
        code: code.to_owned(),
        category: AlarmCategory::Storage,
        severity: Severity::Warning,
        message: String::new(),
    }
}

fn device(media: Vec<MediumReadings>, alarms: &[&str]) -> EncoderStatus {
    EncoderStatus {
        media,
        alarms: alarms.iter().map(|code| alarm(code)).collect(),
        ..EncoderStatus::default()
    }
}

fn listing(kinds: &[&str]) -> StorageConfig {
    StorageConfig {
        destinations: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..StorageConfig::default()
    }
}

fn facts<'a>(
    config: &'a StorageConfig,
    status: &'a EncoderStatus,
    phase: RecordingPhase,
) -> Facts<'a> {
    Facts {
        config,
        low_percent: 90.0,
        now: Instant::now() + Duration::from_secs(7200),
        status,
        phase,
        can_switch: true,
        past: &[],
    }
}

#[test]
fn medium_is_as_bad_as_the_worst_that_holds() {
    let table: [(&[&str], u64, bool, MediumState); 8] = [
        (&[], 500, true, MediumState::Ready),
        (&[], 50, true, MediumState::Low),
        (&["media_low"], 500, true, MediumState::Low),
        (&[], 0, false, MediumState::Full),
        (
            &["media_full", "media_damaged"],
            0,
            false,
            MediumState::Damaged,
        ),
        (
            &["media_too_slow", "media_low"],
            50,
            true,
            MediumState::Slow,
        ),
        (
            &["sd_card_write_protected"],
            500,
            false,
            MediumState::Unwritable,
        ),
        (&["secondary_media_full"], 500, false, MediumState::Mounting),
    ];
    for (alarms, free, ready, expected) in table {
        let mut sd = medium("primary", "sd", free);
        sd.ready = Some(ready);
        let status = device(vec![sd], alarms);
        let state = state_of(&status.media[0], &status, 90.0);
        assert_eq!(state, Some(expected), "{alarms:?}");
    }
    let mut sd = medium("primary", "sd", 500);
    sd.mounted = None;
    let status = device(vec![sd], &[]);
    assert_eq!(state_of(&status.media[0], &status, 90.0), None);
}

#[test]
fn recording_that_its_medium_ended_goes_on_with_the_second_one() {
    let config = StorageConfig::default();
    let media = vec![medium("primary", "sd", 0), medium("secondary", "usb", 500)];
    let status = device(media, &["media_full"]);
    let decision = decide(&facts(&config, &status, RecordingPhase::BrokenOff));
    let expected = Decision::Switch {
        from: "sd".to_owned(),
        to: "usb".to_owned(),
        trouble: MediumState::Full,
    };
    assert_eq!(decision, expected);
    for phase in [RecordingPhase::Idle, RecordingPhase::Running] {
        assert_eq!(decide(&facts(&config, &status, phase)), Decision::Keep);
    }
}

#[test]
fn running_recording_is_stopped_only_where_the_medium_does_not_keep_up() {
    let config = StorageConfig::default();
    let media = vec![
        medium("primary", "sd", 500),
        medium("secondary", "usb", 500),
    ];
    let status = device(media, &["media_too_slow"]);
    let decision = decide(&facts(&config, &status, RecordingPhase::Running));
    assert!(matches!(decision, Decision::StopAndSwitch { to, .. } if to == "usb"));
}

#[test]
fn listed_media_come_first_and_a_refusal_names_each_of_them() {
    let config = listing(&["nfs", "sd"]);
    let media = vec![medium("primary", "sd", 0), medium("secondary", "usb", 0)];
    let status = device(media, &[]);
    let mut facts = facts(&config, &status, RecordingPhase::BrokenOff);
    assert!(matches!(decide(&facts), Decision::Switch { to, .. } if to == "nfs"));
    let past = [PastSwitch {
        at: facts.now - Duration::from_secs(30),
        from: "sd".to_owned(),
        to: "nfs".to_owned(),
        succeeded: false,
    }];
    facts.past = &past;
    let Decision::Tell { reason, .. } = decide(&facts) else {
        panic!("nothing is left to go to");
    };
    assert!(reason.contains("usb is full") && reason.contains("nfs was left"));
}

#[test]
fn recordings_stay_where_moving_is_off_impossible_or_spent() {
    let mut config = listing(&["usb", "smb"]);
    let status = device(vec![medium("primary", "sd", 0)], &[]);
    let told = |facts: &Facts<'_>| match decide(facts) {
        Decision::Tell { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let mut unable = facts(&config, &status, RecordingPhase::BrokenOff);
    unable.can_switch = false;
    assert!(told(&unable).contains("cannot be told"));
    let mut spent = facts(&config, &status, RecordingPhase::BrokenOff);
    let past = [700, 800, 900].map(|ago| PastSwitch {
        at: spent.now - Duration::from_secs(ago),
        from: "nfs".to_owned(),
        to: "sd".to_owned(),
        succeeded: true,
    });
    spent.past = &past;
    assert!(told(&spent).contains("budget"));
    config.switch = SwitchMode::Off;
    let off = facts(&config, &status, RecordingPhase::BrokenOff);
    assert!(told(&off).contains("switched off"));
}

#[test]
fn growth_is_told_once_there_are_enough_readings() {
    let trend = crate::trend::TrendConfig::default();
    let reading = |minute: u32| {
        // 100 MB a minute, as 13 Mbit/s are.
        let free = 3e9 - 1e8 * f64::from(minute);
        (f64::from(minute) * 60.0, free)
    };
    let few: Vec<_> = (0..8).map(reading).collect();
    assert_eq!(growth(&trend, &few), None);
    let enough: Vec<_> = (0..16).map(reading).collect();
    let found = growth(&trend, &enough).unwrap();
    assert!((found.bytes_per_hour.expected - 6e9).abs() < 1e6);
    let full = found.time_to_full.unwrap().expected_seconds;
    assert!((full - 900.0).abs() < 1.0, "{full}");
}

#[test]
fn repeated_readings_are_no_readings() {
    let mut samples = SpaceSamples::default();
    let begun = Instant::now();
    for second in 0..130 {
        samples.note(begun + Duration::from_secs(second), 500);
    }
    assert_eq!(samples.samples().len(), 3);
}

fn any_medium(slot: &'static str) -> impl Strategy<Value = MediumReadings> {
    let kinds = prop_oneof![Just("sd"), Just("usb"), Just("smb"), Just("nfs")];
    let flag = || proptest::option::of(any::<bool>());
    let free = proptest::option::of(0_u64..4);
    (kinds, flag(), flag(), free).prop_map(move |(kind, mounted, ready, free)| MediumReadings {
        mounted,
        ready,
        free_bytes: free.map(|free| free * 250),
        ..medium(slot, kind, 500)
    })
}

fn any_past() -> impl Strategy<Value = Vec<(u64, &'static str, &'static str, bool)>> {
    let kind = || prop_oneof![Just("sd"), Just("usb"), Just("smb")];
    proptest::collection::vec((0_u64..7000, kind(), kind(), any::<bool>()), 0..6)
}

proptest! {
    #[test]
    fn recordings_move_only_for_a_reason_within_the_budget_and_to_a_fit_medium(
        first in any_medium("primary"),
        second in any_medium("secondary"),
        alarms in proptest::sample::subsequence(
            vec!["media_full", "media_too_slow", "media_damaged", "secondary_media_full",
                 "secondary_media_damaged", "sd_card_write_protected"], 0..3),
        phase in prop_oneof![
            Just(RecordingPhase::Idle), Just(RecordingPhase::Running), Just(RecordingPhase::BrokenOff)],
        listed in proptest::sample::subsequence(vec!["usb", "smb", "sd"], 0..=3),
        past in any_past(),
    ) {
        let config = listing(&listed);
        let status = device(vec![first, second], &alarms);
        let mut facts = facts(&config, &status, phase);
        let past: Vec<_> = past.into_iter().map(|(ago, from, to, succeeded)| PastSwitch {
            at: facts.now - Duration::from_secs(ago),
            from: from.to_owned(),
            to: to.to_owned(),
            succeeded,
        }).collect();
        facts.past = &past;
        let (Decision::Switch { from, to, .. } | Decision::StopAndSwitch { from, to, .. })
            = decide(&facts) else { return Ok(()) };
        prop_assert_ne!(&from, &to);
        prop_assert_ne!(phase, RecordingPhase::Idle);
        let held = primary(&status.media).and_then(|m| state_of(m, &status, 90.0));
        prop_assert!(held.is_some_and(|state| !state.takes_recordings()), "no reason: {held:?}");
        let shown = status.media.iter().find(|m| m.kind.as_deref() == Some(to.as_str()));
        let state = shown.and_then(|m| state_of(m, &status, 90.0));
        prop_assert!(state.is_none_or(MediumState::takes_recordings), "{to} is {state:?}");
        let ago = |past: &PastSwitch| facts.now - past.at;
        let recent = past.iter().filter(|past| ago(past) < config.switch_window).count();
        prop_assert!(recent < config.max_switches as usize);
        let back = past.iter().any(|past| past.from == to && ago(past) < config.hold_down);
        prop_assert!(!back, "back to {to} at once");
    }
}
