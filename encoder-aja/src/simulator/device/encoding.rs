//! What the working copy asks the encoder for.

use super::state::State;
use crate::codes::{AUDIO_KBPS, FRAME_RATE_DIVISORS, input_signal};
use crate::simulator::media::{Encoding, Rate};

/// What a test pattern has when there is no signal to take it from.
const PATTERN: ((u32, u32), f64) = ((1280, 720), 30.0);

impl State {
    pub(super) fn encoding(&self) -> Encoding {
        let number = |id: &str| self.values.get(id).parse::<u32>().unwrap_or_default();
        let listed = |id: &str| number(id) as usize;
        let (input_size, input_fps) = self.input();
        let size = match self.values.get("StreamingFrameGeometryType") {
            "1" => (number("StreamingWidth"), number("StreamingHeight")),
            _ => input_size,
        };
        let divisor = FRAME_RATE_DIVISORS.get(listed("StreamingFrameRate"));
        let audio = AUDIO_KBPS.get(listed("StreamingAudioBitrate"));
        Encoding {
            size: (even(size.0), even(size.1)),
            rate: Rate::of(input_fps).divided(divisor.copied().unwrap_or(1)),
            video_kbps: number("StreamingVideoBitrate").max(1),
            audio_kbps: audio.map_or(128, |kbps| *kbps as u32),
            gop: number("StreamingGOPSize").max(1),
            profile: match self.values.get("StreamingH264Profile") {
                // What x264 calls baseline is the constrained one.
                "0" | "1" => "baseline",
                "3" => "high",
                _ => "main",
            },
        }
    }

    fn input(&self) -> ((u32, u32), f64) {
        let number = self.values.get("DetectInputFormat").parse();
        let signal = input_signal(number.unwrap_or_default());
        let size = signal.resolution.map(|size| (size.width, size.height));
        let fps = signal.fps.map(|fps| fps.fps());
        (size.unwrap_or(PATTERN.0), fps.unwrap_or(PATTERN.1))
    }
}

/// Pictures of half the colour resolution have even sides.
fn even(length: u32) -> u32 {
    length.max(2) / 2 * 2
}
