use encoder_core::model::{Alarm, AlarmCategory, Severity};
use tokio::time::Instant;

use super::*;

fn readings(values: &[(Param, &str)]) -> Readings {
    let mut readings = Readings::default();
    for (param, value) in values {
        readings.read(*param, Some((*value).to_owned()), Instant::now());
    }
    readings
}

fn streaming() -> Vec<(Param, &'static str)> {
    vec![
        (Param::STREAM_STATE, "2"),
        (Param::INPUT_FORMAT, "16"),
        (Param::STREAM_TYPE, "0"),
        (Param::SERVER_URL, "rtmp://ingest.example/live"),
        (Param::STREAM_NAME, "key"),
        (Param::VIDEO_BITRATE, "5000"),
        (Param::AUDIO_BITRATE, "3"),
        (Param::GEOMETRY, "1"),
        (Param::WIDTH, "1280"),
        (Param::HEIGHT, "720"),
        (Param::FRAME_RATE, "1"),
        (Param::GOP_SIZE, "60"),
        (Param::TEMPERATURE, "51"),
        (Param::STREAM_DURATION, "01:02:03:04"),
    ]
}

#[test]
fn nothing_read_is_nothing_known() {
    assert_eq!(status_of(&Readings::default()), EncoderStatus::default());
}

#[test]
fn streaming_device_is_read_completely() {
    let status = status_of(&readings(&streaming()));
    assert_eq!(status.stream_state, DeviceStreamState::Streaming);
    assert_eq!(status.system.temperature, Some(Celsius(51.0)));
    assert_eq!(status.output.duration, Some(Duration::from_secs(93_784)));
    let active = status.active.unwrap();
    assert_eq!(active.resolution, Some(Resolution::new(1280, 720)));
    assert_eq!(active.fps, Some(FrameRate::from_fps(29.97)));
    assert_eq!(active.bitrate, Some(Bitrate(5_000_000)));
    assert_eq!(active.audio_bitrate, Some(Bitrate(128_000)));
    let interval = active.keyframe_interval.unwrap().as_secs_f64();
    assert!((interval - 2.002).abs() < 0.001, "{interval}");
    let target = active.target.unwrap();
    assert_eq!(target.url, "rtmp://ingest.example/live");
    assert_eq!(target.stream_key.expose(), "key");
}

#[test]
fn what_a_helo_does_not_report_is_none() {
    let status = status_of(&readings(&streaming()));
    let system = &status.system;
    assert_eq!((system.cpu_percent, system.memory_percent), (None, None));
    assert_eq!((system.fan_rpm, system.uptime), (None, None));
    let output = &status.output;
    assert_eq!(
        (output.bitrate, output.fps, output.dropped_frames),
        (None, None, None)
    );
}

#[test]
fn masked_key_makes_the_target_unknown() {
    let mut values = streaming();
    values.push((Param::STREAM_NAME, "***"));
    assert_eq!(status_of(&readings(&values)).active.unwrap().target, None);
}

#[test]
fn other_stream_type_publishes_nowhere() {
    let mut values = streaming();
    values.push((Param::STREAM_TYPE, "3"));
    let target = status_of(&readings(&values))
        .active
        .unwrap()
        .target
        .unwrap();
    assert_eq!(target.url, "");
}

#[test]
fn lost_input_leaves_the_rate_unknown() {
    let mut values = streaming();
    values.push((Param::INPUT_FORMAT, "0"));
    let status = status_of(&readings(&values));
    assert!(!status.input.unwrap().present);
    let active = status.active.unwrap();
    assert_eq!((active.fps, active.keyframe_interval), (None, None));
}

#[test]
fn picture_as_input_has_the_inputs_size() {
    let mut values = streaming();
    values.push((Param::GEOMETRY, "0"));
    let active = status_of(&readings(&values)).active.unwrap();
    assert_eq!(active.resolution, Some(Resolution::new(1920, 1080)));
}

#[test]
fn unmeasured_temperature_is_none() {
    for value in ["0", "65535", "-1", "hot"] {
        let status = status_of(&readings(&[(Param::TEMPERATURE, value)]));
        assert_eq!(status.system.temperature, None, "{value}");
    }
}

#[test]
fn duration_of_an_idle_device_is_none() {
    let values = [
        (Param::STREAM_STATE, "1"),
        (Param::STREAM_DURATION, "00:00:10:00"),
    ];
    assert_eq!(status_of(&readings(&values)).output.duration, None);
}

#[test]
fn media_are_read_and_zeros_of_absent_ones_left_out() {
    let status = status_of(&readings(&[
        (Param::MEDIA_KIND, "1"),
        (Param::MEDIA_MOUNTED, "1"),
        (Param::MEDIA_READY, "1"),
        (Param::MEDIA_FREE_PERCENT, "87"),
        (Param::MEDIA_FREE_BYTES, "56000000000"),
        (Param::MEDIA_TOTAL_BYTES, "64000000000"),
        (Param::MEDIA2_KIND, "0"),
        (Param::MEDIA2_MOUNTED, "0"),
        (Param::MEDIA2_FREE_PERCENT, "0"),
        (Param::MEDIA2_FREE_BYTES, "0"),
    ]));
    let [primary, secondary] = &status.media[..] else {
        panic!("two media, not {:?}", status.media);
    };
    assert_eq!(primary.kind.as_deref(), Some("usb"));
    assert_eq!(
        (primary.free_percent, primary.total_bytes),
        (Some(87), Some(64_000_000_000))
    );
    assert_eq!(secondary.mounted, Some(false));
    assert_eq!((secondary.free_percent, secondary.free_bytes), (None, None));
}

#[test]
fn second_medium_set_to_none_is_left_out() {
    let values = [(Param::MEDIA2_KIND, "4"), (Param::MEDIA2_MOUNTED, "0")];
    assert!(status_of(&readings(&values)).media.is_empty());
}

#[test]
fn durations_are_days_to_seconds() {
    assert_eq!(duration("00:00:00:59"), Some(Duration::from_secs(59)));
    for text in ["", "1:2:3", "a:b:c:d", "18446744073709551615:0:0:0"] {
        assert_eq!(duration(text), None, "{text}");
    }
}

fn alarm(code: &str) -> Alarm {
    Alarm {
        code: code.to_owned(),
        category: AlarmCategory::Stream,
        severity: Severity::Warning,
        message: String::new(),
    }
}

#[test]
fn changes_are_named_precisely() {
    let old = EncoderStatus {
        alarms: vec![alarm("over")],
        ..EncoderStatus::default()
    };
    let mut new = old.clone();
    new.stream_state = DeviceStreamState::Streaming;
    new.system.temperature = Some(Celsius(60.0));
    new.alarms = vec![alarm("raised")];
    assert_eq!(
        changes(&old, &new),
        [
            StatusChange::StreamState(DeviceStreamState::Streaming),
            StatusChange::Temperature(Celsius(60.0)),
            StatusChange::AlarmRaised(alarm("raised")),
            StatusChange::AlarmCleared("over".to_owned()),
        ]
    );
}

#[test]
fn anything_else_is_the_whole_status() {
    let old = EncoderStatus::default();
    let mut new = old.clone();
    new.network.link_errors = Some(3);
    assert_eq!(
        changes(&old, &new),
        [StatusChange::Other(Box::new(new.clone()))]
    );
    assert!(changes(&new, &new.clone()).is_empty());
}

#[test]
fn changes_lead_from_one_status_to_the_other() {
    let old = status_of(&readings(&[
        (Param::STREAM_STATE, "1"),
        (Param::INPUT_FORMAT, "16"),
    ]));
    let new = status_of(&readings(&streaming()));
    let mut reached = old.clone();
    for change in changes(&old, &new) {
        reached.apply(change);
    }
    assert_eq!(reached, new);
}
