//! What is known of an encoder at one moment, as its watcher concludes.

use std::sync::Arc;
use std::time::Instant;

use crate::model::{
    Assessment, ConnectionHealth, DeviceStreamState, EncoderSpec, EncoderState, EncoderStatus,
    Heat, Issue, Timestamp, Verdict, issue_code,
};
use crate::monitor::MetricOutlook;

/// The watcher's latest conclusions. Immutable; a new one replaces it.
#[derive(Clone, Debug, Default)]
pub(crate) struct EncoderSnapshot {
    pub(crate) status: Option<EncoderStatus>,
    pub(crate) assessment: Assessment,
    pub(crate) connection: ConnectionHealth,
    pub(crate) heat: Option<Heat>,
    pub(crate) last_alive: Option<Instant>,
    pub(crate) last_seen_at: Option<Timestamp>,
    /// When the first request failed since the device last gave a sign of life.
    pub(crate) silent_since: Option<Instant>,
    /// When the stream state was first seen as it is.
    pub(crate) stream_state_at: Option<Timestamp>,
    /// When the device showed what this was concluded from; `None` when the manager's own
    /// intention changed.
    pub(crate) observed: Option<Instant>,
    /// Where its figures are heading.
    pub(crate) trends: Arc<[MetricOutlook]>,
}

impl EncoderSnapshot {
    pub(crate) fn stream_state(&self) -> DeviceStreamState {
        self.status
            .as_ref()
            .map_or(DeviceStreamState::Unknown, |status| status.stream_state)
    }

    /// Whether the device answers well enough to be told something.
    pub(crate) fn is_reachable(&self) -> bool {
        !matches!(self.assessment.verdict, Verdict::Silent | Verdict::Unknown)
            && self.status.is_some()
    }

    /// Whether the device was seen publishing, and is still believed to answer.
    pub(crate) fn is_streaming(&self) -> bool {
        self.is_reachable() && self.stream_state() == DeviceStreamState::Streaming
    }

    /// Why the device cannot be relied on to take commands although it gives signs of life: its
    /// answers are wrong or refusals, or its state was never readable.
    pub(crate) fn misbehaviour(&self) -> Option<String> {
        let code = |issue: &&Issue| issue.code.as_str() == issue_code::DEVICE_MISBEHAVES;
        if let Some(issue) = self.assessment.issues.iter().find(code) {
            return Some(issue.message.clone());
        }
        let alive = !matches!(self.assessment.verdict, Verdict::Unknown | Verdict::Silent);
        (alive && self.status.is_none()).then(|| "its state cannot be read".to_owned())
    }

    pub(crate) fn state(&self, spec: &EncoderSpec) -> EncoderState {
        match self.assessment.verdict {
            _ if spec.maintenance => EncoderState::Maintenance,
            Verdict::Unknown => EncoderState::Unknown,
            Verdict::Healthy => EncoderState::Online,
            Verdict::Worn | Verdict::Failing => EncoderState::Degraded,
            Verdict::Silent => EncoderState::Offline,
        }
    }

    /// Whether anybody who decides by snapshots has to look again.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        fn codes(assessment: &Assessment) -> impl Iterator<Item = (&str, u8)> {
            let severity = |issue: &Issue| issue.severity as u8;
            assessment
                .issues
                .iter()
                .map(move |issue| (issue.code.as_str(), severity(issue)))
        }
        let volatile = |status: &Option<EncoderStatus>| {
            status.as_ref().map(|status| {
                (
                    status.stream_state,
                    status.record_state,
                    status.input.clone(),
                    status.active.clone(),
                )
            })
        };
        self.assessment.verdict != other.assessment.verdict
            || !codes(&self.assessment).eq(codes(&other.assessment))
            || volatile(&self.status) != volatile(&other.status)
            || self.silent_since.is_some() != other.silent_since.is_some()
    }
}
