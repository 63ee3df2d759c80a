//! Whether an encoder puts out what it is set to. Pure.

use crate::model::{
    Evidence, Issue, OutputReadings, Severity, StreamConfig, Timestamp, issue_code,
};
use crate::remediation::AdaptConfig;

/// Whether the measured bitrate keeps up with the configured one.
#[derive(Debug, Default)]
pub(super) struct Steadiness {
    low_since: Option<Timestamp>,
    dropped: Option<u64>,
}

impl Steadiness {
    /// Takes the latest readings. A low bitrate alone says nothing, since still pictures need
    /// little; together with lost or missing pictures it does.
    pub(super) fn look(
        &mut self,
        config: &AdaptConfig,
        output: &OutputReadings,
        settings: &StreamConfig,
        now: Timestamp,
    ) -> Option<Issue> {
        let dropped = output.dropped_frames;
        let loses = dropped
            .zip(self.dropped)
            .is_some_and(|(now, before)| now > before);
        self.dropped = dropped;
        let slow = output.fps.is_some_and(|fps| fps < settings.fps.fps() * 0.9);
        let measured = output.bitrate?;
        let limit = settings.bitrate.0 as f64 * config.unstable_below_percent / 100.0;
        let low = (measured.0 as f64) < limit;
        if !low || !(loses || slow || self.low_since.is_some()) {
            self.low_since = None;
            return None;
        }
        let since = *self.low_since.get_or_insert(now);
        if now.since(since) < config.unstable_after {
            return None;
        }
        let message = format!("puts out {measured} of {}", settings.bitrate);
        let issue = Issue::new(
            issue_code::BITRATE_UNSTABLE,
            Severity::Warning,
            message,
            since,
        );
        Some(issue.with_evidence([Evidence::Count("bitrate", measured.0)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bitrate;
    use crate::testkit::sample_config;

    /// Seconds until it counts as unstable, of readings that grow from second to second.
    fn unstable_after(kbps: u64, dropped_each: u64, fps: Option<f64>) -> Option<i64> {
        let (config, settings) = (AdaptConfig::default(), sample_config());
        let mut steadiness = Steadiness::default();
        (0..120_i64).find(|second| {
            let output = OutputReadings {
                bitrate: Some(Bitrate::from_kbps(kbps)),
                dropped_frames: Some(dropped_each * second.unsigned_abs()),
                fps,
                ..OutputReadings::default()
            };
            let now = Timestamp::from_millis(second * 1000);
            let issue = steadiness.look(&config, &output, &settings, now);
            issue.is_some()
        })
    }

    #[test]
    fn little_is_only_unstable_together_with_lost_or_missing_pictures() {
        assert_eq!(unstable_after(2000, 0, Some(30.0)), None, "a still picture");
        assert_eq!(unstable_after(2000, 3, Some(30.0)), Some(21));
        assert_eq!(unstable_after(2000, 0, Some(20.0)), Some(20));
        assert_eq!(unstable_after(5900, 3, Some(20.0)), None, "enough bitrate");
    }

    #[test]
    fn what_is_not_measured_is_not_judged() {
        let (config, settings) = (AdaptConfig::default(), sample_config());
        let mut steadiness = Steadiness::default();
        for second in 0..120 {
            let now = Timestamp::from_millis(second * 1000);
            let output = OutputReadings::default();
            assert_eq!(steadiness.look(&config, &output, &settings, now), None);
        }
    }
}
