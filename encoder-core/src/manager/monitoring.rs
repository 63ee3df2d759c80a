//! What the manager's monitors found out, and what they may be told.

use super::Manager;
use crate::error::Result;
use crate::model::EncoderId;
use crate::monitor::{EncoderPerformance, PerformanceReport, QueueDepths};

impl Manager {
    /// How fast news travel, how much is told, what waits, and how the encoders answer; of all
    /// encoders or of one.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an encoder that is not registered.
    pub fn performance(&self, encoder: Option<&EncoderId>) -> Result<PerformanceReport> {
        let cx = &self.0.cx;
        let encoders = match encoder {
            Some(id) => vec![cx.fleet.get(id)?],
            None => cx.fleet.all(),
        };
        let encoders = encoders.iter().map(|encoder| {
            let trends = encoder.snapshot().trends.to_vec();
            EncoderPerformance::new(cx.fleet.view(encoder), trends)
        });
        let (stream_commands, stream_commands_max) = self.0.streams.waiting_commands();
        Ok(PerformanceReport {
            at: cx.clock.now(),
            feed: cx.events.meter().rates(),
            queues: QueueDepths {
                event_bus: cx.events.backlog(),
                stream_commands,
                stream_commands_max,
                store: cx.store.queued(),
            },
            encoders: encoders.collect(),
        })
    }
}
