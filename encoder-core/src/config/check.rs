//! What types alone cannot check: a table of rules for each part.

use std::time::Duration;

use super::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Violation;
use crate::monitor::errors::Patterns;

/// Whether it holds, the field, and what must be true of it.
type Rule = (bool, &'static str, &'static str);

const LONG: &str = "must be longer than zero";
const COUNT: &str = "must be at least 1";

impl ManagerConfig {
    /// Checks what types alone cannot: zero intervals, factors below one, empty names. The file of
    /// error patterns is read for it.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] listing every violation.
    pub fn validate(&self) -> Result<()> {
        self.validate_with_sinks(&[])
    }

    /// As [`validate`](Self::validate), with sinks of these names beside the configured ones.
    pub(crate) fn validate_with_sinks(&self, more: &[&str]) -> Result<()> {
        let spans = self.spans().into_iter();
        let mut violations: Vec<_> = spans
            .map(|(field, span)| (!span.is_zero(), field, LONG))
            .chain(self.rules())
            .chain(self.rules_of_health())
            .chain(self.rules_of_repairs())
            .chain(self.rules_of_the_recorder())
            .chain([self.rule_of_tiers()])
            .chain(self.rules_of_errors())
            .filter(|(holds, _, _)| !holds)
            .map(|(_, field, message)| Violation::new(field, "out_of_range", message))
            .collect();
        violations.extend(self.wrong_patterns());
        violations.extend(self.alerts.violations(more));
        if violations.is_empty() {
            return Ok(());
        }
        let fields: Vec<_> = violations
            .iter()
            .map(|v| format!("{}: {}", v.field, v.message))
            .collect();
        Err(Error::new(ErrorKind::ConfigInvalid, fields.join("; ")).with_violations(violations))
    }

    /// What must be longer than zero.
    fn spans(&self) -> impl IntoIterator<Item = (&'static str, Duration)> {
        let (watch, failover, patterns) = (&self.watch, &self.failover, &self.connection.patterns);
        let (ingest, adaptation, care) = (&self.ingest, &self.adaptation, &self.care);
        let summary = watch.history.summary_interval;
        [
            ("lease_ttl_seconds", self.lease_ttl),
            ("watch.active_interval_ms", watch.active_interval),
            ("watch.idle_interval_ms", watch.idle_interval),
            ("watch.retry_interval_ms", watch.retry_interval),
            ("watch.silent_interval_ms", watch.silent_interval),
            ("watch.timeout_ms", watch.timeout),
            ("watch.report_interval_ms", watch.report_interval),
            ("watch.slow_interval_seconds", watch.slow_interval),
            ("watch.history.summary_interval_seconds", summary),
            (
                "connection.patterns.flapping_window_seconds",
                patterns.flapping_window,
            ),
            ("forecast.ahead_seconds", self.forecast.ahead),
            ("forecast.step_seconds", self.forecast.step),
            ("failover.start_grace_seconds", failover.start_grace),
            ("failover.fence_deadline_ms", failover.fence_deadline),
            ("failover.command_timeout_ms", failover.command_timeout),
            ("failover.fence_retry_ms", failover.fence_retry),
            ("failover.witness_timeout_ms", failover.witness_timeout),
            (
                "failover.protection_interval_ms",
                failover.protection_interval,
            ),
            ("thermal.period_seconds", self.thermal.step()),
            ("adaptation.cool_off_seconds", adaptation.cool_off),
            (
                "adaptation.healthy_period_seconds",
                adaptation.healthy_period,
            ),
            ("care.interval_seconds", care.interval),
            ("care.cool_off_seconds", care.cool_off),
            ("care.verify_within_seconds", care.verify_within),
            ("ingest.poll_interval_ms", ingest.poll_interval),
            ("ingest.moving_interval_ms", ingest.moving_interval),
            ("ingest.timeout_ms", ingest.timeout),
            ("errors.similar_window_seconds", self.errors.similar_window),
            ("errors.save_interval_seconds", self.errors.save_interval),
            ("series.interval_seconds", self.series.interval),
            ("series.flush_seconds", self.series.flush),
        ]
    }

    fn rules(&self) -> [Rule; 6] {
        let looks = self.ingest.missing_after >= self.ingest.poll_interval * 2;
        [
            (
                self.failover.start_grace_factor >= 1.0,
                "failover.start_grace_factor",
                COUNT,
            ),
            (
                looks,
                "ingest.missing_after_ms",
                "must be at least twice poll_interval_ms",
            ),
            (!self.instance.is_empty(), "instance", "must not be empty"),
            (self.event_capacity > 0, "event_capacity", COUNT),
            (self.thermal.steps > 0, "thermal.steps", COUNT),
            (
                self.thermal.burst_requests > 0,
                "thermal.burst_requests",
                COUNT,
            ),
        ]
    }

    fn rules_of_health(&self) -> impl Iterator<Item = Rule> {
        let temperature = self.direct.temperature_celsius;
        let jitter = self.connection.patterns.periodic_jitter;
        let percent = "must be more than 0 and at most 100";
        let percents = self.direct.percents().into_iter();
        let rules =
            percents.map(move |(field, value)| (value > 0.0 && value <= 100.0, field, percent));
        rules.chain([
            (
                temperature.is_finite() && temperature > 0.0,
                "direct.temperature_celsius",
                "must be a number above 0",
            ),
            (
                (0.0..0.5).contains(&jitter),
                "connection.patterns.periodic_jitter",
                "must be at least 0 and below 0.5",
            ),
        ])
    }

    fn rules_of_repairs(&self) -> [Rule; 2] {
        let adaptation = &self.adaptation;
        [
            (
                (0.1..1.0).contains(&adaptation.bitrate_factor),
                "adaptation.bitrate_factor",
                "must be at least 0.1 and below 1",
            ),
            (
                (0.0..=100.0).contains(&adaptation.bitrate_floor_percent),
                "adaptation.bitrate_floor_percent",
                "must be 0 to 100",
            ),
        ]
    }

    fn rules_of_the_recorder(&self) -> [Rule; 4] {
        let (storage, reboots) = (&self.storage, &self.reboots);
        let (record, mount) = (storage.record_timeout, storage.mount_timeout);
        [
            (!record.is_zero(), "storage.record_timeout_seconds", LONG),
            (!mount.is_zero(), "storage.mount_timeout_seconds", LONG),
            (!reboots.window.is_zero(), "reboots.window_seconds", LONG),
            (reboots.count > 1, "reboots.count", "must be at least 2"),
        ]
    }

    fn rule_of_tiers(&self) -> Rule {
        let tiers = &self.series.tiers;
        let rises =
            tiers.is_sorted_by(|fine, coarse| fine.step < coarse.step && fine.keep <= coarse.keep);
        let whole = tiers
            .iter()
            .all(|tier| !tier.step.is_zero() && tier.step.subsec_nanos() % 1_000_000 == 0);
        (
            !tiers.is_empty() && rises && whole,
            "series.tiers",
            "must be one or more, the finest first, each longer kept than the one before, with \
             steps of whole milliseconds",
        )
    }

    fn rules_of_errors(&self) -> [Rule; 3] {
        let errors = &self.errors;
        [
            (errors.history_limit > 0, "errors.history_limit", COUNT),
            (errors.similar_errors > 0, "errors.similar_errors", COUNT),
            (
                errors.failed_recoveries > 0,
                "errors.failed_recoveries",
                COUNT,
            ),
        ]
    }

    /// What is wrong with the file of error patterns, if there is one.
    fn wrong_patterns(&self) -> Option<Violation> {
        let error = Patterns::load(&self.errors).err()?;
        let field = "errors.patterns";
        Some(Violation::new(field, "invalid", error.message()))
    }
}
