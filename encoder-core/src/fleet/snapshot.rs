//! What is known of an encoder at one moment, as its watcher concludes.

use std::time::Instant;

use crate::health::Overheating;
use crate::model::{
    Assessment, ConnectionHealth, CoolingState, DeviceStreamState, EncoderSpec, EncoderState,
    EncoderStatus, Heat, Issue, MediumReadings, RebootReport, Timestamp, Verdict, issue_code,
};

/// The watcher's latest conclusions. Immutable; a new one replaces it.
#[derive(Clone, Debug)]
pub(crate) struct EncoderSnapshot {
    pub(crate) status: Option<EncoderStatus>,
    pub(crate) assessment: Assessment,
    pub(crate) connection: ConnectionHealth,
    pub(crate) heat: Option<Heat>,
    pub(crate) cooling: Option<CoolingState>,
    /// What cooling leaves of the encoder's share of load, 0 to 1.
    pub(crate) share: f64,
    /// Why its stream should leave it before it is too late.
    pub(crate) overheating: Option<Overheating>,
    pub(crate) last_alive: Option<Instant>,
    pub(crate) last_seen_at: Option<Timestamp>,
    /// When the first request failed since the device last gave a sign of life.
    pub(crate) silent_since: Option<Instant>,
    /// When the stream state was first seen as it is.
    pub(crate) stream_state_at: Option<Timestamp>,
    /// The device's restarts.
    pub(crate) reboots: RebootReport,
    /// When the device showed what this was concluded from; `None` when the manager's own
    /// intention changed.
    pub(crate) observed: Option<Instant>,
}

impl Default for EncoderSnapshot {
    fn default() -> Self {
        Self {
            status: None,
            assessment: Assessment::default(),
            connection: ConnectionHealth::default(),
            heat: None,
            cooling: None,
            share: 1.0,
            overheating: None,
            last_alive: None,
            last_seen_at: None,
            silent_since: None,
            stream_state_at: None,
            reboots: RebootReport::default(),
            observed: None,
        }
    }
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

    /// Whether the device says that it serves its medium, and so takes no stream.
    pub(crate) fn serves_files(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| status.serves_files == Some(true))
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

    /// Whether the device restarts in a loop, or did so a short while ago.
    pub(crate) fn is_restless(&self) -> bool {
        let code = |issue: &Issue| issue.code.as_str() == issue_code::REBOOT_LOOP;
        self.assessment.issues.iter().any(code)
    }

    pub(crate) fn state(&self, spec: &EncoderSpec) -> EncoderState {
        match self.assessment.verdict {
            _ if spec.maintenance => EncoderState::Maintenance,
            Verdict::Unknown => EncoderState::Unknown,
            Verdict::Silent => EncoderState::Offline,
            Verdict::Failing => EncoderState::Degraded,
            _ if self.cooling.is_some() => EncoderState::Cooling,
            Verdict::Healthy => EncoderState::Online,
            Verdict::Worn => EncoderState::Degraded,
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
        fn presence(medium: &MediumReadings) -> impl PartialEq + use<> {
            let full = medium.free_bytes == Some(0);
            (medium.kind.clone(), medium.mounted, medium.ready, full)
        }
        let volatile = |status: &Option<EncoderStatus>| {
            status.as_ref().map(|status| {
                (
                    status.stream_state,
                    status.record_state,
                    status.input.clone(),
                    status.active.clone(),
                    status.media.iter().map(presence).collect::<Vec<_>>(),
                    status.serves_files,
                )
            })
        };
        let cooling = |snapshot: &Self| {
            let cooling = snapshot.cooling.as_ref();
            cooling.map(|cooling| (cooling.step, cooling.phase, cooling.reason))
        };
        let leaving = |snapshot: &Self| snapshot.overheating.as_ref().map(|heat| heat.imminent);
        self.assessment.verdict != other.assessment.verdict
            || cooling(self) != cooling(other)
            || leaving(self) != leaving(other)
            || !codes(&self.assessment).eq(codes(&other.assessment))
            || volatile(&self.status) != volatile(&other.status)
            || self.silent_since.is_some() != other.silent_since.is_some()
    }
}
