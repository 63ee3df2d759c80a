//! The live feed in figures: how much is told, how fast it arrives, and what is lost.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounterVec};
use serde::Serialize;

use super::{LatencyWindow, Rate};
use crate::metrics::{Declaration, Metrics};
use crate::model::LatencyDistribution;
use crate::tasks::Clock;

/// Deliveries that quantiles are taken from, if they are no older than [`RECENT`].
const DELIVERIES: usize = 4096;
const RECENT: Duration = Duration::from_secs(300);
const MINUTE: Duration = Duration::from_secs(60);

/// Bounds for the way of an event from the observation to a client's socket.
const DELIVERY_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// No labels.
const NONE: [&str; 0] = [];

const PUBLISHED: Declaration = Declaration::counter(
    "encoder_events_published_total",
    &["event"],
    "Live events, by name.",
);
const DELIVERED: Declaration = Declaration::counter(
    "encoder_events_delivered_total",
    &["event"],
    "Live events handed to clients, by name.",
);
const DROPPED: Declaration = Declaration::counter(
    "encoder_events_dropped_total",
    &["event"],
    "Live events left out for slow clients, by name.",
);
const MESSAGES: Declaration = Declaration::counter(
    "encoder_client_messages_total",
    &[],
    "Messages of clients of the live feed.",
);
const GAPS: Declaration = Declaration::counter(
    "encoder_event_gaps_total",
    &[],
    "Times a client was told that events are missing.",
);
const DELIVERY: Declaration = Declaration::histogram(
    "encoder_event_delivery_duration_seconds",
    &[],
    &DELIVERY_SECONDS,
    "From the observation at a device to a client's socket.",
);

/// How often something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PerSecond {
    /// Mean of the last minute.
    pub one_minute: f64,
    /// Mean of the last five minutes.
    pub five_minutes: f64,
}

/// One kind of event, in events per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EventRates {
    /// Put on the bus.
    pub published: PerSecond,
    /// Handed to clients' sockets; several clients count several times.
    pub delivered: PerSecond,
    /// Left out for clients that do not keep up.
    pub dropped: PerSecond,
    /// Since the start.
    pub published_total: u64,
    /// Since the start.
    pub delivered_total: u64,
    /// Since the start.
    pub dropped_total: u64,
}

/// The live feed in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedRates {
    /// By name of the event.
    pub events: BTreeMap<&'static str, EventRates>,
    /// Messages of clients per second.
    pub client_messages: PerSecond,
    /// Messages of clients since the start.
    pub client_messages_total: u64,
    /// How often a client was told that events are missing, since the start.
    pub gaps_total: u64,
    /// From the observation at a device to a client's socket; `None` without a recent delivery.
    pub delivery: Option<LatencyDistribution>,
}

/// Counts what the bus publishes and what becomes of it at the clients.
///
/// Whoever brings events to clients tells it of each delivery; the bus itself counts what it
/// publishes.
pub struct FeedMeter {
    clock: Clock,
    counted: Mutex<Counted>,
    published: IntCounterVec,
    delivered: IntCounterVec,
    dropped: IntCounterVec,
    messages: IntCounterVec,
    gaps: IntCounterVec,
    delivery: HistogramVec,
}

struct Counted {
    begun: Instant,
    events: BTreeMap<&'static str, Kind>,
    messages: Rate,
    delivery: LatencyWindow,
}

/// Rates of one kind of event.
struct Kind {
    published: Rate,
    delivered: Rate,
    dropped: Rate,
}

impl fmt::Debug for FeedMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedMeter")
    }
}

impl Default for FeedMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl FeedMeter {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let clock = Clock::system();
        let begun = clock.instant();
        let meter = Self {
            clock,
            counted: Mutex::new(Counted {
                begun,
                events: BTreeMap::new(),
                messages: Rate::since(begun),
                delivery: LatencyWindow::new(DELIVERIES, RECENT),
            }),
            published: PUBLISHED.counters(),
            delivered: DELIVERED.counters(),
            dropped: DROPPED.counters(),
            messages: MESSAGES.counters(),
            gaps: GAPS.counters(),
            delivery: DELIVERY.histograms(),
        };
        // Known from the start, so that the first one is seen as a change.
        meter.messages.with_label_values(&NONE);
        meter.gaps.with_label_values(&NONE);
        meter.delivery.with_label_values(&NONE);
        meter
    }

    /// Adds the metrics to those of the manager.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let all: [(Declaration, Box<dyn Collector>); 6] = [
            (PUBLISHED, Box::new(self.published.clone())),
            (DELIVERED, Box::new(self.delivered.clone())),
            (DROPPED, Box::new(self.dropped.clone())),
            (MESSAGES, Box::new(self.messages.clone())),
            (GAPS, Box::new(self.gaps.clone())),
            (DELIVERY, Box::new(self.delivery.clone())),
        ];
        for (declaration, collector) in all {
            metrics.register(&[declaration], collector);
        }
    }

    pub(crate) fn published(&self, event: &'static str) {
        self.published.with_label_values(&[event]).inc();
        let now = self.clock.instant();
        self.counted().kind(event).published.count(now, 1);
    }

    /// An event was handed to a client's socket. `observed` is the event's own, and `None` where
    /// the delay says nothing, as for events that a returning client had missed.
    pub fn delivered(&self, event: &'static str, observed: Option<Instant>) {
        self.delivered.with_label_values(&[event]).inc();
        let now = self.clock.instant();
        let mut counted = self.counted();
        counted.kind(event).delivered.count(now, 1);
        if let Some(observed) = observed {
            let took = now.saturating_duration_since(observed);
            counted.delivery.observe(now, took);
            self.delivery
                .with_label_values(&NONE)
                .observe(took.as_secs_f64());
        }
    }

    /// An event was left out for a client that does not keep up.
    pub fn dropped(&self, event: &'static str) {
        self.dropped.with_label_values(&[event]).inc();
        let now = self.clock.instant();
        self.counted().kind(event).dropped.count(now, 1);
    }

    /// A client was told that events are missing.
    pub fn gap(&self) {
        self.gaps.with_label_values(&NONE).inc();
    }

    /// A client said something.
    pub fn client_message(&self) {
        self.messages.with_label_values(&NONE).inc();
        let now = self.clock.instant();
        self.counted().messages.count(now, 1);
    }

    /// The figures now.
    pub fn rates(&self) -> FeedRates {
        let now = self.clock.instant();
        let counted = self.counted();
        let total = |counter: &IntCounterVec, event| counter.with_label_values(&[event]).get();
        let events = counted.events.iter().map(|(event, kind)| {
            let rates = EventRates {
                published: per_second(&kind.published, now),
                delivered: per_second(&kind.delivered, now),
                dropped: per_second(&kind.dropped, now),
                published_total: total(&self.published, event),
                delivered_total: total(&self.delivered, event),
                dropped_total: total(&self.dropped, event),
            };
            (*event, rates)
        });
        FeedRates {
            events: events.collect(),
            client_messages: per_second(&counted.messages, now),
            client_messages_total: self.messages.with_label_values(&NONE).get(),
            gaps_total: self.gaps.with_label_values(&NONE).get(),
            delivery: counted.delivery.distribution(now),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn kind(&mut self, event: &'static str) -> &mut Kind {
        let begun = self.begun;
        self.events.entry(event).or_insert_with(|| Kind {
            published: Rate::since(begun),
            delivered: Rate::since(begun),
            dropped: Rate::since(begun),
        })
    }
}

fn per_second(rate: &Rate, now: Instant) -> PerSecond {
    PerSecond {
        one_minute: rate.per_second(now, MINUTE),
        five_minutes: rate.per_second(now, RECENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn deliveries_are_timed_from_the_observation() {
        let meter = FeedMeter::new();
        let observed = Some(Clock::system().instant());
        meter.published("health_update");
        tokio::time::advance(Duration::from_millis(20)).await;
        meter.delivered("health_update", observed);
        meter.delivered("health_update", None);
        meter.dropped("stream_health");
        meter.gap();
        meter.client_message();
        tokio::time::advance(Duration::from_secs(10)).await;
        let rates = meter.rates();
        let health = rates.events["health_update"];
        assert_eq!((health.published_total, health.delivered_total), (1, 2));
        assert_eq!(health.delivered.one_minute, 0.2);
        assert_eq!(rates.events["stream_health"].dropped_total, 1);
        assert_eq!((rates.gaps_total, rates.client_messages_total), (1, 1));
        let delivery = rates.delivery.unwrap();
        assert_eq!((delivery.samples, delivery.max_ms), (1, 20.0));
    }
}
