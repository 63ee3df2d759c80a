//! What a run puts out, measured from one progress report to the next.

use std::collections::VecDeque;
use std::time::Duration;

use encoder_core::model::Bitrate;
use tokio::time::Instant;

use crate::progress::Progress;

/// How far back a rate looks.
const WINDOW: Duration = Duration::from_secs(3);
/// A rate over less is chance.
const LEAST: Duration = Duration::from_secs(1);

/// The output of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    samples: VecDeque<Sample>,
    dropped: Option<u64>,
    /// When the first bytes left.
    since: Option<Instant>,
    /// When bytes last left.
    grown: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    bytes: u64,
    frames: Option<u64>,
    length: Option<Duration>,
}

impl Meter {
    /// Takes a report; returns whether bytes left since the one before.
    pub(crate) fn take(&mut self, progress: &Progress, now: Instant) -> bool {
        self.dropped = progress.dropped.or(self.dropped);
        let Some(bytes) = progress.bytes else {
            return false;
        };
        let before = self.samples.back().map_or(0, |sample| sample.bytes);
        self.samples.push_back(Sample {
            at: now,
            bytes,
            frames: progress.frames,
            length: progress.length,
        });
        let second_is_old = |samples: &VecDeque<Sample>| {
            let second = samples.get(1);
            second.is_some_and(|second| now.duration_since(second.at) >= WINDOW)
        };
        while second_is_old(&self.samples) {
            self.samples.pop_front();
        }
        let grew = bytes > before;
        if grew {
            self.grown = Some(now);
            self.since.get_or_insert(now);
        }
        grew
    }

    /// How long bytes have been leaving; `None` before the first.
    pub(crate) fn duration(&self, now: Instant) -> Option<Duration> {
        Some(now.duration_since(self.since?))
    }

    /// When bytes last left.
    pub(crate) fn grown(&self) -> Option<Instant> {
        self.grown
    }

    /// Pictures dropped so far.
    pub(crate) fn dropped(&self) -> Option<u64> {
        self.dropped
    }

    /// Bits per second.
    pub(crate) fn bitrate(&self, now: Instant) -> Option<Bitrate> {
        let bytes = self.rate(now, |sample| Some(sample.bytes as f64))?;
        Some(Bitrate((bytes * 8.0).round() as u64))
    }

    /// Pictures per second.
    pub(crate) fn fps(&self, now: Instant) -> Option<f64> {
        let fps = self.rate(now, |sample| sample.frames.map(|frames| frames as f64))?;
        Some((fps * 100.0).round() / 100.0)
    }

    /// Time put out per time passed, over a whole window; 1 is real time.
    pub(crate) fn speed(&self, now: Instant) -> Option<f64> {
        let full = now.duration_since(self.samples.front()?.at) >= WINDOW;
        let seconds = |sample: &Sample| sample.length.map(|length| length.as_secs_f64());
        self.rate(now, seconds).filter(|_| full)
    }

    fn rate(&self, now: Instant, count: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        // Between two reports the last one counts; without reports, nothing left.
        let silent = now.duration_since(last.at) > LEAST;
        let end = if silent { now } else { last.at };
        let span = end.duration_since(first.at);
        let grown = count(last)? - count(first)?;
        (span >= LEAST && grown >= 0.0).then(|| grown / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(frames: u64, bytes: u64) -> Progress {
        let length = Duration::from_millis(frames * 40);
        Progress {
            frames: Some(frames),
            bytes: Some(bytes),
            length: Some(length),
            ..Progress::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rates_are_those_of_the_last_seconds() {
        let mut meter = Meter::default();
        let step = Duration::from_millis(250);
        let (mut frames, mut bytes) = (0, 0);
        assert!(!meter.take(&report(0, 0), Instant::now()));
        for _ in 0..40 {
            tokio::time::advance(step).await;
            (frames, bytes) = (frames + 5, bytes + 25_000);
            assert!(meter.take(&report(frames, bytes), Instant::now()));
        }
        let now = Instant::now();
        assert_eq!(meter.bitrate(now), Some(Bitrate(800_000)));
        assert_eq!(meter.fps(now), Some(20.0));
        let speed = meter.speed(now).expect("a full window");
        assert!((speed - 0.8).abs() < 1e-9, "{speed}");
        assert_eq!(meter.duration(now), Some(step * 39));
        tokio::time::advance(Duration::from_secs(9)).await;
        let rate = meter
            .bitrate(Instant::now())
            .expect("a measured standstill");
        assert!(rate < Bitrate(250_000), "{rate}");
    }

    #[test]
    fn nothing_is_measured_before_a_second_has_passed() {
        let mut meter = Meter::default();
        let now = Instant::now();
        meter.take(&report(1, 500), now);
        meter.take(&report(2, 900), now + Duration::from_millis(400));
        assert_eq!(meter.bitrate(now + Duration::from_millis(400)), None);
        assert_eq!(meter.dropped(), None);
    }
}
