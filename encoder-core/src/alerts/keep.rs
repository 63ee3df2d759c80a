//! Alerts, groups, notices and silences in the store: one record each.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{Expect, Key, StateStore};

pub(super) const BOOK: &str = "alerts/book/";
pub(super) const GROUPS: &str = "alerts/groups/";
pub(super) const NOTICES: &str = "alerts/notices/";
pub(super) const SILENCES: &str = "alerts/silences/";

fn key(name: String) -> Key {
    Key::try_new(name).expect("ids are made of key characters")
}

/// Everything under a prefix. A record that cannot be read is left out and said.
pub(super) async fn load<T: DeserializeOwned>(
    store: &dyn StateStore,
    prefix: &str,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for record in store.list(&key(prefix.to_owned())).await? {
        match serde_json::from_slice(&record.value) {
            Ok(value) => all.push(value),
            Err(error) => tracing::warn!(key = %record.key, %error, "a record cannot be read"),
        }
    }
    Ok(all)
}

/// Writes a record, or removes it.
pub(super) async fn save<T: Serialize + Sync>(
    store: &dyn StateStore,
    prefix: &str,
    id: &str,
    value: Option<&T>,
) -> Result<()> {
    let key = key(format!("{prefix}{id}"));
    let Some(value) = value else {
        return store.delete(&key, Expect::Any).await;
    };
    let bytes = serde_json::to_vec(value).map_err(|error| {
        let message = "a record about alerts cannot be written as JSON";
        Error::new(ErrorKind::Unexpected, message).with_source(error)
    })?;
    store.put(&key, &bytes, Expect::Any).await.map(drop)
}
