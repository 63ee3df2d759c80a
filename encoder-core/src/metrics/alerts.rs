//! Series about alerts and who is told of them.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::model::{Alert, AlertState, Severity};

/// Figures of alerts and notices. Sinks are named by the configuration, so their number is
/// bounded.
#[derive(Clone, Debug)]
pub(crate) struct AlertSeries {
    alerts: IntGaugeVec,
    notifications: IntCounterVec,
    queue: IntGaugeVec,
}

/// The outcomes that are counted.
const RESULTS: [&str; 4] = ["sent", "failed", "dead_letter", "suppressed"];

impl AlertSeries {
    /// Registers them, with a zero for everything that these sinks can count.
    pub(crate) fn new(registry: &Registry, sinks: &[&str]) -> Self {
        let gauge = |name, help, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels);
            gauge.expect("names and labels are constants")
        };
        let alerts = gauge(
            "encoder_alerts",
            "Alerts that are not resolved.",
            &["severity", "state"],
        );
        let queue = gauge(
            "encoder_alert_queue_length",
            "Notices that wait for a sink.",
            &["sink"],
        );
        let notifications = IntCounterVec::new(
            Opts::new(
                "encoder_alert_notifications_total",
                "Attempts to deliver notices; `suppressed` counts those over the rate.",
            ),
            &["sink", "result"],
        );
        let series = Self {
            notifications: notifications.expect("names and labels are constants"),
            alerts,
            queue,
        };
        let all: [Box<dyn prometheus::core::Collector>; 3] = [
            Box::new(series.alerts.clone()),
            Box::new(series.notifications.clone()),
            Box::new(series.queue.clone()),
        ];
        for collector in all {
            let registered = registry.register(collector);
            registered.expect("each name is registered once");
        }
        for sink in sinks {
            series.set_queue(sink, 0);
            for result in RESULTS {
                series.notifications.with_label_values(&[*sink, result]);
            }
        }
        series
    }

    pub(crate) fn set_alerts<'a>(&self, open: impl IntoIterator<Item = &'a Alert>) {
        for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
            for state in ["firing", "acknowledged"] {
                let series = self.alerts.with_label_values(&[severity.as_str(), state]);
                series.set(0);
            }
        }
        for alert in open {
            let state = match alert.state {
                AlertState::Firing => "firing",
                AlertState::Acknowledged => "acknowledged",
                AlertState::Resolved => continue,
            };
            let labels = [alert.severity.as_str(), state];
            self.alerts.with_label_values(&labels).inc();
        }
    }

    pub(crate) fn count(&self, sink: &str, result: &str) {
        self.notifications.with_label_values(&[sink, result]).inc();
    }

    pub(crate) fn set_queue(&self, sink: &str, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        self.queue.with_label_values(&[sink]).set(length);
    }
}
