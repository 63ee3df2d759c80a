//! API keys: made, kept as hashes, believed for a short time, and checked on every request.
//!
//! A key that was read from the store is believed for [`AuthConfig::cache`]; a key that is not
//! known is always looked up, so a key made by another process works at once. Revoking through
//! this server takes effect at once too, open connections included.
//!
//! [`AuthConfig::cache`]: crate::config::AuthConfig::cache

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use encoder_core::model::{Secret, Timestamp};
use encoder_core::store::{Expect, Key, Record, Revision, StateStore};
use encoder_core::tasks::Clock;
use encoder_core::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use crate::config::AuthConfig;

pub mod guard;
mod key;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use key::hex;
pub use key::{KeyHash, KeyText};
pub use record::{KeyRecord, Principal, Refusal, Scope};

const PREFIX: &str = "keys/";

#[derive(Clone, Debug)]
struct Cached {
    record: KeyRecord,
    hash: KeyHash,
    revision: Revision,
    read_at: Instant,
}

/// The keys of this server.
#[derive(Clone, Debug)]
pub struct ApiKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn StateStore>,
    clock: Clock,
    config: AuthConfig,
    cache: Mutex<HashMap<String, Cached>>,
    revoked: Notify,
}

impl ApiKeys {
    /// Keys kept in `store` under `keys/`.
    pub fn new(store: Arc<dyn StateStore>, clock: Clock, config: AuthConfig) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            config,
            cache: Mutex::default(),
            revoked: Notify::new(),
        }))
    }

    /// Makes a key. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`] for an empty name or an end in the past,
    /// [`ErrorKind::StoreUnavailable`].
    pub async fn create(
        &self,
        name: &str,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<(KeyRecord, Secret)> {
        let now = self.0.clock.now();
        let days = Duration::from_secs(u64::from(self.0.config.expiry_days) * 86_400);
        let expires_at = expires_at.unwrap_or_else(|| now.plus(days));
        validate(name, expires_at, now)?;
        let key = KeyText::generate();
        let record = KeyRecord {
            id: key.id(),
            name: name.to_owned(),
            scope,
            hash: key.hash().to_hex(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        self.write(&record, Expect::Absent).await?;
        Ok((record, key.text().clone()))
    }

    /// Every key, revoked and expired ones included, by id.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    pub async fn list(&self) -> Result<Vec<KeyRecord>> {
        let records = self.0.store.list(&Key::try_new(PREFIX)?).await?;
        records.iter().map(decode).collect()
    }

    /// Ends a key now. Revoking it twice changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::StoreUnavailable`].
    pub async fn revoke(&self, id: &str) -> Result<KeyRecord> {
        loop {
            let unknown = || Error::new(ErrorKind::NotFound, "there is no API key of that id");
            let name = store_key(id).map_err(|_| unknown())?;
            let record = self.0.store.get(&name).await?.ok_or_else(unknown)?;
            let mut found = decode(&record)?;
            let mut revision = record.revision;
            if found.revoked_at.is_none() {
                found.revoked_at = Some(self.0.clock.now());
                revision = match self.write(&found, Expect::Revision(revision)).await {
                    // Somebody noted a use in between; read again.
                    Err(error) if error.kind() == ErrorKind::RevisionMismatch => continue,
                    result => result?,
                };
            }
            self.remember(found.clone(), revision);
            self.0.revoked.notify_waiters();
            return Ok(found);
        }
    }

    /// Whether a key of this text was accepted lately, without asking the store.
    pub fn is_cached(&self, text: &str) -> bool {
        KeyText::parse(text).is_some_and(|key| self.cache().contains_key(&key.id()))
    }

    /// Who presents this key.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn authenticate(&self, text: &str) -> Result<Principal, Refusal> {
        let key = KeyText::parse(text).ok_or(Refusal::Malformed)?;
        let cached = self.lookup(&key.id()).await?;
        if !cached.hash.matches(&key.hash()) {
            return Err(Refusal::Unknown);
        }
        self.admit(&cached.record)?;
        self.note_use(&cached).await;
        Ok(Principal {
            key_id: cached.record.id,
            name: cached.record.name,
            scope: cached.record.scope,
            expires_at: cached.record.expires_at,
        })
    }

    /// Waits until the key is not accepted any more, and says why. For open connections.
    pub async fn until_refused(&self, principal: &Principal) -> Refusal {
        loop {
            let revoked = self.0.revoked.notified();
            let standing = match self.lookup(&principal.key_id).await {
                Ok(cached) => self.admit(&cached.record),
                Err(refusal) => Err(refusal),
            };
            match standing {
                // A store that is away ends no connection; the end of the key does.
                Ok(()) | Err(Refusal::Unavailable) => {}
                Err(refusal) => return refusal,
            }
            let left = principal.expires_at.since(self.0.clock.now());
            if left.is_zero() {
                return Refusal::Expired;
            }
            let pause = left.min(self.0.config.cache.max(Duration::from_millis(100)));
            tokio::select! {
                () = revoked => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn admit(&self, record: &KeyRecord) -> Result<(), Refusal> {
        if record.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        if record.expires_at <= self.0.clock.now() {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// The record, from memory while it is fresh; an older one serves while the store is away.
    async fn lookup(&self, id: &str) -> Result<Cached, Refusal> {
        let known = self.cache().get(id).cloned();
        let now = self.0.clock.instant();
        if let Some(cached) = &known
            && now.duration_since(cached.read_at) < self.0.config.cache
        {
            return Ok(cached.clone());
        }
        let name = store_key(id).map_err(|_| Refusal::Unknown)?;
        match self.0.store.get(&name).await {
            Ok(Some(record)) => decode(&record)
                .ok()
                .and_then(|found| self.remember(found, record.revision))
                .ok_or(Refusal::Unknown),
            Ok(None) => {
                self.cache().remove(id);
                Err(Refusal::Unknown)
            }
            Err(_) => known.ok_or(Refusal::Unavailable),
        }
    }

    /// Believes a record, unless a newer one is known: a revocation must not be undone by a
    /// reader that was slower.
    fn remember(&self, record: KeyRecord, revision: Revision) -> Option<Cached> {
        let cached = Cached {
            hash: KeyHash::from_hex(&record.hash)?,
            record,
            revision,
            read_at: self.0.clock.instant(),
        };
        let mut cache = self.cache();
        let known = cache.get(&cached.record.id);
        if let Some(newer) = known.filter(|known| known.revision > revision) {
            return Some(newer.clone());
        }
        cache.insert(cached.record.id.clone(), cached.clone());
        Some(cached)
    }

    /// Writes down the use, at most once per interval. Losing the note is harmless.
    async fn note_use(&self, cached: &Cached) {
        let now = self.0.clock.now();
        let last = cached.record.last_used_at;
        if last.is_some_and(|last| now.since(last) < self.0.config.last_used_interval) {
            return;
        }
        let mut record = cached.record.clone();
        record.last_used_at = Some(now);
        // First in memory, so that a store that is away is not asked on every request.
        self.remember(record.clone(), cached.revision);
        match self.write(&record, Expect::Revision(cached.revision)).await {
            Ok(revision) => {
                self.remember(record, revision);
            }
            Err(error) => tracing::debug!(key = %record.id, %error, "last use not written"),
        }
    }

    async fn write(&self, record: &KeyRecord, expect: Expect) -> Result<Revision> {
        let value = serde_json::to_vec(record).expect("a key record is plain data");
        self.0
            .store
            .put(&store_key(&record.id)?, &value, expect)
            .await
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, Cached>> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn validate(name: &str, expires_at: Timestamp, now: Timestamp) -> Result<()> {
    use encoder_core::model::Violation;
    let mut violations = Vec::new();
    if name.is_empty() || name.chars().count() > 100 {
        let message = "must be 1 to 100 characters";
        violations.push(Violation::new("name", "out_of_range", message));
    }
    if expires_at <= now {
        violations.push(Violation::new(
            "expires_at",
            "out_of_range",
            "must be in the future",
        ));
    }
    if violations.is_empty() {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::ValidationFailed,
        "the API key cannot be made like this",
    );
    Err(error.with_violations(violations))
}

fn store_key(id: &str) -> Result<Key> {
    Key::try_new(format!("{PREFIX}{id}"))
}

fn decode(record: &Record) -> Result<KeyRecord> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "a key record cannot be read")
            .with_context("key", &record.key)
            .with_source(error)
    })
}
