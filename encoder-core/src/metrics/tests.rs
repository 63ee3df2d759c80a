use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::events::EventBus;
use crate::model::{
    Alert, Assessment, Bitrate, BurstState, Celsius, ConnectionHealth, ConnectionPool,
    CoolingReason, CoolingTransition, EncoderId, EncoderSpec, EncoderState, EncoderStatus,
    EncoderView, FailoverPhase, FailoverSummary, Health, Heat, IncidentId, Interruption, Issue,
    LatencyDistribution, MediumReadings, PhaseTiming, Protection, Secret, Severity,
    StreamCondition, StreamHealthReport, StreamRecord, StreamState, StreamView, Timestamp, Trigger,
    TroubleKind, Verdict,
};
use crate::testkit::promtool;

const STREAM_KEY: &str = "very_secret_stream_key";
const PASSWORD: &str = "very_secret_password";
const URL: &str = "rtmp://user:very_secret_login@ingest.example/live";

fn id(name: &str) -> EncoderId {
    EncoderId::try_new(name).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// An encoder that tells everything there is to tell.
fn encoder(name: &str) -> EncoderView {
    let mut status = EncoderStatus::default();
    status.system.cpu_percent = Some(25.0);
    status.system.memory_percent = Some(50.0);
    status.system.temperature = Some(Celsius(45.5));
    status.system.fan_rpm = Some(2400.0);
    status.output.bitrate = Some(Bitrate(5_000_000));
    status.output.fps = Some(29.97);
    status.output.dropped_frames = Some(7);
    status.identity.firmware = Some("4.2\n\"x\\".to_owned());
    status.media.push(MediumReadings {
        slot: "primary".to_owned(),
        ready: Some(true),
        free_percent: Some(25),
        free_bytes: Some(250),
        total_bytes: Some(1000),
        ..MediumReadings::default()
    });
    let mut connection = ConnectionHealth {
        health_score: Some(Health::new(99.0)),
        stability: Some(0.5),
        latency: LatencyDistribution::of_sorted(2, |place| place as f64),
        ..ConnectionHealth::default()
    };
    connection.pool = Some(ConnectionPool {
        open: 2,
        oldest_age_seconds: Some(3.0),
        ..ConnectionPool::default()
    });
    let spec = EncoderSpec::new(id(name), URL).with_site("north");
    EncoderView {
        spec: spec.with_password(Secret::from(PASSWORD)),
        revision: 1,
        state: EncoderState::Online,
        status: Some(status),
        last_seen_at: Some(at(100)),
        assessment: Assessment {
            health: Some(Health::new(90.0)),
            verdict: Verdict::Worn,
            issues: vec![
                Issue::new("cpu_high", Severity::Warning, "busy", at(0)),
                Issue::new("cpu_high", Severity::Warning, "busy again", at(1)),
            ],
            ..Assessment::default()
        },
        connection,
        heat: Some(Heat::new(40.0)),
        cooling: None,
        burst: BurstState::default(),
        streams: Vec::new(),
    }
}

fn stream(name: &str, state: StreamState) -> StreamView {
    let record: StreamRecord = serde_json::from_value(serde_json::json!({
        "id": name, "name": null, "labels": {},
        "config": {"resolution": "1920x1080", "bitrate": 5_000_000, "fps": 30,
            "keyframe_interval_seconds": 2.0, "audio_bitrate": 128_000},
        "destination": {"url": URL, "backup_url": null, "personality": "takeover"},
        "stream_key": STREAM_KEY, "protection": "warm", "state": state,
        "primary": {"encoder_id": "enc-1", "slot": "main"},
        "backup": {"encoder_id": "enc-2", "slot": "main"},
        "fences": [], "failover": null, "drill": null, "history": [], "failure": null,
        "created_at": at(0), "live_at": null, "updated_at": at(0),
    }))
    .unwrap();
    StreamView {
        revision: 1,
        backup: Default::default(),
        health: StreamHealthReport {
            stream_id: record.id.clone(),
            status: StreamCondition::Healthy,
            health_score: None,
            encoder_id: id("enc-1"),
            cpu_usage: None,
            memory_usage: None,
            temperature: None,
            dropped_frames: Some(7),
            bitrate: Some(Bitrate(5_000_000)),
            fps: None,
            ingest: None,
            backup: Default::default(),
            issues: vec![Issue::new(
                "unprotected",
                Severity::Warning,
                STREAM_KEY,
                at(0),
            )],
            updated_at: at(0),
        },
        warnings: Vec::new(),
        last_config_sync: None,
        record,
    }
}

fn alert() -> Alert {
    serde_json::from_value(serde_json::json!({
        "alert_id": "alt_1", "category": "encoder", "severity": "critical",
        "state": "firing", "encoder_id": "enc-1", "stream_id": null, "code": "device_silent",
        "summary": "", "description": URL, "suggested_actions": [],
        "started_at": at(0), "resolved_at": null,
    }))
    .unwrap()
}

/// Metrics that mirror what `known` gives.
fn metrics(known: impl Fn() -> Known + Send + Sync + 'static) -> Metrics {
    let metrics = Metrics::new();
    metrics.follow(Box::new(known));
    metrics
}

fn tally() -> Tally {
    let tally = Tally::default();
    let refused = Err(Error::new(ErrorKind::DeviceAuth, PASSWORD));
    tally.polled(Duration::from_millis(20), &refused);
    tally.passed(at(101), 2);
    tally.cooled(CoolingTransition::Started, CoolingReason::Score);
    tally.cooled(CoolingTransition::WarmingUp, CoolingReason::Score);
    tally
}

fn failover(trigger: Trigger, reason: &str, succeeded: bool) -> FailoverSummary {
    FailoverSummary {
        incident_id: IncidentId::generate(),
        trigger,
        reason: reason.to_owned(),
        from: id("enc-1"),
        to: id("enc-2"),
        finished_at: at(0),
        succeeded,
        timings: vec![
            PhaseTiming {
                phase: FailoverPhase::Detect,
                elapsed: Duration::from_millis(200),
            },
            PhaseTiming {
                phase: FailoverPhase::Start,
                elapsed: Duration::from_millis(700),
            },
        ],
        interruption: None,
    }
}

/// Metrics of a fleet in which everything happened that is counted.
fn everything() -> Metrics {
    let metrics = metrics(|| Known {
        encoders: ["enc-1", "enc-2"]
            .map(|name| EncoderSample::new(encoder(name), &tally(), false))
            .into(),
        streams: vec![stream("str_1", StreamState::Live)],
        alerts: vec![alert()],
    });
    let events = EventBus::new(1);
    events.meter().register(&metrics);
    events.meter().published("alert");
    events.meter().delivered("alert", None);
    events.meter().dropped("alert");
    metrics.observe_failover(&failover(Trigger::Drill, "drill_return", true));
    metrics.observe_authorization("allowed");
    metrics.observe_remediation(TroubleKind::Stream, "restart_stream", "succeeded");
    metrics.observe_interruption(
        Trigger::Automatic,
        Interruption {
            gap: Duration::from_millis(900),
            resolution: Duration::ZERO,
        },
    );
    metrics.observe_notification("email", "sent");
    metrics.set_alert_queue("email", 3);
    metrics.set_certificate("server", Some(at(2_000_000_000)), true);
    metrics.observe_renewal("server", "failed");
    metrics
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = |line: &&str| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    };
    let line = text.lines().find(line)?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn every_declared_metric_is_told_and_no_other() {
    let metrics = everything();
    let declared: Vec<_> = metrics.declarations();
    let families = metrics.registry().gather();
    let told: BTreeSet<_> = families
        .iter()
        .map(|family| family.name().to_owned())
        .collect();
    let known: BTreeSet<_> = declared.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(told, known);
    assert_eq!(known.len(), declared.len(), "a name is declared once");
    for family in families {
        let declaration = declared
            .iter()
            .find(|one| one.name == family.name())
            .unwrap();
        for metric in family.get_metric() {
            let labels: BTreeSet<_> = metric.get_label().iter().map(|pair| pair.name()).collect();
            assert_eq!(
                labels,
                declaration.labels.iter().copied().collect(),
                "{}",
                family.name()
            );
        }
    }
}

#[test]
fn names_follow_the_conventions() {
    for declared in everything().declarations() {
        let Declaration {
            name,
            kind,
            unit,
            labels,
            help,
        } = declared;
        assert!(name.starts_with("encoder_"), "{name}");
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        );
        assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        let base = name.strip_suffix("_total").unwrap_or(name);
        assert!(base.ends_with(unit.suffix()), "{name} in {unit:?}");
        assert!(help.ends_with('.') && help.len() < 120, "{name}: {help}");
        let bounded = [
            "encoder_id",
            "stream_id",
            "state",
            "code",
            "severity",
            "kind",
            "reason",
            "medium",
            "protection",
            "role",
            "result",
            "phase",
            "verdict",
            "trigger",
            "step",
            "outcome",
            "event",
            "sink",
            "target",
            "version",
            "driver",
            "site",
            "firmware",
            "pattern",
        ];
        assert!(
            labels.iter().all(|label| bounded.contains(label)),
            "{name}: {labels:?}"
        );
    }
}

#[test]
fn secrets_and_addresses_are_in_no_series() {
    let text = everything().render();
    for secret in [
        STREAM_KEY,
        PASSWORD,
        "very_secret",
        "rtmp:",
        "ingest.example",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn promtool_has_no_complaint() {
    let text = everything().render();
    let complaints = promtool::complaints("promtool_has_no_complaint", &text);
    assert_eq!(complaints, [""; 0], "{text}");
}

/// Some series of [`everything`].
const SERIES: [(&str, f64); 19] = [
    ("encoder_cpu_ratio{encoder_id=\"enc-1\"}", 0.25),
    (
        "encoder_medium_used_ratio{encoder_id=\"enc-1\",medium=\"primary\"}",
        0.75,
    ),
    (
        "encoder_output_dropped_frames_total{encoder_id=\"enc-1\"}",
        7.0,
    ),
    (
        "encoder_issue{encoder_id=\"enc-1\",code=\"cpu_high\",severity=\"warning\"}",
        1.0,
    ),
    (
        "encoder_request_failures_total{encoder_id=\"enc-1\",kind=\"device_auth\"}",
        1.0,
    ),
    (
        "encoder_request_duration_seconds_count{encoder_id=\"enc-1\"}",
        1.0,
    ),
    (
        "encoder_coolings_total{encoder_id=\"enc-1\",reason=\"score\"}",
        1.0,
    ),
    ("encoder_warm_ups_total{encoder_id=\"enc-1\"}", 1.0),
    ("encoder_reboots_total{encoder_id=\"enc-1\"}", 2.0),
    ("encoder_reboot_loop{encoder_id=\"enc-1\"}", 0.0),
    (
        "encoder_watcher_last_pass_timestamp_seconds{encoder_id=\"enc-1\"}",
        101.0,
    ),
    ("encoder_state{encoder_id=\"enc-1\",state=\"offline\"}", 0.0),
    ("encoder_streams{state=\"live\"}", 1.0),
    ("encoder_streams{state=\"failed\"}", 0.0),
    (
        "encoder_alerts{severity=\"critical\",state=\"firing\"}",
        1.0,
    ),
    (
        "encoder_alerts{severity=\"info\",state=\"acknowledged\"}",
        0.0,
    ),
    ("encoder_drills_total{result=\"succeeded\"}", 1.0),
    (
        "encoder_failover_duration_seconds_sum{phase=\"total\"}",
        0.9,
    ),
    (
        "encoder_stream_encoder_info{stream_id=\"str_1\",encoder_id=\"enc-2\",role=\"backup\"}",
        1.0,
    ),
];

#[test]
fn readings_come_in_base_units_and_a_trouble_is_told_once() {
    let text = everything().render();
    for (series, expected) in SERIES {
        let told = value(&text, series).unwrap_or_else(|| panic!("{series} in {text}"));
        assert!((told - expected).abs() < 1e-9, "{series} is {told}");
    }
    let issues = text
        .lines()
        .filter(|line| line.starts_with("encoder_issue{"));
    assert_eq!(issues.count(), 2, "one for each encoder");
}

#[test]
fn silent_encoder_has_no_readings_and_absent_ones_are_no_zeros() {
    let mut silent = encoder("enc-1");
    silent.assessment.verdict = Verdict::Silent;
    silent.state = EncoderState::Offline;
    let mut bare = encoder("enc-2");
    bare.status = Some(EncoderStatus::default());
    let known = move || Known {
        encoders: vec![
            EncoderSample::new(silent.clone(), &Tally::default(), false),
            EncoderSample::new(bare.clone(), &Tally::default(), false),
        ],
        ..Known::default()
    };
    let text = metrics(known).render();
    for name in [
        "cpu_ratio",
        "temperature_celsius",
        "medium_free_bytes",
        "output_bits_per_second",
    ] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert_eq!(
        value(&text, "encoder_streaming{encoder_id=\"enc-1\"}"),
        None
    );
    assert_eq!(
        value(&text, "encoder_streaming{encoder_id=\"enc-2\"}"),
        Some(0.0)
    );
    assert_eq!(
        value(
            &text,
            "encoder_state{encoder_id=\"enc-1\",state=\"offline\"}"
        ),
        Some(1.0)
    );
    assert_eq!(
        value(&text, "encoder_health_score{encoder_id=\"enc-1\"}"),
        Some(90.0)
    );
}

#[test]
fn words_of_a_device_become_labels_only_when_they_are_codes() {
    let mut view = encoder("enc-1");
    let texts = ["No Video!", "", &"x".repeat(65), "rtmp://key"];
    view.assessment.issues = texts
        .map(|text| Issue::new(text.to_owned(), Severity::Info, "", at(0)))
        .into();
    let many = (0..200).map(|n| Issue::new(format!("code_{n}"), Severity::Info, "", at(0)));
    view.assessment.issues.extend(many);
    let known = move || Known {
        encoders: vec![EncoderSample::new(view.clone(), &Tally::default(), false)],
        ..Known::default()
    };
    let text = metrics(known).render();
    let issues: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("encoder_issue{"))
        .collect();
    assert_eq!(issues.len(), 64);
    assert!(
        !text.contains("Video!") && !text.contains("rtmp"),
        "{issues:?}"
    );
    let metrics = Metrics::new();
    metrics.observe_failover(&failover(Trigger::Manual, "Free text of a client", true));
    let counted = "encoder_failovers_total{reason=\"other\",result=\"succeeded\"}";
    assert_eq!(value(&metrics.render(), counted), Some(1.0));
}

#[test]
fn stopped_stream_is_no_longer_told_and_a_failed_one_is() {
    let known = || Known {
        streams: vec![
            stream("str_over", StreamState::Stopped),
            stream("str_bad", StreamState::Failed),
        ],
        ..Known::default()
    };
    let text = metrics(known).render();
    assert!(!text.contains("str_over"), "{text}");
    let failed = "encoder_stream_state{stream_id=\"str_bad\",state=\"failed\"}";
    assert_eq!(value(&text, failed), Some(1.0));
    assert_eq!(value(&text, "encoder_streams{state=\"failed\"}"), Some(1.0));
    assert!(
        !text.contains("encoder_stream_encoder_info"),
        "it holds no encoders"
    );
    assert!(!text.contains("encoder_stream_backup_ready"));
}

#[test]
fn unprotected_stream_has_no_backup_to_be_ready() {
    let mut view = stream("str_1", StreamState::Live);
    view.record.protection = Protection::None;
    let known = move || Known {
        streams: vec![view.clone()],
        ..Known::default()
    };
    let text = metrics(known).render();
    assert!(!text.contains("encoder_stream_backup_ready"));
    let protection = "encoder_stream_protection{stream_id=\"str_1\",protection=\"none\"}";
    assert_eq!(value(&text, protection), Some(1.0));
}

#[test]
fn stream_counts_what_was_dropped_while_each_encoder_published_it() {
    let mut book = stream::StreamBook::default();
    // Encoder, its own count, what the stream lost so far.
    let steps = [
        ("enc-1", Some(5), Some(5)),
        ("enc-1", Some(8), Some(8)),
        ("enc-2", Some(100), Some(8)),
        ("enc-2", Some(101), Some(9)),
        ("enc-2", Some(2), Some(11)),
        ("enc-2", None, Some(11)),
        ("enc-1", Some(3), Some(11)),
    ];
    for (encoder, count, total) in steps {
        let mut view = stream("str_1", StreamState::Live);
        view.health.encoder_id = id(encoder);
        view.health.dropped_frames = count;
        assert_eq!(
            book.samples(vec![view])[0].dropped,
            total,
            "{encoder} {count:?}"
        );
    }
    let mut other = stream("str_2", StreamState::Live);
    other.health.dropped_frames = None;
    assert_eq!(book.samples(vec![other])[0].dropped, None);
    let mut back = stream("str_1", StreamState::Live);
    back.health.dropped_frames = Some(1);
    assert_eq!(
        book.samples(vec![back])[0].dropped,
        Some(1),
        "what is gone is forgotten"
    );
}

#[test]
fn drill_counts_once_when_it_is_over() {
    let metrics = Metrics::new();
    metrics.observe_failover(&failover(Trigger::Drill, "drill", true));
    assert!(!metrics.render().contains("encoder_drills_total"));
    metrics.observe_failover(&failover(Trigger::Drill, "drill_return", true));
    metrics.observe_failover(&failover(Trigger::Drill, "drill", false));
    let text = metrics.render();
    assert_eq!(
        value(&text, "encoder_drills_total{result=\"succeeded\"}"),
        Some(1.0)
    );
    assert_eq!(
        value(&text, "encoder_drills_total{result=\"failed\"}"),
        Some(1.0)
    );
}

#[test]
fn restarts_are_added_up_over_units_and_watchers() {
    let tally = Tally::default();
    for (seen, total) in [(0, 0), (2, 2), (2, 2), (1, 3), (0, 3), (1, 4)] {
        tally.passed(at(0), seen);
        assert_eq!(tally.counted().reboots, total);
    }
}

#[test]
fn certificate_series_end_with_their_target() {
    let metrics = Metrics::new();
    metrics.set_certificate("a:443", Some(at(5)), false);
    let text = metrics.render();
    let expiry = "encoder_certificate_expiry_timestamp_seconds{target=\"a:443\"}";
    assert_eq!(value(&text, expiry), Some(5.0));
    assert_eq!(
        value(&text, "encoder_certificate_valid{target=\"a:443\"}"),
        Some(0.0)
    );
    metrics.set_certificate("a:443", None, false);
    assert_eq!(
        value(&metrics.render(), expiry),
        None,
        "without a chain there is no date"
    );
    metrics.forget_certificate("a:443");
    assert!(!metrics.render().contains("a:443"));
}

#[tokio::test(start_paused = true)]
async fn docs_list_every_metric_of_the_manager() {
    let manager = crate::Manager::builder().build().await.unwrap();
    let declared = manager.metrics().declarations();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs/metrics.md");
    crate::testkit::docs::assert_region(page, "manager", &table(&declared));
}

#[test]
fn rendering_a_thousand_encoders_holds_nobody_up() {
    let tally = tally();
    let views: Vec<_> = (0..1000).map(|n| encoder(&format!("enc-{n}"))).collect();
    let metrics = metrics(move || Known {
        encoders: views
            .iter()
            .map(|view| EncoderSample::new(view.clone(), &tally, false))
            .collect(),
        ..Known::default()
    });
    let begun = std::time::Instant::now();
    let text = metrics.render();
    let took = begun.elapsed();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    println!("{series} series, {} bytes in {took:?}", text.len());
    // Tens of milliseconds when optimised; the limit leaves room for a busy machine without.
    assert!(series > 50_000 && took < Duration::from_secs(5), "{took:?}");
}
