//! A store that stops working when it is told to, or takes its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{Change, Expect, Key, Lease, MemoryStore, Record, Revision, StateStore};

/// A [`MemoryStore`] whose records can be out of reach for a while. Leases are not concerned, so
/// that whoever leads goes on leading. Its error names a file, which no client may be told.
///
/// ```
/// use encoder_core::store::{Key, StateStore};
/// use encoder_core::testkit::BreakableStore;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = BreakableStore::default();
/// store.break_down();
/// assert!(store.get(&Key::try_new("a")?).await.is_err());
/// store.mend();
/// assert_eq!(store.get(&Key::try_new("a")?).await?, None);
/// # Ok::<(), encoder_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct BreakableStore {
    inner: MemoryStore,
    broken: AtomicBool,
    latency: Duration,
}

impl BreakableStore {
    /// Takes so long for each write, as a disk does.
    #[must_use]
    pub const fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Refuses everything about records from now on.
    pub fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// Works again, with all that it held.
    pub fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    fn check(&self) -> Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            let message = "cannot write /var/lib/secret-place/file.db";
            return Err(Error::new(ErrorKind::StoreUnavailable, message));
        }
        Ok(())
    }
}

#[async_trait]
impl StateStore for BreakableStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>> {
        self.check()?;
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, value: &[u8], expect: Expect) -> Result<Revision> {
        self.check()?;
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        self.inner.put(key, value, expect).await
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<()> {
        self.check()?;
        self.inner.delete(key, expect).await
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<Record>> {
        self.check()?;
        self.inner.list(prefix).await
    }

    fn watch(&self, prefix: &Key) -> BoxStream<'static, Change> {
        self.inner.watch(prefix)
    }

    async fn lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<Lease> {
        self.inner.lease(name, owner, ttl).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.inner.release(lease).await
    }
}
