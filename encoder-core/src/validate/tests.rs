use super::*;
use crate::config::StreamDefaults;
use crate::driver::{Capability, FrameRateRule};
use crate::model::{
    DestinationRequest, InputSignal, Personality, Protection, Secret, StreamRequest,
};

fn config(resolution: (u32, u32), bitrate: u64, fps: f64) -> StreamConfig {
    StreamConfig {
        resolution: Resolution::new(resolution.0, resolution.1),
        bitrate: Bitrate(bitrate),
        fps: FrameRate::from_fps(fps),
        keyframe_interval: Duration::from_secs(2),
        audio_bitrate: Bitrate::from_kbps(128),
    }
}

fn request() -> StreamRequest {
    StreamRequest::new(
        Resolution::new(1920, 1080),
        Bitrate(8_000_000),
        FrameRate::from_fps(30.0),
    )
    .to_url("rtmp://ingest.example/live")
}

fn codes(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations
        .iter()
        .map(|violation| (violation.field.as_str(), violation.code.as_str()))
        .collect()
}

fn violations_of(request: &StreamRequest) -> Vec<Violation> {
    let error = validate_stream(request, &StreamDefaults::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValidationFailed);
    error.violations().to_vec()
}

#[test]
fn recommended_settings_raise_nothing() {
    for (size, bitrate, fps) in [
        ((1920, 1080), 8_000_000, 30.0),
        ((1920, 1080), 12_000_000, 60.0),
        ((1280, 720), 4_500_000, 29.97),
        ((1280, 720), 6_750_000, 50.0),
        ((854, 480), 2_000_000, 25.0),
        ((640, 360), 3_000_000, 59.94),
    ] {
        assert_eq!(
            validate_config(&config(size, bitrate, fps)),
            Findings::default(),
            "{size:?} {bitrate} {fps}"
        );
    }
}

#[test]
fn bitrates_far_from_the_recommended_one_are_warned_about_with_it() {
    let low = validate_config(&config((1920, 1080), 5_000_000, 30.0));
    assert!(low.errors.is_empty());
    assert_eq!(codes(&low.warnings), [("bitrate", "below_recommended")]);
    assert_eq!(low.warnings[0].recommended, Some(8_000_000.into()));

    let high = validate_config(&config((1280, 720), 20_000_000, 60.0));
    assert_eq!(codes(&high.warnings), [("bitrate", "above_recommended")]);
    assert_eq!(high.warnings[0].recommended, Some(6_750_000.into()));

    let edge = validate_config(&config((1920, 1080), 5_600_000, 30.0));
    assert_eq!(edge, Findings::default(), "30 % off is still fine");
}

#[test]
fn unusual_frame_rates_are_warned_about_with_the_nearest() {
    let film = validate_config(&config((1920, 1080), 8_000_000, 23.976));
    assert!(film.errors.is_empty());
    assert_eq!(codes(&film.warnings), [("fps", "unusual_frame_rate")]);
    assert_eq!(film.warnings[0].recommended, Some(24.into()));
    let odd = validate_config(&config((1920, 1080), 8_000_000, 29.5));
    assert_eq!(odd.warnings[0].recommended, Some(29.97.into()));
}

#[test]
fn absurd_frame_rates_are_errors() {
    for fps in [0.0, -30.0, 0.9, 121.0, f64::NAN, f64::INFINITY] {
        let findings = validate_config(&config((1280, 720), 4_500_000, fps));
        assert_eq!(codes(&findings.errors), [("fps", "out_of_range")], "{fps}");
    }
}

#[test]
fn every_violation_is_listed() {
    let mut request = request();
    request.resolution = Resolution::new(800, 600);
    request.bitrate = Bitrate(999_999);
    request.fps = FrameRate::from_fps(0.0);
    request.keyframe_interval_seconds = Some(-1.0);
    request.audio_bitrate = Some(Bitrate(1));
    request.name = Some("x".repeat(201));
    request.labels.insert("a b".into(), String::new());
    request.destination = Some(DestinationRequest {
        url: Some("http://ingest.example/live".into()),
        stream_key: Some("kurz!".into()),
        idle_timeout_seconds: Some(f64::NAN),
        personality: Some(Personality::Separate),
        ..Default::default()
    });
    let violations = violations_of(&request);
    let mut found = codes(&violations);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("audio_bitrate", "out_of_range"),
            ("bitrate", "out_of_range"),
            ("destination.backup_url", "required"),
            ("destination.idle_timeout_seconds", "out_of_range"),
            ("destination.stream_key", "invalid_characters"),
            ("destination.stream_key", "too_short"),
            ("destination.url", "unsupported_scheme"),
            ("fps", "out_of_range"),
            ("keyframe_interval_seconds", "out_of_range"),
            ("labels", "invalid_characters"),
            ("name", "too_long"),
            ("resolution", "unsupported_resolution"),
        ]
    );
    let resolution = violations.iter().find(|v| v.field == "resolution").unwrap();
    assert!(resolution.message.contains("854x480"));
}

#[test]
fn destination_must_be_named_or_configured() {
    let mut bare = request();
    bare.destination = None;
    assert_eq!(
        codes(&violations_of(&bare)),
        [("destination.url", "required")]
    );

    let defaults = StreamDefaults {
        url: Some("rtmps://default.example/app".into()),
        backup_url: Some("rtmps://second.example/app".into()),
        ..Default::default()
    };
    let valid = validate_stream(&bare, &defaults).unwrap();
    assert_eq!(valid.destination.url, "rtmps://default.example/app");
    assert_eq!(valid.destination.backup_url, defaults.backup_url);
    assert_eq!(valid.config.audio_bitrate, defaults.audio_bitrate);
    assert_eq!(valid.stream_key, None);

    let own = validate_stream(&request(), &defaults).unwrap();
    assert_eq!(own.destination.backup_url, None, "of another ingest");
}

#[test]
fn addresses_that_cannot_be_published_to_are_refused() {
    for (url, code) in [
        ("ingest.example/live", "invalid_url"),
        ("rtmp://", "invalid_url"),
        ("rtmp:///live", "invalid_url"),
        ("rtmp://host/li\nve", "invalid_url"),
        (" rtmp://host/live", "invalid_url"),
        ("srt://host:9000", "unsupported_scheme"),
        ("rtmp://user:pass@host/live", "secret_in_url"),
        ("rtmp://host/live?token=1", "secret_in_url"),
        ("rtmp://host/live/key_0123456789", "secret_in_url"),
    ] {
        let mut request = request().to_url(url);
        request.destination.get_or_insert_default().stream_key = Some("key_0123456789".into());
        let violations = violations_of(&request);
        assert_eq!(codes(&violations), [("destination.url", code)], "{url}");
    }
    let long = format!("rtmp://host/{}", "a".repeat(600));
    let violations = violations_of(&request().to_url(long));
    assert_eq!(codes(&violations), [("destination.url", "too_long")]);
    for url in ["rtmps://[2001:db8::1]:1935/live", "rtmp://10.0.0.5/app/x"] {
        assert!(validate_stream(&request().to_url(url), &StreamDefaults::default()).is_ok());
    }
}

#[test]
fn second_publishers_need_a_second_address() {
    let hot = request().with_protection(Protection::Hot);
    assert_eq!(
        codes(&violations_of(&hot)),
        [("destination.backup_url", "required")]
    );
    let mut same = hot.clone();
    let destination = same.destination.get_or_insert_default();
    destination.backup_url = destination.url.clone();
    assert_eq!(
        codes(&violations_of(&same)),
        [("destination.backup_url", "same_as_url")]
    );
}

#[test]
fn errors_never_show_the_key() {
    let mut request = request();
    let key = "geheim geheim geheim";
    request.destination.get_or_insert_default().stream_key = Some(Secret::from(key));
    let error = validate_stream(&request, &StreamDefaults::default()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("geheim"));
}

#[test]
fn changes_are_judged_as_a_whole() {
    let before = config((1920, 1080), 8_000_000, 30.0);
    let patch = StreamConfigPatch {
        resolution: Some(Resolution::new(1280, 720)),
        ..Default::default()
    };
    let (after, warnings) = validate_change(&before, &patch).unwrap();
    assert_eq!(after.resolution, Resolution::new(1280, 720));
    assert_eq!(codes(&warnings), [("bitrate", "above_recommended")]);

    let patch = StreamConfigPatch {
        keyframe_interval_seconds: Some(f64::NAN),
        ..Default::default()
    };
    assert!(validate_change(&before, &patch).is_err());
}

fn narrow() -> Capability {
    let mut capability = Capability::default();
    let limits = &mut capability.limits;
    limits.min_bitrate = Bitrate(2_000_000);
    limits.max_bitrate = Bitrate(10_000_000);
    limits.min_resolution = Resolution::new(640, 480);
    limits.max_resolution = Resolution::new(1280, 720);
    limits.frame_rate = FrameRateRule::FractionOfInput;
    limits.audio_bitrates = vec![Bitrate(64_000), Bitrate(96_000)];
    limits.max_gop_frames = 50;
    limits.schemes = vec!["rtmp".into()];
    capability
}

#[test]
fn encoder_limits_are_named() {
    let input = InputSignal {
        present: true,
        fps: Some(FrameRate::from_fps(50.0)),
        ..Default::default()
    };
    let found = validate_for_encoder(
        &config((1920, 1080), 12_000_000, 30.0),
        "rtmps://host/live",
        &narrow(),
        Some(&input),
    );
    assert_eq!(
        codes(&found),
        [
            ("bitrate", "above_encoder_limit"),
            ("resolution", "above_encoder_limit"),
            ("fps", "not_a_fraction_of_input"),
            ("keyframe_interval_seconds", "above_encoder_limit"),
            ("audio_bitrate", "not_offered_by_encoder"),
            ("destination.url", "not_offered_by_encoder"),
        ]
    );
    let recommended: Vec<_> = found.iter().map(|v| v.recommended.clone()).collect();
    assert_eq!(recommended[0], Some(10_000_000.into()));
    assert_eq!(recommended[1], Some("1280x720".into()));
    assert_eq!(recommended[2], Some(25.into()));
    assert_eq!(recommended[3], Some(1.6.into()));
    assert_eq!(recommended[4], Some(96_000.into()));
    assert!(found[2].message.contains("50, 25, 12.5"));
}

#[test]
fn frame_rate_is_not_judged_without_an_input() {
    let fits = StreamConfig {
        keyframe_interval: Duration::from_secs(1),
        audio_bitrate: Bitrate(96_000),
        ..config((1280, 720), 4_500_000, 30.0)
    };
    let gone = InputSignal {
        present: false,
        fps: Some(FrameRate::from_fps(50.0)),
        ..Default::default()
    };
    for input in [None, Some(&gone), Some(&InputSignal::default())] {
        assert!(validate_for_encoder(&fits, "rtmp://h/a", &narrow(), input).is_empty());
    }
    let ntsc = InputSignal {
        present: true,
        fps: Some(FrameRate::from_fps(59.94)),
        ..Default::default()
    };
    let half = StreamConfig {
        fps: FrameRate::from_fps(29.97),
        ..fits
    };
    assert!(validate_for_encoder(&half, "rtmp://h/a", &narrow(), Some(&ntsc)).is_empty());
}

#[test]
fn key_frame_distance_may_reach_the_limit_and_not_exceed_it() {
    let mut capability = Capability::default();
    let judged = |capability: &Capability| {
        let config = config((1280, 720), 4_500_000, 25.0);
        validate_for_encoder(&config, "rtmp://h/a", capability, None)
    };
    capability.limits.max_gop_frames = 50;
    assert!(
        judged(&capability).is_empty(),
        "2 s at 25 pictures per second"
    );
    capability.limits.max_gop_frames = 49;
    assert_eq!(judged(&capability)[0].recommended, Some(1.9.into()));
}
