//! API keys on the wire.

use encoder_core::model::{Secret, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Fields, Time};
use crate::auth::{KeyRecord, Scope};
use crate::problem::Problem;

/// What is known about an API key.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyDto {
    /// Name of the record.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl From<KeyRecord> for KeyDto {
    fn from(record: KeyRecord) -> Self {
        Self {
            key_id: record.id,
            name: record.name,
            scope: record.scope,
            created_at: record.created_at.into(),
            expires_at: record.expires_at.into(),
            last_used_at: record.last_used_at.map(Time),
            revoked_at: record.revoked_at.map(Time),
        }
    }
}

/// A new API key, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewKeyDto {
    /// The key. It cannot be read again.
    pub key: String,
    /// What is known about it.
    #[serde(flatten)]
    pub record: KeyDto,
}

impl NewKeyDto {
    /// Shows the key to its owner.
    pub fn reveal(record: KeyRecord, key: &Secret) -> Self {
        Self {
            key: key.expose().clone(),
            record: record.into(),
        }
    }
}

impl std::fmt::Debug for NewKeyDto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKeyDto")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// The body of `POST /api/keys`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeyRequest)]
pub struct KeyRequestDoc {
    /// Whose it is.
    #[schema(example = "ops", min_length = 1, max_length = 100)]
    name: String,
    /// What it allows.
    scope: Scope,
    /// When it ends; after 30 days unless configured otherwise.
    expires_at: Option<Time>,
}

/// A wish for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWish {
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Reads a wish for a key.
///
/// # Errors
/// A 422 problem with every fault of form.
pub fn key_request(body: Value) -> Result<KeyWish, Problem> {
    let mut fields = Fields::of(body)?;
    let name = fields.required("name");
    let scope = fields.required("scope");
    let expires_at = fields.optional("expires_at");
    let wish = name.zip(scope).map(|(name, scope)| KeyWish {
        name,
        scope,
        expires_at,
    });
    Ok(fields.finish(wish)?)
}
