//! What ffmpeg is told about the encoding.

use encoder_core::model::{FrameRate, StreamConfig};
use tokio::process::Command;

use crate::config::FfmpegConfig;

/// Adds codecs and filters to a command, after the inputs.
pub(crate) fn add_to(command: &mut Command, settings: &FfmpegConfig, config: &StreamConfig) {
    command.arg("-vf").arg(filters(config));
    command.args(["-c:v", &settings.video_encoder]);
    if let Some(preset) = &settings.preset {
        command.args(["-preset", preset]);
    }
    if let Some(tune) = &settings.tune {
        command.args(["-tune", tune]);
    }
    // One second of buffer: ingests expect a constant rate.
    let bitrate = config.bitrate.0.to_string();
    for option in ["-b:v", "-maxrate", "-bufsize"] {
        command.args([option, &bitrate]);
    }
    // Key frames at their distance and nowhere else, so that segments are of one length.
    let gop = config.gop_frames().to_string();
    command.args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0"]);
    command.args(["-c:a", "aac", "-b:a", &config.audio_bitrate.0.to_string()]);
    command.args(["-ar", "48000", "-ac", "2"]);
}

/// The wanted rate and size; a picture of another shape gets borders instead of being stretched.
fn filters(config: &StreamConfig) -> String {
    let (w, h) = (config.resolution.width, config.resolution.height);
    let rate = rate(config.fps);
    format!(
        "fps={rate},scale={w}:{h}:force_original_aspect_ratio=decrease,\
         pad={w}:{h}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p"
    )
}

/// A frame rate as ffmpeg counts it: 29.97 is 30000/1001.
pub(crate) fn rate(fps: FrameRate) -> String {
    let round = (fps.fps() * 1.001).round();
    let exact = FrameRate::from_fps(round / 1.001);
    if exact.is_close_to(fps) && !FrameRate::from_fps(round).is_close_to(fps) {
        return format!("{}/1001", round * 1000.0);
    }
    format!("{}/1000", (fps.fps() * 1000.0).round())
}

#[cfg(test)]
mod tests {
    use encoder_core::testkit::sample_config;

    use super::*;

    #[test]
    fn studio_rates_are_exact() {
        let rates = [29.97, 59.94, 23.98, 23.976, 25.0, 30.0, 12.5, 15.0];
        let rates = rates.map(|fps| rate(FrameRate::from_fps(fps)));
        let exact = [
            "30000/1001",
            "60000/1001",
            "24000/1001",
            "24000/1001",
            "25000/1000",
            "30000/1000",
            "12500/1000",
            "15000/1000",
        ];
        assert_eq!(rates, exact);
    }

    #[test]
    fn settings_become_arguments() {
        let mut command = Command::new("ffmpeg");
        add_to(&mut command, &FfmpegConfig::default(), &sample_config());
        let arguments: Vec<_> = command.as_std().get_args().collect();
        let arguments: Vec<_> = arguments.iter().filter_map(|a| a.to_str()).collect();
        let told = arguments.join(" ");
        for expected in [
            "fps=30000/1000,scale=1920:1080:",
            "-c:v libx264 -preset veryfast -tune zerolatency",
            "-b:v 6000000 -maxrate 6000000 -bufsize 6000000",
            "-g 60 -keyint_min 60",
            "-b:a 128000",
        ] {
            assert!(told.contains(expected), "{expected} in {told}");
        }
    }
}
