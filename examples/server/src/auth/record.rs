//! What is known about keys, and why one is not accepted.

use std::fmt;

use encoder_core::ErrorKind;
use encoder_core::model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a key allows. Each scope includes those before it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Looking.
    Read,
    /// Starting, stopping, changing.
    Control,
    /// Making and revoking keys.
    Admin,
}

impl Scope {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Control => "control",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Read, Self::Control, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| "scope must be read, control or admin".to_owned())
    }
}

/// What is known about a key. Never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Name of the record.
    pub id: String,
    /// Whose it is, for people.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// SHA-256 of the key, hexadecimal.
    pub(super) hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Id of the key.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a key was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There was none.
    Missing,
    /// It cannot be a key.
    Malformed,
    /// Nobody made it.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// The store could not be asked.
    Unavailable,
}

impl Refusal {
    /// The problem code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Malformed => "key_malformed",
            Self::Unknown => "key_unknown",
            Self::Expired => "key_expired",
            Self::Revoked => "key_revoked",
            Self::Unavailable => ErrorKind::StoreUnavailable.as_str(),
        }
    }

    /// One line for people.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Missing => "send an API key as `Authorization: Bearer em_…`",
            Self::Malformed => "this is not an API key; a letter may be missing",
            Self::Unknown => "nobody made this API key",
            Self::Expired => "this API key has expired",
            Self::Revoked => "this API key was revoked",
            Self::Unavailable => "the store is not available",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
