use super::*;
use crate::model::{Assessment, EncoderStatus};

fn now() -> Timestamp {
    Timestamp::from_millis(100_000)
}

fn snapshot(verdict: Verdict, state: DeviceStreamState) -> EncoderSnapshot {
    EncoderSnapshot {
        status: Some(EncoderStatus {
            stream_state: state,
            ..EncoderStatus::default()
        }),
        assessment: Assessment {
            verdict,
            ..Assessment::default()
        },
        ..EncoderSnapshot::default()
    }
}

fn ingest(testimony: Testimony, suspect: Option<usize>, on_air: OnAir) -> IngestFacts {
    IngestFacts {
        witness: "ingest-1".to_owned(),
        testimony,
        suspect,
        on_air,
        missing_after: Duration::from_secs(2),
    }
}

/// The diagnosis in one word, of a primary that another encoder witnesses for or against.
fn word(primary: &EncoderSnapshot, ingest: Option<IngestFacts>, witness: bool) -> String {
    let facts = Facts {
        now: now(),
        primary: Some(primary),
        starting_since: None,
        grace: Duration::from_secs(10),
        witness,
        ingest,
    };
    match diagnose(&facts) {
        Diagnosis::Faulty(fault) => fault.cause.to_string(),
        Diagnosis::IngestSuspect(count) => format!("suspect of {count}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[test]
fn ingest_decides_about_a_device_that_says_that_it_streams() {
    let missing = Testimony::Missing(Timestamp::from_millis(98_000));
    let cases = [
        (None, "onair"),
        (Some((Testimony::Unknown, None)), "onair"),
        (Some((Testimony::Unknown, Some(3))), "onair"),
        (Some((Testimony::Received, None)), "onair"),
        (Some((missing, None)), "ingest_receives_nothing"),
        (Some((missing, Some(3))), "suspect of 3"),
    ];
    let primary = snapshot(Verdict::Healthy, DeviceStreamState::Streaming);
    for (said, expected) in cases {
        let facts = said.map(|(testimony, suspect)| ingest(testimony, suspect, OnAir::No));
        assert_eq!(word(&primary, facts, true), expected, "{said:?}");
    }
}

#[test]
fn ingest_decides_about_a_silent_device_only_while_the_network_works() {
    let primary = snapshot(Verdict::Silent, DeviceStreamState::Streaming);
    let cases = [
        (OnAir::Yes, true, "silentonair"),
        (OnAir::NotYetKnown, true, "patience"),
        (OnAir::No, true, "device_silent"),
        (OnAir::Yes, false, "isolated"),
        (OnAir::No, false, "isolated"),
    ];
    for (on_air, witness, expected) in cases {
        let facts = ingest(Testimony::Unknown, None, on_air);
        assert_eq!(
            word(&primary, Some(facts), witness),
            expected,
            "{on_air:?} {witness}"
        );
    }
    assert_eq!(word(&primary, None, true), "device_silent");
}

#[test]
fn what_a_device_admits_needs_no_ingest() {
    let primary = snapshot(Verdict::Failing, DeviceStreamState::Failing);
    for testimony in [Testimony::Unknown, Testimony::Received] {
        let facts = ingest(testimony, None, OnAir::Yes);
        assert_eq!(word(&primary, Some(facts), true), "stream_failing");
    }
    let idle = snapshot(Verdict::Healthy, DeviceStreamState::Idle);
    let missing = Testimony::Missing(Timestamp::from_millis(0));
    assert_eq!(
        word(&idle, Some(ingest(missing, None, OnAir::No)), true),
        "patience"
    );
}

#[test]
fn fault_names_its_evidence_and_its_threshold() {
    let since = Timestamp::from_millis(97_000);
    let primary = snapshot(Verdict::Worn, DeviceStreamState::Streaming);
    let facts = Facts {
        now: now(),
        primary: Some(&primary),
        starting_since: None,
        grace: Duration::ZERO,
        witness: false,
        ingest: Some(ingest(Testimony::Missing(since), None, OnAir::No)),
    };
    let Diagnosis::Faulty(fault) = diagnose(&facts) else {
        panic!("what does not arrive is a fault");
    };
    assert_eq!((fault.since, fault.reachable), (since, true));
    assert_eq!(
        fault.threshold.as_deref(),
        Some("ingest.missing_after_ms=2000")
    );
    assert_eq!(
        fault.evidence,
        ["stream_state=streaming", "ingest-1: bytes_in does not grow"]
    );
}
