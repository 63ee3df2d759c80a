//! Metrics of what happens by itself, counted as it happens.

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec};

use super::Metrics;
use super::declare::{Declaration, Unit};
use super::encoder::{code, seconds};
use crate::model::{FailoverSummary, Interruption, Timestamp, Trigger, TroubleKind};

/// Bounds for the phases of a failover.
const PHASE_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

const TARGET: &[&str] = &["target"];

const BUILD: Declaration = Declaration::gauge(
    "encoder_build_info",
    Unit::Info,
    &["version"],
    "Version of the manager.",
);
const FAILOVERS: Declaration = Declaration::counter(
    "encoder_failovers_total",
    &["reason", "result"],
    "Failovers that ended, by reason and result: succeeded or failed.",
);
const FAILOVER_SECONDS: Declaration = Declaration::histogram(
    "encoder_failover_duration_seconds",
    &["phase"],
    &PHASE_SECONDS,
    "Time spent in each phase of a failover, and under total in all of them.",
);
const DRILLS: Declaration = Declaration::counter(
    "encoder_drills_total",
    &["result"],
    "Drills by result: succeeded once the stream is back where it began, failed if a move of it did.",
);
const AUTHORIZATIONS: Declaration = Declaration::counter(
    "encoder_ingest_authorizations_total",
    &["verdict"],
    "Publishers that an ingest asked about, by what it was told.",
);
const INTERRUPTION: Declaration = Declaration::histogram(
    "encoder_ingest_interruption_seconds",
    &["trigger"],
    &PHASE_SECONDS,
    "How long nothing of a moving stream arrived at its ingest.",
);
const REMEDIATION: Declaration = Declaration::counter(
    "encoder_remediation_steps_total",
    &["kind", "step", "outcome"],
    "Repairs by kind of trouble, step and outcome: succeeded, failed or proposed.",
);
const NOTIFICATIONS: Declaration = Declaration::counter(
    "encoder_alert_notifications_total",
    &["sink", "result"],
    "Notifications of alerts by sink and result: sent, failed, dead_letter or suppressed.",
);
const ALERT_QUEUE: Declaration = Declaration::gauge(
    "encoder_alert_queue_length",
    Unit::Count,
    &["sink"],
    "Notifications that wait for a sink.",
);
const EXPIRY: Declaration = Declaration::gauge(
    "encoder_certificate_expiry_timestamp_seconds",
    Unit::Timestamp,
    TARGET,
    "When the first certificate of the presented chain expires.",
);
const VALID: Declaration = Declaration::gauge(
    "encoder_certificate_valid",
    Unit::Count,
    TARGET,
    "1 while the presented chain is valid.",
);
const RENEWALS: Declaration = Declaration::counter(
    "encoder_certificate_renewals_total",
    &["target", "result"],
    "Renewals of certificates that ended, by result.",
);

pub(super) struct EventSeries {
    build: IntGaugeVec,
    failovers: IntCounterVec,
    failover_seconds: HistogramVec,
    drills: IntCounterVec,
    authorizations: IntCounterVec,
    interruption: HistogramVec,
    remediation: IntCounterVec,
    notifications: IntCounterVec,
    alert_queue: IntGaugeVec,
    expiry: GaugeVec,
    valid: IntGaugeVec,
    renewals: IntCounterVec,
}

impl EventSeries {
    pub(super) fn new() -> Self {
        let build = BUILD.counts();
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            build,
            failovers: FAILOVERS.counters(),
            failover_seconds: FAILOVER_SECONDS.histograms(),
            drills: DRILLS.counters(),
            authorizations: AUTHORIZATIONS.counters(),
            interruption: INTERRUPTION.histograms(),
            remediation: REMEDIATION.counters(),
            notifications: NOTIFICATIONS.counters(),
            alert_queue: ALERT_QUEUE.counts(),
            expiry: EXPIRY.gauges(),
            valid: VALID.counts(),
            renewals: RENEWALS.counters(),
        }
    }

    pub(super) fn collectors(&self) -> [(Declaration, Box<dyn Collector>); 12] {
        [
            (BUILD, Box::new(self.build.clone())),
            (FAILOVERS, Box::new(self.failovers.clone())),
            (FAILOVER_SECONDS, Box::new(self.failover_seconds.clone())),
            (DRILLS, Box::new(self.drills.clone())),
            (AUTHORIZATIONS, Box::new(self.authorizations.clone())),
            (INTERRUPTION, Box::new(self.interruption.clone())),
            (REMEDIATION, Box::new(self.remediation.clone())),
            (NOTIFICATIONS, Box::new(self.notifications.clone())),
            (ALERT_QUEUE, Box::new(self.alert_queue.clone())),
            (EXPIRY, Box::new(self.expiry.clone())),
            (VALID, Box::new(self.valid.clone())),
            (RENEWALS, Box::new(self.renewals.clone())),
        ]
    }
}

const fn result(succeeded: bool) -> &'static str {
    if succeeded { "succeeded" } else { "failed" }
}

impl Metrics {
    fn series(&self) -> &EventSeries {
        &self.0.events
    }

    /// Counts what became of a notification about an alert: `sent`, `failed`, `dead_letter` or
    /// `suppressed`. `sink` is the sink's name in the settings.
    pub fn observe_notification(&self, sink: &str, result: &'static str) {
        let counter = &self.series().notifications;
        counter.with_label_values(&[sink, result]).inc();
    }

    /// Tells how many notifications wait for a sink.
    pub fn set_alert_queue(&self, sink: &str, length: usize) {
        let gauge = self.series().alert_queue.with_label_values(&[sink]);
        gauge.set(i64::try_from(length).unwrap_or(i64::MAX));
    }

    /// Tells how the certificate of a target is. `target` is its name in the settings; without a
    /// chain there is no expiry.
    pub fn set_certificate(&self, target: &str, expires_at: Option<Timestamp>, is_valid: bool) {
        let series = self.series();
        match expires_at {
            Some(at) => series.expiry.with_label_values(&[target]).set(seconds(at)),
            // Removing a series that was never written is no loss.
            None => drop(series.expiry.remove_label_values(&[target])),
        }
        series
            .valid
            .with_label_values(&[target])
            .set(is_valid.into());
    }

    /// Ends the series of a target that is no longer looked at.
    pub fn forget_certificate(&self, target: &str) {
        let series = self.series();
        // Removing a series that was never written is no loss.
        let _ = series.expiry.remove_label_values(&[target]);
        let _ = series.valid.remove_label_values(&[target]);
    }

    /// Counts a renewal of a certificate that ended.
    pub fn observe_renewal(&self, target: &str, result: &'static str) {
        let counter = &self.series().renewals;
        counter.with_label_values(&[target, result]).inc();
    }

    /// Counts what an ingest was told about a publisher.
    pub(crate) fn observe_authorization(&self, verdict: &str) {
        let counter = &self.series().authorizations;
        counter.with_label_values(&[verdict]).inc();
    }

    /// Counts a repair.
    pub(crate) fn observe_remediation(&self, kind: TroubleKind, step: &str, outcome: &str) {
        let labels = [kind.as_str(), step, outcome];
        let counter = &self.series().remediation;
        counter.with_label_values(&labels).inc();
    }

    /// Takes what the ingest saw of a move.
    pub(crate) fn observe_interruption(&self, trigger: Trigger, seen: Interruption) {
        let series = &self.series().interruption;
        let series = series.with_label_values(&[trigger.as_str()]);
        series.observe(seen.gap.as_secs_f64());
    }

    pub(crate) fn observe_failover(&self, summary: &FailoverSummary) {
        let series = self.series();
        let result = result(summary.succeeded);
        let labels = [code(&summary.reason), result];
        series.failovers.with_label_values(&labels).inc();
        let is_over = summary.reason == "drill_return" || !summary.succeeded;
        if summary.trigger == Trigger::Drill && is_over {
            series.drills.with_label_values(&[result]).inc();
        }
        let seconds = |phase| series.failover_seconds.with_label_values(&[phase]);
        let mut total = 0.0;
        for timing in &summary.timings {
            let took = timing.elapsed.as_secs_f64();
            total += took;
            seconds(timing.phase.as_str()).observe(took);
        }
        seconds("total").observe(total);
    }
}
