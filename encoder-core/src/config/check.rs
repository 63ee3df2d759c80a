//! What types alone cannot check.

use super::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Violation;
use crate::monitor::errors::Patterns;

impl ManagerConfig {
    /// Checks what types alone cannot: zero intervals, factors below one, empty names. The file of
    /// error patterns is read for it.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] listing every violation.
    pub fn validate(&self) -> Result<()> {
        let mut violations = Vec::new();
        let mut require = |holds: bool, field: &str, message: &str| {
            if !holds {
                violations.push(Violation::new(field, "out_of_range", message));
            }
        };
        let positive = [
            ("lease_ttl_seconds", self.lease_ttl),
            ("watch.active_interval_ms", self.watch.active_interval),
            ("watch.idle_interval_ms", self.watch.idle_interval),
            ("watch.retry_interval_ms", self.watch.retry_interval),
            ("watch.silent_interval_ms", self.watch.silent_interval),
            ("watch.timeout_ms", self.watch.timeout),
            ("watch.report_interval_ms", self.watch.report_interval),
            ("failover.start_grace_seconds", self.failover.start_grace),
            ("failover.fence_deadline_ms", self.failover.fence_deadline),
            ("failover.command_timeout_ms", self.failover.command_timeout),
            ("failover.fence_retry_ms", self.failover.fence_retry),
            ("failover.witness_timeout_ms", self.failover.witness_timeout),
            (
                "failover.protection_interval_ms",
                self.failover.protection_interval,
            ),
            ("errors.similar_window_seconds", self.errors.similar_window),
            ("errors.save_interval_seconds", self.errors.save_interval),
            ("ingest.poll_interval_ms", self.ingest.poll_interval),
            ("ingest.moving_interval_ms", self.ingest.moving_interval),
            ("ingest.timeout_ms", self.ingest.timeout),
        ];
        for (field, span) in positive {
            require(!span.is_zero(), field, "must be longer than zero");
        }
        let factor = self.failover.start_grace_factor;
        require(
            factor >= 1.0,
            "failover.start_grace_factor",
            "must be at least 1",
        );
        require(
            self.ingest.missing_after >= self.ingest.poll_interval * 2,
            "ingest.missing_after_ms",
            "must be at least twice poll_interval_ms",
        );
        require(!self.instance.is_empty(), "instance", "must not be empty");
        require(
            self.event_capacity > 0,
            "event_capacity",
            "must be at least 1",
        );
        require(
            self.errors.history_limit > 0,
            "errors.history_limit",
            "must be at least 1",
        );
        require(
            self.errors.similar_errors > 0 && self.errors.failed_recoveries > 0,
            "errors",
            "similar_errors and failed_recoveries must be at least 1",
        );
        if let Err(error) = Patterns::load(&self.errors) {
            violations.push(Violation::new(
                "errors.patterns",
                "invalid",
                error.message(),
            ));
        }
        if violations.is_empty() {
            return Ok(());
        }
        let fields: Vec<_> = violations
            .iter()
            .map(|v| format!("{}: {}", v.field, v.message))
            .collect();
        Err(Error::new(ErrorKind::ConfigInvalid, fields.join("; ")).with_violations(violations))
    }
}
