//! One task per witness: it looks, and writes what it saw on the board.

use std::sync::Arc;

use super::board::Watched;
use super::trace::Moment;
use crate::config::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::Sighting;
use crate::tasks::Clock;

/// Looks until it is dropped.
pub(crate) async fn watch(watched: Arc<Watched>, config: Arc<ManagerConfig>, clock: Clock) {
    let config = &config.ingest;
    let mut looked = clock.instant();
    loop {
        let found = look(&watched, config.timeout).await;
        if let Err(error) = &found {
            tracing::debug!(ingest = watched.name(), %error, "look failed");
        }
        let now = Moment {
            instant: clock.instant(),
            at: clock.now(),
        };
        watched.looked(found, now, config);
        let due = looked + watched.interval(config);
        let soonest = looked + config.moving_interval.min(config.poll_interval);
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            () = watched.look_now.notified() => tokio::time::sleep_until(soonest.into()).await,
        }
        looked = clock.instant();
    }
}

async fn look(watched: &Watched, limit: std::time::Duration) -> Result<Vec<Sighting>> {
    let looking = tokio::time::timeout(limit, watched.witness.look()).await;
    let found = looking.unwrap_or_else(|_| {
        let message = format!("no answer within {} ms", limit.as_millis());
        Err(Error::new(ErrorKind::DeviceUnreachable, message))
    });
    let covered = |sighting: &Sighting| watched.covers(&sighting.target.url);
    found.map(|sightings| sightings.into_iter().filter(covered).collect())
}
