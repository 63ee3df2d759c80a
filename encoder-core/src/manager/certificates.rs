//! What the program around the manager saw of certificates.

use super::Manager;
use crate::model::{EventKind, Subject};
use crate::monitor::certificate::{CertificateReport, RenewalOutcome, standing};

impl Manager {
    /// Takes what the last looks at all targets brought: opens and resolves their alerts and shows
    /// them as figures. A target that is left out is no longer looked at, and its alerts resolve.
    pub fn observe_certificates(&self, reports: &[CertificateReport]) {
        let cx = &self.0.cx;
        let now = cx.clock.now();
        cx.metrics.set_certificates(reports);
        let found = standing(reports);
        let changed = self.alert_book().observe_certificates(&found, now);
        for alert in changed {
            let kind = EventKind::Alert(Box::new(alert));
            cx.events.publish(Subject::Alerts, now, kind);
        }
    }

    /// Counts an attempt to renew the certificate of a target.
    pub fn count_renewal(&self, target: &str, outcome: &RenewalOutcome) {
        self.0.cx.metrics.observe_renewal(target, outcome.as_str());
    }
}
