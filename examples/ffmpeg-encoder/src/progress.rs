//! What ffmpeg tells with `-progress`: blocks of `key=value`, each ended by `progress=…`.

use std::time::Duration;

/// One block. What ffmpeg does not say, or says in a way that makes no sense, is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Pictures encoded so far.
    pub frames: Option<u64>,
    /// Pictures per second, averaged by ffmpeg over the whole run.
    pub fps: Option<f64>,
    /// Bits per second, averaged by ffmpeg over the whole run.
    pub bitrate: Option<f64>,
    /// Bytes put out so far.
    pub bytes: Option<u64>,
    /// Length of what was put out.
    pub length: Option<Duration>,
    /// Pictures repeated to keep the rate.
    pub repeated: Option<u64>,
    /// Pictures dropped to keep the rate.
    pub dropped: Option<u64>,
    /// Time put out per time passed, averaged over the whole run; 1 is real time.
    pub speed: Option<f64>,
}

/// Puts the lines together.
#[derive(Clone, Debug, Default)]
pub struct ProgressParser(Progress);

impl ProgressParser {
    /// Takes one line; returns the block that it completes.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let (key, value) = line.trim().split_once('=')?;
        let value = value.trim();
        let block = &mut self.0;
        match key.trim() {
            "progress" => return Some(std::mem::take(block)),
            "frame" => block.frames = value.parse().ok(),
            "fps" => block.fps = positive(value),
            "bitrate" => block.bitrate = kilobits(value),
            "total_size" => block.bytes = value.parse().ok(),
            "out_time_us" => block.length = value.parse().ok().map(Duration::from_micros),
            "dup_frames" => block.repeated = value.parse().ok(),
            "drop_frames" => block.dropped = value.parse().ok(),
            "speed" => block.speed = positive(value.trim_end_matches('x')),
            _ => {}
        }
        None
    }
}

/// A number that can be a rate.
fn positive(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn kilobits(text: &str) -> Option<f64> {
    positive(text.strip_suffix("kbits/s")?).map(|kilobits| kilobits * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "frame=61\nfps=15.02\nstream_0_0_q=17.0\nbitrate= 530.7kbits/s\n\
        total_size=269824\nout_time_us=4066667\nout_time_ms=4066667\nout_time=00:00:04.066667\n\
        dup_frames=2\ndrop_frames=1\nspeed=1.01x";

    fn parse(text: &str) -> Vec<Progress> {
        let mut parser = ProgressParser::default();
        text.lines().filter_map(|line| parser.line(line)).collect()
    }

    #[test]
    fn block_is_complete_with_its_last_line() {
        assert_eq!(parse(BLOCK), []);
        let whole = parse(&format!("{BLOCK}\nprogress=continue\n"));
        let expected = Progress {
            frames: Some(61),
            fps: Some(15.02),
            bitrate: Some(530_700.0),
            bytes: Some(269_824),
            length: Some(Duration::from_micros(4_066_667)),
            repeated: Some(2),
            dropped: Some(1),
            speed: Some(1.01),
        };
        assert_eq!(whole, [expected]);
    }

    #[test]
    fn what_makes_no_sense_is_absent_and_carries_nothing_over() {
        let nonsense = "frame=-1\nfps=nan\nbitrate=N/A\ntotal_size=lots\nspeed=-3x\nprogress=\n";
        let blocks = parse(&format!(
            "{BLOCK}\nprogress=continue\n{nonsense}\0\n=\n===\n"
        ));
        assert_eq!(blocks[1], Progress::default());
        assert_eq!(blocks.len(), 2);
    }
}
