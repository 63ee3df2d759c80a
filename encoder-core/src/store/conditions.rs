//! When a write or a lease is refused, and how that is said, the same way for every store here.

use super::{Expect, Key, Revision};
use crate::error::{Error, ErrorKind};

/// Whether a write may happen on a record with this revision, or on none.
pub(super) fn meets(expect: Expect, found: Option<Revision>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => found.is_none(),
        Expect::Revision(revision) => found == Some(revision),
    }
}

/// The refusal of a conditional write.
pub(super) fn mismatch(key: &Key, found: Option<Revision>) -> Error {
    let message = "the record is not at the expected revision";
    let found = found.map_or_else(|| "none".to_owned(), |revision| revision.0.to_string());
    Error::new(ErrorKind::RevisionMismatch, message)
        .with_context("key", key)
        .with_context("found", found)
}

/// The refusal of a lease.
pub(super) fn held_by_another(name: &str, owner: &str) -> Error {
    Error::new(ErrorKind::Conflict, "another owner holds the lease")
        .with_context("lease", name)
        .with_context("held_by", owner)
}
