//! What the program around the manager saw of certificates.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::Manager;
use crate::model::{EventKind, Subject};
use crate::monitor::certificate::{CertificateReport, RenewalOutcome, expiry_of, standing};

impl Manager {
    /// Takes what the last looks at all targets brought: opens and resolves their alerts and shows
    /// them as figures. A target that is left out is no longer looked at, and its alerts resolve.
    pub fn observe_certificates(&self, reports: &[CertificateReport]) {
        self.show_certificates(reports);
        let cx = &self.0.cx;
        let now = cx.clock.now();
        let found = standing(reports);
        let changed = self.alert_book().observe_certificates(&found, now);
        for alert in changed {
            let kind = EventKind::Alert(Box::new(alert));
            cx.events.publish(Subject::Alerts, now, kind);
        }
    }

    /// A target that presents nothing, or is left out, has no figures.
    fn show_certificates(&self, reports: &[CertificateReport]) {
        let metrics = &self.0.cx.metrics;
        let mut shown = BTreeSet::new();
        for report in reports {
            if let Some(chain) = report.chain() {
                metrics.set_certificate(&report.target, Some(expiry_of(chain)), chain.is_valid());
                shown.insert(report.target.clone());
            }
        }
        let known = &self.0.monitors.certificates;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.difference(&shown) {
            metrics.forget_certificate(gone);
        }
        *known = shown;
    }

    /// Counts an attempt to renew the certificate of a target.
    pub fn count_renewal(&self, target: &str, outcome: &RenewalOutcome) {
        self.0.cx.metrics.observe_renewal(target, outcome.as_str());
    }
}
