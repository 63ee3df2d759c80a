//! What an encoder says of itself, put together from its engine and its machine.

use encoder_core::model::{
    ActiveConfig, DeviceIdentity, DeviceStreamState, EncoderStatus, InputSignal,
};

use crate::engine::View;
use crate::setup::{Setup, Sight};

/// The whole status.
pub(crate) fn compose(setup: &Setup, sight: Sight, view: View) -> EncoderStatus {
    // What leaves came in; otherwise the disk tells.
    let flows = view.state == DeviceStreamState::Streaming;
    let present = if flows { Some(true) } else { sight.input };
    let active = view.held.map(|held| ActiveConfig {
        resolution: Some(held.config.resolution),
        fps: Some(held.config.fps),
        bitrate: Some(held.config.bitrate),
        audio_bitrate: Some(held.config.audio_bitrate),
        keyframe_interval: Some(held.config.keyframe_interval),
        target: Some(held.target),
    });
    EncoderStatus {
        stream_state: view.state,
        input: present.map(|present| InputSignal {
            present,
            ..InputSignal::default()
        }),
        active,
        system: sight.system,
        output: view.output,
        identity: DeviceIdentity {
            product: Some("FFmpeg".to_owned()),
            name: None,
            serial: Some(setup.serial.clone()),
            firmware: Some(sight.tools.version.to_string()),
        },
        alarms: view.alarms,
        ..EncoderStatus::default()
    }
}
