use super::*;
use crate::ingest::Publisher;
use crate::model::{Assignment, Destination, Fence, IncidentId, StreamConfig, StreamId, Timestamp};

const MAIN: &str = "rtmp://ingest.example/live";
const OTHER: &str = "rtmp://ingest.example/spare";

fn id(name: &str) -> EncoderId {
    EncoderId::try_new(name).unwrap()
}

fn part(name: &str, slot: IngestSlot) -> Assignment {
    Assignment {
        encoder_id: id(name),
        slot,
    }
}

/// Encoders `a` to `d` with serial numbers like their names, and `n` and `m` at one address.
fn fleet() -> Vec<Identity> {
    let known = |name: &str, address: &str, serial: Option<&str>| Identity {
        id: id(name),
        address: address.to_owned(),
        serial: serial.map(str::to_owned),
    };
    vec![
        known("a", "http://10.0.0.1", Some("SN-a")),
        known("b", "http://10.0.0.2", Some("SN-b")),
        known("c", "http://10.0.0.3", Some("SN-c")),
        known("n", "http://10.0.0.9", None),
        known("m", "http://10.0.0.9:81", None),
    ]
}

/// A live stream on `a` with backup `b`.
fn stream(protection: Protection, personality: Personality) -> StreamRecord {
    let now = Timestamp::from_millis(0);
    let apart = protection == Protection::Hot || personality == Personality::Separate;
    let slot = if apart {
        IngestSlot::Backup
    } else {
        IngestSlot::Main
    };
    let config: StreamConfig = serde_json::from_str(
        r#"{"resolution":"1920x1080","bitrate":8000000,"fps":30,
            "keyframe_interval_seconds":2,"audio_bitrate":128000}"#,
    )
    .unwrap();
    StreamRecord {
        id: StreamId::try_new("str_1").unwrap(),
        name: None,
        labels: std::collections::BTreeMap::new(),
        config,
        adaptation: None,
        destination: Destination {
            url: MAIN.to_owned(),
            backup_url: apart.then(|| OTHER.to_owned()),
            personality,
            idle_timeout: None,
        },
        stream_key: "key".into(),
        protection,
        state: StreamState::Live,
        primary: part("a", IngestSlot::Main),
        backup: Some(part("b", slot)),
        fences: Vec::new(),
        failover: None,
        drill: None,
        history: Vec::new(),
        failure: None,
        created_at: now,
        live_at: Some(now),
        updated_at: now,
    }
}

fn warm() -> StreamRecord {
    stream(Protection::Warm, Personality::Takeover)
}

fn moving(record: &mut StreamRecord, order: FailoverOrder, phase: FailoverPhase, trigger: Trigger) {
    let now = Timestamp::from_millis(0);
    let to = record.backup.clone().unwrap();
    record.state = StreamState::FailingOver;
    record.failover = Some(FailoverProgress {
        incident_id: IncidentId::generate(),
        trigger,
        reason: "device_silent".to_owned(),
        from: record.primary.encoder_id.clone(),
        from_slot: record.primary.slot,
        to: to.encoder_id,
        to_slot: to.slot,
        order,
        phase,
        evidence_at: now,
        decided_at: now,
        timings: Vec::new(),
        return_to: None,
        change: None,
    });
}

fn fence(record: &mut StreamRecord, name: &str) {
    record.fences.push(Fence {
        encoder_id: id(name),
        slot: IngestSlot::Main,
        incident_id: None,
        since: Timestamp::from_millis(0),
        idle_since: None,
        planned: false,
    });
}

fn by(agent: &str) -> PublishAttempt {
    PublishAttempt::new("key".into(), Publisher::new().with_agent(agent))
}

fn from(address: &str) -> PublishAttempt {
    let publisher = Publisher::new().with_address(address.parse().unwrap());
    PublishAttempt::new("key".into(), publisher)
}

/// The verdict in one word, with the encoder.
fn ask(attempt: &PublishAttempt, streams: &[StreamRecord]) -> String {
    asked(attempt, streams, UnknownPublishers::Allow)
}

fn asked(attempt: &PublishAttempt, streams: &[StreamRecord], unknown: UnknownPublishers) -> String {
    let name = |encoder: Option<EncoderId>| encoder.map_or("?".to_owned(), |id| id.to_string());
    match authorize(attempt, streams, &fleet(), unknown) {
        Ok(grant) => format!("allow {}", name(grant.entitled.map(|(encoder, _)| encoder))),
        Err(refusal) => format!("{} {}", refusal.denial.as_str(), name(refusal.encoder)),
    }
}

#[test]
fn key_must_belong_to_a_stream_that_is_on() {
    let mut stranger = by("SN-a");
    stranger.stream_key = "guess".into();
    assert_eq!(ask(&stranger, &[warm()]), "unknown_stream_key ?");
    assert_eq!(ask(&by("SN-a"), &[]), "unknown_stream_key ?");
    for state in [
        StreamState::Stopping,
        StreamState::Stopped,
        StreamState::Failed,
    ] {
        let mut record = warm();
        record.state = state;
        assert_eq!(ask(&by("SN-a"), &[record]), "stream_over ?", "{state}");
    }
    let mut over = warm();
    over.state = StreamState::Stopped;
    assert_eq!(ask(&by("SN-a"), &[over, warm()]), "allow a");
}

#[test]
fn primary_publishes_and_nobody_else_of_the_fleet() {
    let record = [warm()];
    assert_eq!(ask(&by("HELO SN-a"), &record), "allow a");
    assert_eq!(ask(&from("10.0.0.1"), &record), "allow a");
    assert_eq!(ask(&by("SN-b"), &record), "encoder_not_entitled b");
    assert_eq!(ask(&by("SN-c"), &record), "encoder_not_entitled c");
    assert_eq!(ask(&from("10.0.0.9"), &record), "encoder_not_entitled ?");
}

#[test]
fn one_entitled_encoder_behind_a_shared_address_is_enough() {
    let mut record = warm();
    record.primary = part("m", IngestSlot::Main);
    assert_eq!(ask(&from("10.0.0.9"), &[record]), "allow m");
}

#[test]
fn fenced_encoder_is_kept_off_with_the_reason() {
    let mut record = warm();
    record.primary = part("b", IngestSlot::Main);
    fence(&mut record, "a");
    let records = [record];
    let attempt = by("SN-a");
    let refusal = authorize(&attempt, &records, &fleet(), UnknownPublishers::Allow).unwrap_err();
    assert_eq!(refusal.denial, PublishDenial::EncoderNotEntitled);
    assert_eq!(refusal.reason, "a is fenced: it lost this stream");
    assert_eq!(ask(&by("SN-b"), &records), "allow b");
}

#[test]
fn fence_outweighs_every_part() {
    for name in ["a", "b"] {
        let mut record = stream(Protection::Hot, Personality::Takeover);
        fence(&mut record, name);
        let verdict = ask(&by(&format!("SN-{name}")), &[record]);
        assert_eq!(verdict, format!("encoder_not_entitled {name}"));
    }
}

#[test]
fn replacement_publishes_when_its_turn_has_come() {
    use FailoverPhase as Phase;
    let cases = [
        (
            FailoverOrder::FenceFirst,
            Phase::Fence,
            Trigger::Automatic,
            "no",
            "no",
        ),
        (
            FailoverOrder::FenceFirst,
            Phase::Start,
            Trigger::Automatic,
            "no",
            "yes",
        ),
        (
            FailoverOrder::FenceFirst,
            Phase::Confirm,
            Trigger::Manual,
            "no",
            "yes",
        ),
        (
            FailoverOrder::StartFirst,
            Phase::Start,
            Trigger::Automatic,
            "no",
            "yes",
        ),
        (
            FailoverOrder::StartFirst,
            Phase::Start,
            Trigger::Manual,
            "yes",
            "yes",
        ),
        (
            FailoverOrder::StartFirst,
            Phase::Confirm,
            Trigger::Drill,
            "yes",
            "yes",
        ),
    ];
    for (order, phase, trigger, old, new) in cases {
        let mut record = warm();
        moving(&mut record, order, phase, trigger);
        let may = |name: &str| {
            let verdict = ask(&by(&format!("SN-{name}")), std::slice::from_ref(&record));
            if verdict.starts_with("allow") {
                "yes"
            } else {
                "no"
            }
        };
        let found = (may("a"), may("b"));
        assert_eq!(found, (old, new), "{order:?} {phase:?} {trigger:?}");
    }
}

#[test]
fn hot_backup_publishes_at_its_own_address_only() {
    let record = [stream(Protection::Hot, Personality::Takeover)];
    let at = |agent: &str, url: &str| ask(&by(agent).with_url(url), &record);
    assert_eq!(ask(&by("SN-b"), &record), "allow b");
    assert_eq!(at("SN-b", OTHER), "allow b");
    assert_eq!(at("SN-b", MAIN), "wrong_address b");
    assert_eq!(at("SN-a", MAIN), "allow a");
    assert_eq!(at("SN-a", OTHER), "wrong_address a");
}

#[test]
fn addresses_are_compared_by_their_application() {
    let record = [stream(Protection::Warm, Personality::Separate)];
    let at = |url: &str| ask(&by("SN-a").with_url(url), &record);
    for same in [
        "rtmp://10.9.9.9:1935/live",
        "rtmps://other.example/live/",
        "rtmp://x/live?a=b",
    ] {
        assert_eq!(at(same), "allow a", "{same}");
    }
    assert_eq!(at("rtmp://ingest.example/spare"), "wrong_address a");
    assert_eq!(at("not an address"), "allow a");
}

#[test]
fn address_matters_only_where_it_tells_slots_apart() {
    let attempt = by("SN-a").with_url("rtmp://ingest.example/anything");
    assert_eq!(ask(&attempt, &[warm()]), "allow a");
}

#[test]
fn streams_with_one_key_are_told_apart_by_address() {
    let mut elsewhere = warm();
    elsewhere.destination.url = "rtmp://ingest.example/second".to_owned();
    elsewhere.primary = part("c", IngestSlot::Main);
    let both = [warm(), elsewhere];
    let second = "rtmp://ingest.example/second";
    assert_eq!(ask(&by("SN-c").with_url(second), &both), "allow c");
    assert_eq!(
        ask(&by("SN-a").with_url(second), &both),
        "encoder_not_entitled a"
    );
    assert_eq!(ask(&by("SN-c"), &both), "allow c");
}

#[test]
fn unknown_publisher_is_up_to_the_operator() {
    let attempt = from("192.0.2.7");
    assert_eq!(
        asked(&attempt, &[warm()], UnknownPublishers::Allow),
        "allow ?"
    );
    let denied = asked(&attempt, &[warm()], UnknownPublishers::Deny);
    assert_eq!(denied, "unknown_publisher ?");
    assert_eq!(
        asked(&by("SN-a"), &[warm()], UnknownPublishers::Deny),
        "allow a"
    );
}
