//! What ffmpeg makes of pictures and sound.

use encoder_ffmpeg::code::{HEIGHT, WIDTH};
use tokio::process::Command;
use tokio::time::Duration;

/// Pictures per second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Rate {
    numerator: u32,
    denominator: u32,
}

/// The settings of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Encoding {
    pub(in crate::simulator) size: (u32, u32),
    pub(in crate::simulator) rate: Rate,
    pub(in crate::simulator) video_kbps: u32,
    pub(in crate::simulator) audio_kbps: u32,
    /// Pictures from key frame to key frame.
    pub(in crate::simulator) gop: u32,
    pub(in crate::simulator) profile: &'static str,
}

impl Rate {
    /// Reads 29.97 and its kin as what they stand for.
    pub(in crate::simulator) fn of(fps: f64) -> Self {
        let whole = fps.ceil();
        let drop_frame = whole * 1000.0 / 1001.0;
        if fps < whole && (fps - drop_frame).abs() < 0.01 {
            return Self {
                numerator: whole as u32 * 1000,
                denominator: 1001,
            };
        }
        Self {
            numerator: ((fps * 1000.0).round() as u32).max(1),
            denominator: 1000,
        }
    }

    pub(in crate::simulator) fn divided(self, divisor: u32) -> Self {
        Self {
            denominator: self.denominator * divisor.max(1),
            ..self
        }
    }

    pub(super) fn fps(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// From picture to picture.
    pub(super) fn period(self) -> Duration {
        Duration::from_secs_f64(f64::from(self.denominator) / f64::from(self.numerator))
    }
}

impl Encoding {
    /// The same stream with fewer pixels and pictures.
    pub(super) fn within(self, resolution: Option<(u32, u32)>, fps: Option<f64>) -> Self {
        let mut within = self;
        if let Some(most) = resolution {
            within.size = fit(within.size, most);
        }
        let most = fps.filter(|fps| *fps > 0.0 && *fps < within.rate.fps());
        if let Some(fps) = most {
            let rate = Rate::of(fps);
            let gop = f64::from(within.gop) * rate.fps() / within.rate.fps();
            within.gop = (gop.round() as u32).max(1);
            within.rate = rate;
        }
        within
    }

    /// Adds inputs and codecs: pictures from the standard input, a tone, and no waiting anywhere.
    /// The pictures come in real time and the tone keeps up with them, so that ffmpeg paces nothing.
    pub(super) fn add_to(&self, command: &mut Command, tone: u32) {
        let Rate {
            numerator,
            denominator,
        } = self.rate;
        let rate = format!("{numerator}/{denominator}");
        let canvas = format!("{WIDTH}x{HEIGHT}");
        let unprobed = ["-fflags", "nobuffer", "-probesize", "32"];
        command
            .args(unprobed)
            .args(["-f", "rawvideo", "-pixel_format", "yuv420p"])
            .args(["-video_size", &canvas, "-framerate", &rate, "-i", "pipe:0"])
            .args(unprobed)
            .args(["-f", "lavfi", "-i"])
            .arg(format!(
                "sine=frequency={tone}:sample_rate=48000:samples_per_frame=1024"
            ))
            .args(["-map", "0:v", "-map", "1:a", "-shortest"]);
        self.add_video(command);
        command
            .args(["-c:a", "aac", "-ac", "2", "-b:a"])
            .arg(format!("{}k", self.audio_kbps))
            .args(["-flush_packets", "1"]);
    }

    fn add_video(&self, command: &mut Command) {
        let (width, height) = self.size;
        let bitrate = format!("{}k", self.video_kbps);
        let gop = self.gop.to_string();
        command
            .arg("-vf")
            .arg(format!("scale={width}:{height}:flags=neighbor"))
            .args(["-c:v", "libx264", "-preset", "ultrafast"])
            .args(["-tune", "zerolatency", "-profile:v", self.profile])
            .args(["-b:v", &bitrate, "-maxrate", &bitrate, "-bufsize", &bitrate])
            .args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0"])
            .args(["-bf", "0", "-threads", "1"]);
    }
}

/// The largest even size of this shape within another, never larger than it was.
fn fit((width, height): (u32, u32), (most_wide, most_high): (u32, u32)) -> (u32, u32) {
    let horizontal = f64::from(most_wide) / f64::from(width);
    let vertical = f64::from(most_high) / f64::from(height);
    let factor = horizontal.min(vertical).min(1.0);
    let even = |length: u32| ((f64::from(length) * factor / 2.0).round() as u32).max(8) * 2;
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(size: (u32, u32), fps: f64, gop: u32) -> Encoding {
        Encoding {
            size,
            rate: Rate::of(fps),
            video_kbps: 5000,
            audio_kbps: 128,
            gop,
            profile: "main",
        }
    }

    #[test]
    fn limits_keep_the_shape_and_the_time_between_key_frames() {
        let within = encoding((1920, 1080), 60.0, 120).within(Some((320, 180)), Some(15.0));
        assert_eq!((within.size, within.gop), ((320, 180), 30));
        let narrow = encoding((720, 576), 25.0, 50).within(Some((320, 180)), None);
        assert_eq!((narrow.size, narrow.gop), ((226, 180), 50));
        let small = encoding((176, 144), 10.0, 20);
        assert_eq!(small.clone().within(Some((320, 180)), Some(15.0)), small);
    }

    #[test]
    fn drop_frame_rates_are_exact() {
        let rate = |numerator, denominator| Rate {
            numerator,
            denominator,
        };
        assert_eq!(Rate::of(29.97), rate(30_000, 1001));
        assert_eq!(Rate::of(23.98), rate(24_000, 1001));
        assert_eq!(Rate::of(59.94).divided(2), rate(60_000, 2002));
        assert_eq!(Rate::of(25.0), rate(25_000, 1000));
        assert_eq!(Rate::of(12.5), rate(12_500, 1000));
    }
}
