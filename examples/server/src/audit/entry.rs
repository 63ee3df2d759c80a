//! One entry.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use encoder_core::model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::{Principal, Scope};

/// Where something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A request.
    Api,
    /// The program's own commands.
    CommandLine,
}

impl Via {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::CommandLine => "command_line",
        }
    }
}

/// The key that somebody acted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Its id.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        Self {
            key_id: principal.key_id.clone(),
            name: principal.name.clone(),
            scope: principal.scope,
        }
    }
}

/// Something that was done or refused. Holds no secrets: no keys, no bodies, no queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its name; later entries have higher ones.
    pub id: String,
    /// When it began.
    pub at: Timestamp,
    /// Where it was asked for.
    pub via: Via,
    /// With which key; `None` when none was accepted, and on the command line.
    pub actor: Option<Actor>,
    /// From where, behind trusted proxies; an IPv6 address is that of its network.
    pub address: Option<IpAddr>,
    /// Method and route, such as `POST /api/streams/{id}/failover`; or the command.
    pub action: String,
    /// What the route's parameters name, and what was made.
    pub subject: BTreeMap<String, String>,
    /// The HTTP status; `None` when the client went away before there was one, or on the command
    /// line.
    pub status: Option<u16>,
    /// The problem's code, when it was refused or failed.
    pub code: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
    /// How long it took.
    pub took_ms: Option<u64>,
}

impl AuditEntry {
    /// An entry about now, of nobody and without an outcome.
    pub fn new(at: Timestamp, via: Via, action: impl Into<String>) -> Self {
        // The number orders entries of the same millisecond, chance keeps two processes apart.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let (millis, number) = (
            at.as_millis().max(0),
            NUMBER.fetch_add(1, Ordering::Relaxed),
        );
        Self {
            id: format!("aud_{millis:014}_{number:08x}{:04x}", rand::random::<u16>()),
            at,
            via,
            actor: None,
            address: None,
            action: action.into(),
            subject: BTreeMap::new(),
            status: None,
            code: None,
            request_id: None,
            took_ms: None,
        }
    }

    /// What a command did to an API key.
    pub fn of_command(at: Timestamp, command: &str, key_id: &str) -> Self {
        let mut entry = Self::new(at, Via::CommandLine, command);
        entry.subject.insert("key_id".into(), key_id.into());
        entry
    }

    pub(super) fn log(&self) {
        let actor = self.actor.as_ref();
        tracing::info!(
            target: "audit",
            id = self.id,
            key = actor.map(|actor| actor.key_id.as_str()),
            name = actor.map(|actor| actor.name.as_str()),
            address = self.address.map(tracing::field::display),
            via = self.via.as_str(),
            subject = ?self.subject,
            status = self.status,
            code = self.code,
            request_id = self.request_id,
            took_ms = self.took_ms,
            "{}", self.action,
        );
    }
}
