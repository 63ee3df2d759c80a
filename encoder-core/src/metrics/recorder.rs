//! Series about recording media and restarts.

use prometheus::{GaugeVec, IntCounterVec};

use super::Series;
use crate::model::{EncoderId, EncoderView};

pub(super) struct RecorderSeries {
    free: GaugeVec,
    used: GaugeVec,
    reboots: IntCounterVec,
}

impl RecorderSeries {
    pub(super) fn new(series: &Series<'_>) -> Self {
        let medium = &["encoder_id", "medium"];
        Self {
            free: series.gauge(
                "encoder_medium_free_bytes",
                "Free space of a recording medium, by slot.",
                medium,
            ),
            used: series.gauge(
                "encoder_medium_used_percent",
                "Used space of a recording medium, by slot.",
                medium,
            ),
            reboots: series.counter(
                "encoder_reboots_total",
                "Restarts of a device that were noticed.",
                &["encoder_id"],
            ),
        }
    }

    pub(super) fn set_media(&self, encoders: &[EncoderView]) {
        self.free.reset();
        self.used.reset();
        for view in encoders {
            for medium in view.status.iter().flat_map(|status| &status.media) {
                let labels = [view.spec.id.as_str(), medium.slot.as_str()];
                if let Some(bytes) = medium.free_bytes {
                    self.free.with_label_values(&labels).set(bytes as f64);
                }
                if let Some(percent) = medium.used_percent() {
                    self.used.with_label_values(&labels).set(percent);
                }
            }
        }
    }

    /// A unit that was replaced counts from zero again, which a counter must not.
    pub(super) fn set_reboots(&self, id: &EncoderId, total: u64) {
        let counter = self.reboots.with_label_values(&[id.as_str()]);
        counter.inc_by(total.saturating_sub(counter.get()));
    }

    pub(super) fn forget(&self, id: &EncoderId) {
        // A series that was never written is no loss.
        let _ = self.reboots.remove_label_values(&[id.as_str()]);
    }
}
