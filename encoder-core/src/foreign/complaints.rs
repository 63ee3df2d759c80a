//! Warnings about an object that did not decide, once a minute at most.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// Time between two warnings about the same object.
const SPACING: Duration = Duration::from_secs(60);

/// What went wrong with one object so far.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    total: AtomicU64,
    told: Mutex<Option<(Instant, u64)>>,
    first: OnceLock<String>,
}

impl Complaints {
    /// How often the built-in policy decided instead.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// What was wrong the first time.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.get().map(String::as_str)
    }

    pub(super) fn note(&self, object: &str, method: &str, error: &Error) {
        self.first.get_or_init(|| error.to_string());
        if let Some(times) = self.count(Instant::now()) {
            tracing::warn!(
                object,
                method,
                %error,
                times,
                "the built-in policy decides instead of an object of another language"
            );
        }
    }

    /// Counts one more; how often it happened since the last warning, when another is due.
    fn count(&self, now: Instant) -> Option<u64> {
        let total = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match *told {
            Some((at, _)) if now.saturating_duration_since(at) < SPACING => return None,
            Some((_, before)) => before,
            None => 0,
        };
        *told = Some((now, total));
        Some(total.saturating_sub(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_warning_a_minute_with_its_count() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.count(start), Some(1));
        for second in 1..60 {
            assert_eq!(complaints.count(start + Duration::from_secs(second)), None);
        }
        assert_eq!(complaints.count(start + SPACING), Some(60));
        assert_eq!(complaints.count(start + SPACING), None);
        assert_eq!(complaints.total(), 62);
    }
}
