//! The recording media: they fill while something records, and take their time to change places.

use std::time::Duration;

use tokio::time::Instant;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::storage::{Media, MediumKind};

#[derive(Clone, Debug)]
pub(super) struct Medium {
    total: u64,
    used: u64,
    filling: Option<Filling>,
    pub(super) mounted: bool,
    pub(super) low_percent: u64,
    fill_factor: u32,
}

#[derive(Clone, Copy, Debug)]
struct Filling {
    since: Instant,
    bytes_per_second: u64,
}

impl Medium {
    pub(super) fn new(media: &Media) -> Self {
        Self {
            total: media.total_bytes,
            used: media.used_bytes.min(media.total_bytes),
            filling: None,
            mounted: media.mounted,
            low_percent: media.low_percent,
            fill_factor: media.fill_factor,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn free(&self, now: Instant) -> u64 {
        let grown = self.filling.map_or(0, |filling| {
            let elapsed = now.saturating_duration_since(filling.since);
            let bytes = elapsed.as_millis() * u128::from(filling.bytes_per_second) / 1000;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        });
        (self.total - self.used).saturating_sub(grown)
    }

    /// Begins a recording of so many bytes per second, times the configured factor.
    pub(super) fn begin_filling(&mut self, bytes_per_second: u64, now: Instant) {
        self.end_filling(now);
        let rate = bytes_per_second.saturating_mul(u64::from(self.fill_factor));
        self.filling = Some(Filling {
            since: now,
            bytes_per_second: rate.max(1),
        });
    }

    /// Ends the recording and returns its size in bytes.
    pub(super) fn end_filling(&mut self, now: Instant) -> u64 {
        let before = self.used;
        self.used = self.total - self.free(now);
        self.filling = None;
        self.used - before
    }

    pub(super) fn erase(&mut self) {
        self.used = 0;
    }

    pub(super) fn release(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// When nothing is left, at the present rate.
    pub(super) fn full_at(&self) -> Option<Instant> {
        let filling = self.filling?;
        let left = u128::from(self.total - self.used);
        let millis = (left * 1000).div_ceil(u128::from(filling.bytes_per_second));
        let wait = Duration::from_millis(u64::try_from(millis).ok()?);
        filling.since.checked_add(wait)
    }
}

/// A change of the primary medium under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moving {
    /// The former one is let go.
    Releasing { until: Instant, to: MediumKind },
    /// The next one is mounted.
    Mounting { until: Instant, to: MediumKind },
}

/// All media of the unit, and which of them is the primary one.
#[derive(Clone, Debug)]
pub(super) struct Drives {
    media: [Medium; 4],
    primary: MediumKind,
    moving: Option<Moving>,
    /// Where the second recording goes while it runs.
    pub(super) second: Option<MediumKind>,
}

impl Drives {
    pub(super) fn new(config: &SimulatorConfig) -> Self {
        Self {
            media: MediumKind::ALL.map(|kind| Medium::new(&config.medium(kind))),
            primary: MediumKind::Sd,
            moving: None,
            second: None,
        }
    }

    pub(super) fn get(&self, kind: MediumKind) -> &Medium {
        &self.media[kind as usize]
    }

    pub(super) fn get_mut(&mut self, kind: MediumKind) -> &mut Medium {
        &mut self.media[kind as usize]
    }

    /// The medium in the primary slot; while it changes, the former one.
    pub(super) fn primary(&self) -> MediumKind {
        self.primary
    }

    /// Whether the slot shows its medium: not while the next one is mounted, nor while the former
    /// one is let go unless it `lingers`.
    pub(super) fn shows_primary(&self, lingers: bool) -> bool {
        match self.moving {
            None => true,
            Some(Moving::Releasing { .. }) => lingers,
            Some(Moving::Mounting { .. }) => false,
        }
    }

    pub(super) fn is_moving(&self) -> bool {
        self.moving.is_some()
    }

    /// Takes a medium as the primary one at once, as a start does.
    pub(super) fn set_primary(&mut self, kind: MediumKind) {
        (self.primary, self.moving) = (kind, None);
    }

    /// Begins to change to this medium, unless that is under way or done.
    pub(super) fn head_for(&mut self, to: MediumKind, release: Duration, now: Instant) {
        let goal = match self.moving {
            Some(Moving::Releasing { to, .. } | Moving::Mounting { to, .. }) => to,
            None => self.primary,
        };
        if goal != to {
            let until = now + release;
            self.moving = Some(Moving::Releasing { until, to });
        }
    }

    /// When the change goes on.
    pub(super) fn moves_at(&self) -> Option<Instant> {
        match self.moving? {
            Moving::Releasing { until, .. } | Moving::Mounting { until, .. } => Some(until),
        }
    }

    /// The change goes on.
    pub(super) fn go_on(&mut self, mount: Duration, at: Instant) {
        match self.moving {
            Some(Moving::Releasing { to, .. }) => {
                let until = at + mount;
                self.moving = Some(Moving::Mounting { until, to });
            }
            Some(Moving::Mounting { to, .. }) => self.set_primary(to),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medium_is_full_when_it_says_so() {
        let now = Instant::now();
        let mut medium = Medium::new(&Media {
            total_bytes: 1_000_000,
            used_bytes: 0,
            ..Media::default()
        });
        medium.begin_filling(300_000, now);
        let full = medium.full_at().unwrap();
        assert_eq!(medium.free(full), 0);
        assert!(medium.free(full - Duration::from_millis(10)) > 0);
        assert_eq!(medium.end_filling(full), 1_000_000);
        assert_eq!(medium.full_at(), None);
    }

    #[test]
    fn changing_the_medium_releases_then_mounts() {
        let (now, step) = (Instant::now(), Duration::from_secs(4));
        let mut drives = Drives::new(&SimulatorConfig::default());
        drives.head_for(MediumKind::Usb, step, now);
        assert!(drives.shows_primary(true) && !drives.shows_primary(false));
        drives.go_on(step, drives.moves_at().unwrap());
        assert!(!drives.shows_primary(true));
        drives.go_on(step, drives.moves_at().unwrap());
        assert_eq!(
            (drives.primary(), drives.moves_at()),
            (MediumKind::Usb, None)
        );
    }
}
