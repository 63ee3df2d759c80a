//! What a fake encoder can do and sees unless a test says otherwise.

use crate::driver::Capability;
use crate::model::{FrameRate, InputSignal, Resolution};

pub(super) fn default_capability() -> Capability {
    Capability {
        record: true,
        recall_preset: true,
        select_input: true,
        select_recording_medium: true,
        mute: true,
        reboot: true,
        pushes_events: true,
        reads_back: true,
        reports_temperature: true,
        reports_input: true,
        ..Capability::default()
    }
}

pub(super) fn signal(present: bool) -> InputSignal {
    if !present {
        return InputSignal::default();
    }
    InputSignal {
        present,
        format: Some("1080p30".to_owned()),
        resolution: Some(Resolution::new(1920, 1080)),
        fps: Some(FrameRate::from_fps(30.0)),
    }
}
