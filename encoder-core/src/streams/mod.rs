//! Managed live streams: from a request to an encoder on air, and from its failure to another.
//!
//! Each stream has one actor: a task that owns the record, follows the encoders the stream holds,
//! and is the only one to command them for it. Decisions are pure ([`decide`], [`plan`],
//! [`protection`]); the actor performs them. What one actor does never waits for another's
//! devices.

mod actor;
mod adapt;
mod bring_up;
mod care;
mod command;
mod decide;
mod failover;
mod fence;
mod handle;
mod heat;
mod ingest;
mod isolation;
mod mend;
mod notes;
mod plan;
mod protection;
mod publishing;
mod reconfigure;
mod report;
mod saved;
mod spare;
mod steadiness;
mod timeline;

pub(crate) use care::keep as keep_devices;
pub(crate) use handle::{StreamContext, Streams};
