//! What types alone cannot check.

use super::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Violation;

impl ManagerConfig {
    /// Checks what types alone cannot: zero intervals, factors below one, empty names.
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
            ("watch.slow_interval_seconds", self.watch.slow_interval),
            ("forecast.ahead_seconds", self.forecast.ahead),
            (
                "watch.history.summary_interval_seconds",
                self.watch.history.summary_interval,
            ),
            (
                "connection.patterns.flapping_window_seconds",
                self.connection.patterns.flapping_window,
            ),
            ("failover.start_grace_seconds", self.failover.start_grace),
            ("failover.fence_deadline_ms", self.failover.fence_deadline),
            ("failover.command_timeout_ms", self.failover.command_timeout),
            ("failover.fence_retry_ms", self.failover.fence_retry),
            ("failover.witness_timeout_ms", self.failover.witness_timeout),
            (
                "failover.protection_interval_ms",
                self.failover.protection_interval,
            ),
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
        for (field, percent) in self.direct.percents() {
            let holds = percent > 0.0 && percent <= 100.0;
            require(holds, field, "must be more than 0 and at most 100");
        }
        let temperature = self.direct.temperature_celsius;
        require(
            temperature.is_finite() && temperature > 0.0,
            "direct.temperature_celsius",
            "must be a number above 0",
        );
        let jitter = self.connection.patterns.periodic_jitter;
        require(
            (0.0..0.5).contains(&jitter),
            "connection.patterns.periodic_jitter",
            "must be at least 0 and below 0.5",
        );
        require(!self.instance.is_empty(), "instance", "must not be empty");
        require(
            self.event_capacity > 0,
            "event_capacity",
            "must be at least 1",
        );
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
