//! In which order a stream moves. Pure.
//!
//! The destination decides: an ingest that lets the newcomer take over wants the replacement
//! started at once; one that refuses a second publisher wants the old encoder gone first; with
//! addresses of their own the two never meet.

use crate::model::{
    Assignment, FailoverOrder, FailoverPhase, IngestSlot, Personality, StreamRecord,
};

/// The order and the address for a replacement. `publishing` says whether the replacement is
/// the stream's backup and publishes already.
pub(super) fn order(
    record: &StreamRecord,
    publishing: Option<&Assignment>,
) -> (FailoverOrder, IngestSlot) {
    let from = record.primary.slot;
    match (publishing, record.destination.personality) {
        (Some(backup), _) => (FailoverOrder::SwitchRoles, backup.slot),
        (None, Personality::Takeover) => (FailoverOrder::StartFirst, from),
        (None, Personality::Reject) => (FailoverOrder::FenceFirst, from),
        (None, Personality::Separate) => (FailoverOrder::StartFirst, from.other()),
    }
}

/// The phase a failover of that order begins with.
pub(super) const fn first_phase(order: FailoverOrder) -> FailoverPhase {
    match order {
        FailoverOrder::StartFirst => FailoverPhase::Start,
        FailoverOrder::FenceFirst => FailoverPhase::Fence,
        FailoverOrder::SwitchRoles => FailoverPhase::Confirm,
    }
}

/// The address a backup is prepared for.
pub(super) fn backup_slot(record: &StreamRecord) -> IngestSlot {
    let own_address = record.protection == crate::model::Protection::Hot
        || record.destination.personality == Personality::Separate;
    if own_address {
        record.primary.slot.other()
    } else {
        record.primary.slot
    }
}
