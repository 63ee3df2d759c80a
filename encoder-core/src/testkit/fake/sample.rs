//! Settings for tests that do not care which.

use std::time::Duration;

use crate::model::{Bitrate, FrameRate, PublishTarget, Resolution, Secret, StreamConfig};

/// Settings that every encoder should take: 1920x1080, 30 pictures and 6 Mbit per second.
pub fn sample_config() -> StreamConfig {
    StreamConfig {
        resolution: Resolution::new(1920, 1080),
        bitrate: Bitrate::from_kbps(6000),
        fps: FrameRate::from_fps(30.0),
        keyframe_interval: Duration::from_secs(2),
        audio_bitrate: Bitrate::from_kbps(128),
    }
}

/// An address that leads nowhere, with a key.
pub fn sample_target() -> PublishTarget {
    PublishTarget {
        url: "rtmp://ingest.example/live".to_owned(),
        stream_key: Secret::from("sample-key"),
    }
}
