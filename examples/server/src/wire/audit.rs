//! Who did what.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use crate::audit::{Actor, AuditEntry};
use crate::auth::Scope;

/// Something that was done or refused.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntryDto {
    /// Its name; later entries have higher ones.
    pub audit_id: String,
    /// When it began.
    pub timestamp: Time,
    /// `api`, or `command_line` for the server program's own commands.
    pub via: &'static str,
    /// With which key; `null` when none was accepted, and on the command line.
    pub actor: Option<ActorDto>,
    /// From where; an IPv6 address is that of its network. `null` on the command line.
    pub address: Option<String>,
    /// Method and route, such as `POST /api/streams/{id}/failover`; or the command.
    pub action: String,
    /// What the route's parameters name, and as `made` what was made.
    pub subject: BTreeMap<String, String>,
    /// The HTTP status; `null` when the client went away before there was one, and on the command
    /// line.
    pub status: Option<u16>,
    /// The problem's code, when it was refused or failed.
    pub code: Option<String>,
    /// The request's id, as in its answer and in the log.
    pub request_id: Option<String>,
    /// How long it took.
    pub took_ms: Option<u64>,
}

/// The key that somebody acted with. Never the key itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ActorDto {
    /// Its id.
    pub key_id: String,
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
}

impl From<Actor> for ActorDto {
    fn from(actor: Actor) -> Self {
        let Actor {
            key_id,
            name,
            scope,
        } = actor;
        Self {
            key_id,
            name,
            scope,
        }
    }
}

impl From<AuditEntry> for AuditEntryDto {
    fn from(entry: AuditEntry) -> Self {
        Self {
            audit_id: entry.id,
            timestamp: entry.at.into(),
            via: entry.via.as_str(),
            actor: entry.actor.map(ActorDto::from),
            address: entry.address.map(|address| address.to_string()),
            action: entry.action,
            subject: entry.subject,
            status: entry.status,
            code: entry.code,
            request_id: entry.request_id,
            took_ms: entry.took_ms,
        }
    }
}
