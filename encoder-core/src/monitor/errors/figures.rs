//! Figures of the errors for Prometheus.

use std::collections::BTreeMap;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::book::ErrorBook;

/// How many errors began, and how many last, by pattern.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    begun: IntCounterVec,
    open: IntGaugeVec,
}

impl Figures {
    pub(super) fn new(registry: &Registry) -> Self {
        let labels = &["pattern"];
        let begun = Opts::new("encoder_errors_total", "Errors that began, by pattern.");
        let open = Opts::new("encoder_errors_open", "Errors that last, by pattern.");
        let figures = Self {
            begun: IntCounterVec::new(begun, labels).expect("names and labels are constants"),
            open: IntGaugeVec::new(open, labels).expect("names and labels are constants"),
        };
        let both: [Box<dyn prometheus::core::Collector>; 2] = [
            Box::new(figures.begun.clone()),
            Box::new(figures.open.clone()),
        ];
        for collector in both {
            let registered = registry.register(collector);
            registered.expect("each name is registered once");
        }
        figures
    }

    pub(super) fn update(&self, book: &mut ErrorBook) {
        for pattern in book.take_begun() {
            self.begun.with_label_values(&[&pattern]).inc();
        }
        let mut open: BTreeMap<&str, i64> = BTreeMap::new();
        for occurrence in book.open_now() {
            *open.entry(&occurrence.pattern).or_default() += 1;
        }
        self.open.reset();
        for (pattern, count) in open {
            self.open.with_label_values(&[pattern]).set(count);
        }
    }
}
