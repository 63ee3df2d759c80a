//! Series about certificates.

use prometheus::{GaugeVec, IntCounterVec};

use super::{Metrics, Series};
use crate::monitor::certificate::{CertificateReport, expiry_of};

pub(super) struct CertificateSeries {
    expiry: GaugeVec,
    valid: GaugeVec,
    renewals: IntCounterVec,
}

impl CertificateSeries {
    pub(super) fn new(series: &Series<'_>) -> Self {
        Self {
            expiry: series.gauge(
                "encoder_certificate_expiry_timestamp_seconds",
                "When the certificate that a target presents ends.",
                &["target"],
            ),
            valid: series.gauge(
                "encoder_certificate_valid",
                "1 when clients take what a target presents, 0 when they turn away; none when it \
                 cannot be looked at.",
                &["target"],
            ),
            renewals: series.counter(
                "encoder_certificate_renewals_total",
                "Attempts to renew a certificate, by how they ended: renewed, failed or rolled_back.",
                &["target", "result"],
            ),
        }
    }

    /// Targets are few and configured; one that is no longer looked at has no series.
    fn set(&self, reports: &[CertificateReport]) {
        self.expiry.reset();
        self.valid.reset();
        for report in reports {
            let Some(chain) = report.chain() else {
                continue;
            };
            let labels = [report.target.as_str()];
            let until = expiry_of(chain).as_millis() as f64 / 1000.0;
            self.expiry.with_label_values(&labels).set(until);
            let valid = f64::from(u8::from(chain.is_valid()));
            self.valid.with_label_values(&labels).set(valid);
        }
    }
}

impl Metrics {
    /// Takes what the last looks at all targets brought.
    pub(crate) fn set_certificates(&self, reports: &[CertificateReport]) {
        self.0.certificates.set(reports);
    }

    /// Counts an attempt to renew the certificate of a target.
    pub(crate) fn observe_renewal(&self, target: &str, result: &str) {
        let counter = &self.0.certificates.renewals;
        counter.with_label_values(&[target, result]).inc();
    }
}
