//! Which manager commands the devices.
//!
//! Several managers may share a store; the one with the lease commands, the others stand by. The
//! same instance name takes its own lease over at once, so a restart after a crash is not
//! delayed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::ManagerConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Lease, StateStore};
use crate::streams::Streams;
use crate::tasks::Supervisor;

const NAME: &str = "fleet";

/// Whether this manager leads, shared with the task that keeps it so.
#[derive(Clone, Debug)]
pub(crate) struct Leadership(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    owner: String,
    ttl: Duration,
    leading: AtomicBool,
    lease: Mutex<Option<Lease>>,
}

impl Leadership {
    pub(crate) fn new(config: &ManagerConfig) -> Self {
        Self(Arc::new(Inner {
            owner: config.instance.clone(),
            ttl: config.lease_ttl,
            leading: AtomicBool::new(false),
            lease: Mutex::default(),
        }))
    }

    /// Whether devices may be commanded.
    ///
    /// # Errors
    /// [`ErrorKind::NotLeader`].
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.leading.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = "another manager commands the devices; this one stands by";
        Err(Error::new(ErrorKind::NotLeader, message))
    }

    /// Takes or renews the lease. Somebody else holding it is not an error, but the answer.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    pub(crate) async fn try_acquire(&self, store: &dyn StateStore) -> Result<bool> {
        let leads = match store.lease(NAME, &self.0.owner, self.0.ttl).await {
            Ok(lease) => {
                *self.lease() = Some(lease);
                true
            }
            Err(error) if error.kind() == ErrorKind::Conflict => false,
            Err(error) => return Err(error),
        };
        self.0.leading.store(leads, Ordering::Release);
        Ok(leads)
    }

    fn lease(&self) -> std::sync::MutexGuard<'_, Option<Lease>> {
        self.0.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the streams if this manager leads, and follows every change of that from now on.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    pub(crate) async fn keep(
        &self,
        tasks: &Supervisor,
        store: Arc<dyn StateStore>,
        streams: Arc<Streams>,
    ) -> Result<()> {
        if self.check().is_ok() {
            streams.resume().await?;
        }
        let lease = self.clone();
        tasks.spawn_until_shutdown("lease", async move { lease.follow(store, streams).await });
        Ok(())
    }

    /// A store that does not answer changes nothing: whoever leads goes on, because a stream on
    /// air matters more, and compare-and-set keeps two leaders from overwriting each other.
    async fn follow(self, store: Arc<dyn StateStore>, streams: Arc<Streams>) {
        let mut led = self.check().is_ok();
        let mut ticks = tokio::time::interval(self.0.ttl / 3);
        loop {
            ticks.tick().await;
            match self.try_acquire(store.as_ref()).await {
                Ok(leads) if leads == led => {}
                Ok(true) => {
                    tracing::info!("this manager commands the devices now");
                    if let Err(error) = streams.resume().await {
                        tracing::error!(%error, "streams not taken up; trying again");
                        continue;
                    }
                    led = true;
                }
                Ok(false) => {
                    tracing::error!("another manager took the lease; standing by");
                    streams.suspend();
                    led = false;
                }
                Err(error) => tracing::warn!(%error, "lease not renewed"),
            }
        }
    }

    /// Gives the lease back, so that another manager need not wait for its end.
    pub(crate) async fn release(&self, store: &dyn StateStore) {
        self.0.leading.store(false, Ordering::Release);
        let lease = self.lease().take();
        if let Some(lease) = lease
            && let Err(error) = store.release(&lease).await
        {
            tracing::warn!(%error, "lease not given back; it ends by itself");
        }
    }
}
