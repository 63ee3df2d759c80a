//! Series about who is told of alerts.

use prometheus::{GaugeVec, IntCounterVec};

use super::Metrics;
use super::declare::{Declaration, Unit};

const NOTIFICATIONS: Declaration = Declaration::counter(
    "encoder_alert_notifications_total",
    &["sink", "result"],
    "Attempts to deliver notices; `suppressed` counts those over the rate.",
);

const QUEUE: Declaration = Declaration::gauge(
    "encoder_alert_queue_length",
    Unit::Count,
    &["sink"],
    "Notices that wait for a sink.",
);

/// The outcomes that are counted.
const RESULTS: [&str; 4] = ["sent", "failed", "dead_letter", "suppressed"];

/// Figures of notices. Sinks are named by the configuration, so their number is bounded.
#[derive(Clone, Debug)]
pub(crate) struct AlertSeries {
    notifications: IntCounterVec,
    queue: GaugeVec,
}

impl AlertSeries {
    /// Registers them, with a zero for everything that these sinks can count.
    pub(crate) fn new(metrics: &Metrics, sinks: &[&str]) -> Self {
        let series = Self {
            notifications: metrics.counters(NOTIFICATIONS),
            queue: metrics.gauges(QUEUE),
        };
        for sink in sinks {
            series.set_queue(sink, 0);
            for result in RESULTS {
                series.notifications.with_label_values(&[*sink, result]);
            }
        }
        series
    }

    pub(crate) fn count(&self, sink: &str, result: &str) {
        self.notifications.with_label_values(&[sink, result]).inc();
    }

    pub(crate) fn set_queue(&self, sink: &str, length: usize) {
        self.queue.with_label_values(&[sink]).set(length as f64);
    }
}
