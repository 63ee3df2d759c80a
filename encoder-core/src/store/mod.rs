//! Where records live: a small key-value store with compare-and-set, watch and leases.
//!
//! Everything acknowledged to a client is in here first. Compare-and-set keeps two writers from
//! losing each other's changes; leases decide which of several managers commands the devices.

use std::fmt;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::{Error, ErrorKind, Result};

mod changes;
mod conditions;
mod memory;
mod series;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
pub use series::{SeriesChunk, SeriesRange, SeriesStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, SqliteStore};

/// Name of a record: segments of `[A-Za-z0-9._-]` joined by `/`, for example `streams/str_1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Checks and takes a name. A trailing `/` makes a prefix for [`StateStore::list`].
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] for an empty name or a forbidden character.
    pub fn try_new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if name.is_empty() || name.starts_with('/') || !name.chars().all(allowed) {
            let message = "a store key is made of [A-Za-z0-9._-] segments joined by `/`";
            return Err(Error::new(ErrorKind::ValidationFailed, message));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Version of a record. Every write in the store gets a higher one than all writes before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// A stored value.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub key: Key,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Its version.
    pub revision: Revision,
}

impl Debug for Record {
    /// Shows the size of the value only, because records hold passwords and stream keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("bytes", &self.value.len())
            .field("revision", &self.revision)
            .finish()
    }
}

/// What must be true for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// There is no such record yet.
    Absent,
    /// The record has this version.
    Revision(Revision),
}

/// A change seen by [`StateStore::watch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Written.
    Put(Record),
    /// Removed.
    Deleted(Key),
    /// Changes were missed because the reader was slow; list again.
    Lagged,
}

/// Proof of holding a lease until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its name.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// Grows with every change of owner: a late holder's writes can be told apart by it.
    pub token: u64,
    /// How long it lasts from the moment it was granted.
    pub ttl: Duration,
}

/// A durable, ordered key-value store.
///
/// # Contract
///
/// 1. `put_then_get`: what was written is read, byte for byte.
/// 2. `missing_is_none`: reading an unknown key is `Ok(None)`.
/// 3. `absent_put_refuses_existing`: [`Expect::Absent`] on an existing key is
///    [`ErrorKind::RevisionMismatch`].
/// 4. `stale_revision_is_refused`: [`Expect::Revision`] with an old version is
///    [`ErrorKind::RevisionMismatch`] and changes nothing.
/// 5. `revisions_grow`: across all keys and also after a delete.
/// 6. `one_of_many_writers_wins`: of writers with the same expectation exactly one succeeds.
/// 7. `list_is_ordered_and_prefixed`: by key, only keys that begin with the prefix.
/// 8. `delete_is_conditional`: like `put`; deleting what is not there is `Ok`.
/// 9. `watch_reports_changes_in_order`: from the call on, only keys under the prefix.
/// 10. `lease_excludes_others`: while it lasts, another owner gets [`ErrorKind::Conflict`].
/// 11. `lease_is_renewed_by_its_owner`: the same owner gets it again with the same token.
/// 12. `lease_passes_on_after_expiry`: to another owner, with a higher token.
/// 13. `lease_is_released`: another owner gets it at once.
///
/// # Cancellation
///
/// A dropped `put` or `delete` may still happen.
#[async_trait]
pub trait StateStore: Debug + Send + Sync + 'static {
    /// Reads a record.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    async fn get(&self, key: &Key) -> Result<Option<Record>>;

    /// Writes a record. `Ok` means that it survives a crash of the process.
    ///
    /// # Errors
    /// [`ErrorKind::RevisionMismatch`], or [`ErrorKind::StoreUnavailable`] (nothing written).
    async fn put(&self, key: &Key, value: &[u8], expect: Expect) -> Result<Revision>;

    /// Removes a record.
    ///
    /// # Errors
    /// As for [`StateStore::put`].
    async fn delete(&self, key: &Key, expect: Expect) -> Result<()>;

    /// All records whose key begins with the prefix, by key.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    async fn list(&self, prefix: &Key) -> Result<Vec<Record>>;

    /// Changes under a prefix, from now on. Ends when the store is closed.
    fn watch(&self, prefix: &Key) -> BoxStream<'static, Change>;

    /// Takes or renews a lease.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while somebody else holds it, or [`ErrorKind::StoreUnavailable`].
    async fn lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<Lease>;

    /// Gives a lease back; does nothing when it is not held any more.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Where this store keeps recorded series; `None` when it does not.
    fn series(&self) -> Option<&dyn SeriesStore> {
        None
    }

    /// Commands that wait to be done; `None` for a store without a queue.
    fn queued(&self) -> Option<usize> {
        None
    }
}
