//! Figures for Prometheus: every metric is declared once, as data.
//!
//! What happens by itself is counted as it happens. What mirrors the fleet is read when somebody
//! asks, so a series ends with its encoder or stream. The table of all metrics in
//! [metrics](crate::docs::metrics) is written from the same declarations.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, Registry, TextEncoder};

use self::events::EventSeries;
use self::mirror::{Mirror, Mirrored, Read};

mod care;
mod connection;
mod declare;
mod encoder;
mod events;
mod mirror;
mod stream;
mod tally;
mod whole;

pub use declare::{Declaration, Kind, Unit, table};
pub(crate) use encoder::EncoderSample;
pub use mirror::Readings;
pub(crate) use mirror::{Known, Source};
pub(crate) use tally::Tally;

/// The manager's figures. Cheap to clone; all clones share one registry.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    declared: Mutex<Vec<Declaration>>,
    mirror: Arc<Mirror>,
    events: EventSeries,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry of its own with all metrics of the manager.
    pub fn new() -> Self {
        let mirror = Arc::new(Mirror::new());
        let metrics = Self(Arc::new(Inner {
            registry: Registry::new(),
            declared: Mutex::default(),
            events: EventSeries::new(),
            mirror: Arc::clone(&mirror),
        }));
        let mirrored: Vec<_> = mirror::declarations().collect();
        metrics.register(&mirrored, Box::new(Mirrored(mirror)));
        for (declaration, collector) in metrics.0.events.collectors() {
            metrics.register(&[declaration], collector);
        }
        metrics
    }

    /// Adds a collector of the metrics that are declared with it. Metrics of the same names that
    /// were added before stay, and these then count unseen: a second server around one manager
    /// does that.
    pub fn register(&self, declared: &[Declaration], collector: Box<dyn Collector>) {
        match self.0.registry.register(collector) {
            Ok(()) => {
                let mut all = self
                    .0
                    .declared
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                all.extend_from_slice(declared);
            }
            Err(error) => {
                let name = declared.first().map_or("", |declaration| declaration.name);
                tracing::debug!(%error, name, "metrics are not registered");
            }
        }
    }

    /// Counters of that name, added to the registry; see [`Metrics::register`].
    pub fn counters(&self, declaration: Declaration) -> IntCounterVec {
        let counters = declaration.counters();
        self.register(&[declaration], Box::new(counters.clone()));
        counters
    }

    /// Gauges of that name, added to the registry; see [`Metrics::register`].
    pub fn gauges(&self, declaration: Declaration) -> GaugeVec {
        let gauges = declaration.gauges();
        self.register(&[declaration], Box::new(gauges.clone()));
        gauges
    }

    /// Histograms of that name, added to the registry; see [`Metrics::register`].
    pub fn histograms(&self, declaration: Declaration) -> HistogramVec {
        let histograms = declaration.histograms();
        self.register(&[declaration], Box::new(histograms.clone()));
        histograms
    }

    /// Adds gauges and counters that are read whenever somebody asks, so that their series end when
    /// nothing is told of them; see [`Metrics::register`].
    ///
    /// ```
    /// use encoder_core::metrics::{Declaration, Metrics, Unit};
    ///
    /// const ROOMS: Declaration =
    ///     Declaration::gauge("encoder_rooms", Unit::Count, &["floor"], "Rooms in use.");
    ///
    /// let metrics = Metrics::new();
    /// metrics.read(&[ROOMS], |readings| readings.put(&ROOMS, &["first"], 2.0));
    /// assert!(metrics.render().contains("encoder_rooms{floor=\"first\"} 2"));
    /// ```
    pub fn read(
        &self,
        declared: &[Declaration],
        read: impl Fn(&mut Readings) + Send + Sync + 'static,
    ) {
        self.register(declared, Box::new(Read::new(declared, read)));
    }

    /// Every metric that was added.
    pub fn declarations(&self) -> Vec<Declaration> {
        let all = self
            .0
            .declared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }

    /// The registry: gather from it to have the figures in another format.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// All series in Prometheus' text format. With a thousand encoders this takes some tens of
    /// milliseconds: call it off the async threads.
    pub fn render(&self) -> String {
        let families = self.0.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_else(|error| {
                tracing::error!(%error, "metrics cannot be written");
                String::new()
            })
    }

    /// Says where to read what mirrors the fleet.
    pub(crate) fn follow(&self, source: Source) {
        self.0.mirror.follow(source);
    }
}

#[cfg(test)]
mod tests;
