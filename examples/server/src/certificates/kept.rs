//! What is remembered of a target over restarts.

use encoder_core::monitor::certificate::RenewalAttempt;
use encoder_core::store::{Expect, Key, StateStore};
use serde::{Deserialize, Serialize};

/// Attempts that are remembered; more than any window holds.
const ATTEMPTS: usize = 100;

/// What is remembered of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// The certificate that it presented last.
    pub(super) fingerprint: Option<String>,
    /// Attempts to renew it, oldest first.
    pub(super) attempts: Vec<RenewalAttempt>,
}

impl Kept {
    /// Nothing is remembered when the store cannot be read: looking is more than remembering.
    pub(super) async fn read(store: &dyn StateStore, target: &str) -> Self {
        let read = async { store.get(&key(target)?).await };
        match read.await {
            Ok(Some(record)) => serde_json::from_slice(&record.value).unwrap_or_default(),
            Ok(None) => Self::default(),
            Err(error) => {
                tracing::warn!(%error, target, "what was known of a certificate cannot be read");
                Self::default()
            }
        }
    }

    pub(super) async fn write(&mut self, store: &dyn StateStore, target: &str) {
        let excess = self.attempts.len().saturating_sub(ATTEMPTS);
        self.attempts.drain(..excess);
        let value = serde_json::to_vec(self).expect("text and numbers are always JSON");
        let written = async { store.put(&key(target)?, &value, Expect::Any).await };
        if let Err(error) = written.await {
            tracing::warn!(%error, target, "what is known of a certificate is not kept");
        }
    }
}

/// A host and port have letters that a key has not.
fn key(target: &str) -> encoder_core::Result<Key> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let name: String = target
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    Key::try_new(format!("certificates/{name}"))
}
