//! Figures of the errors for Prometheus.

use std::collections::BTreeMap;

use prometheus::{GaugeVec, IntCounterVec};

use super::book::ErrorBook;
use crate::metrics::{Declaration, Metrics, Unit};

const BEGUN: Declaration = Declaration::counter(
    "encoder_errors_total",
    &["pattern"],
    "Errors that began, by pattern.",
);
const OPEN: Declaration = Declaration::gauge(
    "encoder_errors_open",
    Unit::Count,
    &["pattern"],
    "Errors that last, by pattern.",
);

/// How many errors began, and how many last, by pattern.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    begun: IntCounterVec,
    open: GaugeVec,
}

impl Figures {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            begun: metrics.counters(BEGUN),
            open: metrics.gauges(OPEN),
        }
    }

    pub(super) fn update(&self, book: &mut ErrorBook) {
        for pattern in book.take_begun() {
            self.begun.with_label_values(&[&pattern]).inc();
        }
        let mut open: BTreeMap<&str, u32> = BTreeMap::new();
        for occurrence in book.open_now() {
            *open.entry(&occurrence.pattern).or_default() += 1;
        }
        self.open.reset();
        for (pattern, count) in open {
            self.open.with_label_values(&[pattern]).set(count.into());
        }
    }
}
