//! The faults that one device suffers from.

use tokio::time::Instant;

use super::{Fault, FaultKind};
use crate::simulator::requests::RequestRecord;
use crate::simulator::storage::MediumKind;

/// The faults of one device at this moment.
#[derive(Debug, Default)]
pub(in crate::simulator) struct ActiveFaults(Vec<ActiveFault>);

#[derive(Debug)]
struct ActiveFault {
    fault: Fault,
    remaining: Option<u32>,
    until: Option<Instant>,
}

impl ActiveFaults {
    pub(in crate::simulator) fn add(&mut self, fault: Fault, now: Instant) {
        self.0.push(ActiveFault {
            remaining: fault.times,
            until: fault.lasts.map(|lasts| now + lasts),
            fault,
        });
    }

    pub(in crate::simulator) fn clear(&mut self) {
        self.0.clear();
    }

    pub(in crate::simulator) fn next_end(&self) -> Option<Instant> {
        self.0.iter().filter_map(|active| active.until).min()
    }

    pub(in crate::simulator) fn expire(&mut self, now: Instant) {
        self.0
            .retain(|active| active.until.is_none_or(|until| until > now));
    }

    /// The kinds that last, oldest first.
    pub(in crate::simulator) fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        self.0.iter().map(|active| &active.fault.kind)
    }

    pub(in crate::simulator) fn has(&self, kind: &FaultKind) -> bool {
        self.kinds().any(|active| active == kind)
    }

    /// Whether this fault of storage bends that medium.
    pub(in crate::simulator) fn concern_medium(
        &self,
        kind: &FaultKind,
        medium: MediumKind,
    ) -> bool {
        let mut faults = self.0.iter().map(|active| &active.fault);
        faults.any(|fault| fault.kind == *kind && fault.medium == Some(medium))
    }

    pub(in crate::simulator) fn list(&self) -> Vec<Fault> {
        self.0.iter().map(|active| active.fault.clone()).collect()
    }

    /// The fault that spoils this request, counted as happened.
    pub(in crate::simulator) fn spoil(&mut self, request: &RequestRecord) -> Option<FaultKind> {
        self.consume(|fault| fault.kind.spoils_requests() && fault.concerns(request))
    }

    /// Whether `kind` happens now; counts it as happened.
    pub(in crate::simulator) fn strike(&mut self, kind: &FaultKind) -> bool {
        self.consume(|fault| fault.kind == *kind).is_some()
    }

    /// Whether a write to this parameter gets lost; counts it as happened.
    pub(in crate::simulator) fn lose_write(&mut self, id: &str) -> bool {
        self.consume(|fault| {
            fault.kind == FaultKind::SetNotApplied && fault.concerns_param(Some(id))
        })
        .is_some()
    }

    fn consume(&mut self, matches: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let place = self
            .0
            .iter()
            .position(|active| active.remaining != Some(0) && matches(&active.fault))?;
        let active = &mut self.0[place];
        let kind = active.fault.kind.clone();
        if let Some(remaining) = &mut active.remaining {
            *remaining -= 1;
            if *remaining == 0 {
                self.0.remove(place);
            }
        }
        Some(kind)
    }
}
