//! Gaps, repeats and losses in what was watched. Pure.

use std::time::{Duration, Instant};

use super::Picture;
use crate::code::FrameCode;

/// Pictures in the order of their arrival, of one address or of several.
#[derive(Clone, Debug)]
pub struct Watched {
    period: Duration,
    pictures: Vec<Picture>,
}

/// What a change of encoder did to the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The longest time without a new picture, less the time that one picture is shown anyway.
    pub gap: Duration,
    /// From the given moment to the first picture of another encoder than the given one; `None` when
    /// none came.
    pub first_after: Option<Duration>,
    /// Made and never shown: the longest piece of time missing between shown pictures.
    pub lost: Duration,
    /// The same as a number of pictures.
    pub lost_pictures: u32,
    /// Shown again: how far the pictures went back in time at the change.
    pub repeated: Duration,
    /// Pictures without a readable mark.
    pub unmarked: usize,
}

/// Makes times that wrap comparable: every mark is placed relative to the first one.
#[derive(Clone, Copy, Debug)]
struct Shown {
    at: Instant,
    source: u8,
    /// When the picture was made, in milliseconds after the first mark of all.
    made: i64,
}

impl Watched {
    /// Nothing yet, of a stream with a picture every `period`.
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            pictures: Vec::new(),
        }
    }

    /// Adds what arrived next.
    pub fn add(&mut self, picture: Picture) {
        self.pictures.push(picture);
    }

    /// All pictures so far, in the order of their arrival.
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Adds what arrived at another address of the same stream.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.pictures.extend(other.pictures);
        self.pictures.sort_by_key(|picture| picture.at);
        self
    }

    /// The encoder of the latest marked picture.
    pub fn source(&self) -> Option<u8> {
        self.pictures
            .iter()
            .rev()
            .find_map(|p| p.code)
            .map(|code| code.source)
    }

    /// What happened around a moment, such as that of a fault of an encoder; `None` when nothing
    /// of that one had been shown before.
    pub fn interruption(&self, moment: Instant, source: u8) -> Option<Interruption> {
        let shown = self.shown();
        let before = |shown: &Shown| shown.at <= moment && shown.source == source;
        if !shown.iter().any(before) {
            return None;
        }
        let other = |shown: &&Shown| shown.at > moment && shown.source != source;
        let lost = self.lost(&shown, moment);
        let period = self.period.as_secs_f64();
        Some(Interruption {
            gap: self.gap(&shown, moment),
            first_after: shown.iter().find(other).map(|shown| shown.at - moment),
            lost,
            lost_pictures: (lost.as_secs_f64() / period).round() as u32,
            repeated: repeated(&shown, moment),
            unmarked: self
                .pictures
                .iter()
                .filter(|p| p.code.is_none() && p.at > moment)
                .count(),
        })
    }

    fn shown(&self) -> Vec<Shown> {
        let marked = self.pictures.iter().filter_map(|p| Some((p.at, p.code?)));
        let marked: Vec<_> = marked.collect();
        let Some((_, first)) = marked.first().copied() else {
            return Vec::new();
        };
        let place = |(at, code): (Instant, FrameCode)| Shown {
            at,
            source: code.source,
            made: wrapped(code.millis, first.millis),
        };
        marked.into_iter().map(place).collect()
    }

    /// Time without anything newer than all before.
    fn gap(&self, shown: &[Shown], moment: Instant) -> Duration {
        let mut newest: Option<Shown> = None;
        let mut longest = Duration::ZERO;
        for picture in shown {
            let Some(last) = newest else {
                newest = Some(*picture);
                continue;
            };
            if picture.made <= last.made {
                continue;
            }
            if picture.at > moment {
                longest = longest.max(picture.at - last.at);
            }
            newest = Some(*picture);
        }
        longest.saturating_sub(self.period)
    }

    /// The longest time that no shown picture was made in. Half a picture more or less is the
    /// clock of another encoder.
    fn lost(&self, shown: &[Shown], moment: Instant) -> Duration {
        let mut made: Vec<_> = shown.iter().map(|shown| (shown.made, shown.at)).collect();
        made.sort_by_key(|(made, _)| *made);
        let around = |pair: &&[(i64, Instant)]| pair[1].1 > moment;
        let holes = made
            .windows(2)
            .filter(around)
            .map(|pair| pair[1].0 - pair[0].0);
        let hole = Duration::from_millis(holes.max().unwrap_or(0).unsigned_abs());
        match hole > self.period * 3 / 2 {
            true => hole - self.period,
            false => Duration::ZERO,
        }
    }
}

fn repeated(shown: &[Shown], moment: Instant) -> Duration {
    let mut newest = i64::MIN;
    let mut back = 0;
    for picture in shown {
        if picture.at > moment && newest != i64::MIN {
            back = back.max(newest - picture.made);
        }
        newest = newest.max(picture.made);
    }
    Duration::from_millis(back.unsigned_abs())
}

/// The distance between two marks, which may lie on both sides of the wrap.
fn wrapped(millis: u32, first: u32) -> i64 {
    let wrap = i64::from(FrameCode::WRAP);
    let distance = (i64::from(millis) - i64::from(first)).rem_euclid(wrap);
    if distance > wrap / 2 {
        distance - wrap
    } else {
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(100);

    /// Pictures of an encoder that arrive 50 ms after they were made, every 100 ms of a span.
    fn play(source: u8, start: Instant, span: std::ops::Range<u64>) -> Watched {
        let mut watched = Watched::new(PERIOD);
        for made in span.step_by(100) {
            watched.add(Picture {
                at: start + Duration::from_millis(made + 50),
                code: Some(FrameCode::at(source, made / 100, 16_777_000 + made)),
            });
        }
        watched
    }

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn smooth_play_has_no_interruption() {
        let start = Instant::now();
        let watched = play(1, start, 0..2000);
        let found = watched.interruption(at(start, 1000), 1).unwrap();
        assert_eq!((found.gap, found.lost, found.repeated), Default::default());
        assert_eq!(found.first_after, None);
    }

    #[test]
    fn change_of_encoder_costs_what_lies_between() {
        let start = Instant::now();
        let watched = play(1, start, 0..1000).and(play(2, start, 1700..3000));
        let found = watched.interruption(at(start, 960), 1).unwrap();
        assert_eq!(found.gap, Duration::from_millis(700));
        assert_eq!(found.lost, Duration::from_millis(700));
        assert_eq!(found.lost_pictures, 7);
        assert_eq!(found.first_after, Some(Duration::from_millis(790)));
        assert_eq!(watched.source(), Some(2));
    }

    #[test]
    fn overlap_of_two_addresses_is_no_gap() {
        let start = Instant::now();
        let watched = play(1, start, 0..1500).and(play(2, start, 1030..3000));
        let found = watched.interruption(at(start, 900), 1).unwrap();
        assert_eq!((found.gap, found.lost), Default::default());
        assert!(found.repeated <= PERIOD, "{found:?}");
    }

    #[test]
    fn late_pictures_are_a_gap_and_no_loss_and_replays_are_repeated() {
        let start = Instant::now();
        let mut watched = play(1, start, 0..1000);
        for made in [400_u64, 1000, 1100] {
            let code = Some(FrameCode::at(2, made / 100, 16_777_000 + made));
            let late = at(start, made.max(1000) + 950);
            watched.add(Picture { at: late, code });
        }
        let found = watched.interruption(at(start, 960), 1).unwrap();
        assert_eq!(found.gap, Duration::from_millis(900));
        assert_eq!(found.lost, Duration::ZERO);
        assert_eq!(found.repeated, Duration::from_millis(500));
    }

    #[test]
    fn black_pictures_are_counted_and_show_nothing_new() {
        let start = Instant::now();
        let mut black = Watched::new(PERIOD);
        for made in (1000..1500).step_by(100) {
            black.add(Picture {
                at: at(start, made),
                code: None,
            });
        }
        let watched = play(1, start, 0..1000)
            .and(black)
            .and(play(1, start, 1500..2000));
        let found = watched.interruption(at(start, 960), 1).unwrap();
        assert_eq!((found.unmarked, found.gap), (5, Duration::from_millis(500)));
    }

    #[test]
    fn nothing_before_is_nothing_to_measure() {
        assert_eq!(Watched::new(PERIOD).interruption(Instant::now(), 1), None);
    }
}
