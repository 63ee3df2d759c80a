//! The validator never panics, and whatever it accepts keeps the rules.

use encoder_core::config::StreamDefaults;
use encoder_core::driver::{Capability, FrameRateRule};
use encoder_core::model::{
    Bitrate, DestinationRequest, FrameRate, InputSignal, Personality, Protection, Resolution,
    Secret, StreamRequest,
};
use encoder_core::validate::{validate_config, validate_for_encoder, validate_stream};
use encoder_core::{Error, ErrorKind};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;

fn resolution() -> impl Strategy<Value = Resolution> {
    prop_oneof![
        4 => prop::sample::select(vec![(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        1 => any::<(u32, u32)>(),
    ]
    .prop_map(|(width, height)| Resolution::new(width, height))
}

fn bitrate() -> impl Strategy<Value = Bitrate> {
    prop_oneof![4 => 500_000..25_000_000_u64, 1 => any::<u64>()].prop_map(Bitrate)
}

fn fps() -> impl Strategy<Value = FrameRate> {
    let usual = prop::sample::select(vec![24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0]);
    prop_oneof![4 => usual, 1 => -10.0..200.0, 1 => any::<f64>()].prop_map(FrameRate::from_fps)
}

fn url() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "rtmps?://[a-z]{1,8}(\\.[a-z]{2,5})?(:[0-9]{1,4})?/[a-z]{1,10}",
        1 => "[a-z]{1,6}://[ -~]{0,20}",
        1 => ".{0,40}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[A-Za-z0-9_-]{8,130}", 1 => ".{0,20}"]
}

prop_compose! {
    fn destination()(
        url in option::weighted(0.9, url()),
        backup_url in option::of(url()),
        stream_key in option::of(key()),
        personality in option::of(prop::sample::select(vec![
            Personality::Takeover,
            Personality::Reject,
            Personality::Separate,
        ])),
        idle_timeout_seconds in option::weighted(0.2, prop_oneof![any::<f64>(), 0.0..60.0]),
    ) -> DestinationRequest {
        let stream_key = stream_key.map(Secret::new);
        DestinationRequest { url, backup_url, stream_key, personality, idle_timeout_seconds }
    }
}

prop_compose! {
    fn request()(
        resolution in resolution(),
        bitrate in bitrate(),
        fps in fps(),
        name in option::weighted(0.3, ".{0,210}"),
        protection in option::of(prop::sample::select(vec![
            Protection::Hot,
            Protection::Warm,
            Protection::None,
        ])),
        destination in option::weighted(0.9, destination()),
        keyframe in option::weighted(0.3, prop_oneof![any::<f64>(), 0.2..12.0]),
        audio in option::weighted(0.3, 20_000..400_000_u64),
        labels in btree_map("[a-z ]{1,10}", ".{0,20}", 0..2),
    ) -> StreamRequest {
        let mut request = StreamRequest::new(resolution, bitrate, fps);
        request.name = name;
        request.protection = protection;
        request.destination = destination;
        request.keyframe_interval_seconds = keyframe;
        request.audio_bitrate = audio.map(Bitrate);
        request.labels = labels;
        request
    }
}

fn violations(error: &Error) -> Result<(), TestCaseError> {
    prop_assert_eq!(error.kind(), ErrorKind::ValidationFailed);
    prop_assert!(!error.violations().is_empty());
    for violation in error.violations() {
        prop_assert!(!violation.field.is_empty() && !violation.message.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn accepted_streams_keep_the_rules(request in request()) {
        let stream = match validate_stream(&request, &StreamDefaults::default()) {
            Ok(stream) => stream,
            Err(error) => return violations(&error),
        };
        let config = &stream.config;
        let size = (config.resolution.width, config.resolution.height);
        prop_assert!([(1920, 1080), (1280, 720), (854, 480), (640, 360)].contains(&size));
        prop_assert!((1_000_000..=20_000_000).contains(&config.bitrate.0));
        prop_assert!((1.0..=120.0).contains(&config.fps.fps()));
        prop_assert!((0.5..=10.0).contains(&config.keyframe_interval.as_secs_f64()));
        prop_assert!((32_000..=320_000).contains(&config.audio_bitrate.0));
        if let Some(key) = &stream.stream_key {
            let key = key.expose();
            prop_assert!((10..=128).contains(&key.len()));
            prop_assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)));
            prop_assert!(!stream.destination.url.contains(key.as_str()));
        }
        let backup = stream.destination.backup_url.as_deref();
        for url in [Some(stream.destination.url.as_str()), backup].into_iter().flatten() {
            let scheme = url.to_ascii_lowercase();
            prop_assert!(scheme.starts_with("rtmp:") || scheme.starts_with("rtmps:"), "{url}");
            prop_assert!(!url.contains('?') && !url.contains('@'), "{url}");
            prop_assert!(!url.chars().any(char::is_control));
        }
        if stream.protection == Protection::Hot
            || stream.destination.personality == Personality::Separate
        {
            prop_assert!(backup.is_some_and(|backup| backup != stream.destination.url));
        }
    }

    #[test]
    fn every_recommended_bitrate_and_rate_is_accepted_in_its_turn(request in request()) {
        let Ok(mut stream) = validate_stream(&request, &StreamDefaults::default()) else {
            return Ok(());
        };
        // The rate first, because the recommended bitrate depends on it.
        for field in ["fps", "bitrate"] {
            let findings = validate_config(&stream.config);
            let warning = findings.warnings.iter().find(|warning| warning.field == field);
            let Some(value) = warning.and_then(|warning| warning.recommended.clone()) else {
                continue;
            };
            match field {
                "fps" => stream.config.fps = serde_json::from_value(value).unwrap(),
                _ => stream.config.bitrate = serde_json::from_value(value).unwrap(),
            }
        }
        let findings = validate_config(&stream.config);
        prop_assert!(findings.errors.is_empty() && findings.warnings.is_empty(), "{findings:?}");
    }

    #[test]
    fn what_an_encoder_accepts_is_within_its_limits(
        request in request(),
        url in url(),
        (low, high) in (bitrate(), bitrate()),
        largest in resolution(),
        longest: u32,
        input in option::of(fps()),
    ) {
        let mut capability = Capability::default();
        let limits = &mut capability.limits;
        (limits.min_bitrate, limits.max_bitrate) = (low, high);
        limits.max_resolution = largest;
        limits.max_gop_frames = longest;
        limits.frame_rate = FrameRateRule::FractionOfInput;
        limits.audio_bitrates = vec![Bitrate::from_kbps(96), Bitrate::from_kbps(128)];
        limits.schemes = vec!["rtmp".to_owned()];
        let input = input.map(|fps| InputSignal { present: true, fps: Some(fps), ..Default::default() });
        let Ok(stream) = validate_stream(&request.to_url("rtmp://host/app"), &StreamDefaults::default()) else {
            return Ok(());
        };
        let config = &stream.config;
        if !validate_for_encoder(config, &url, &capability, input.as_ref()).is_empty() {
            return Ok(());
        }
        prop_assert!((low..=high).contains(&config.bitrate));
        prop_assert!(config.resolution.width <= largest.width);
        prop_assert!(config.gop_frames() <= longest);
        prop_assert!(capability.limits.audio_bitrates.contains(&config.audio_bitrate));
        prop_assert!(url.to_ascii_lowercase().starts_with("rtmp://"));
        if let Some(rate) = input.and_then(|input| input.fps) {
            let divisors = [1, 2, 4];
            prop_assert!(divisors.iter().any(|n| rate.divided_by(*n).is_nominally(config.fps)));
        }
    }
}
