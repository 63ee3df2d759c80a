//! The recording medium: it fills while something records.

use std::time::Duration;

use tokio::time::Instant;

use crate::simulator::config::Media;

#[derive(Clone, Debug)]
pub(super) struct Medium {
    total: u64,
    used: u64,
    filling: Option<Filling>,
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

    pub(super) fn begin_filling(&mut self, bytes_per_second: u64, now: Instant) {
        self.end_filling(now);
        self.filling = Some(Filling {
            since: now,
            bytes_per_second: bytes_per_second.max(1),
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
}
