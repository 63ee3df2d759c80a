//! Recording media: how they are, when they are full, and whether to record elsewhere.
//!
//! A recording is moved only when its medium takes no more, because a move ends the file. Leaving
//! at a threshold would be smoother and was rejected: it splits recordings that would have fitted.
//! [`decide`] is pure; the task that acts on it wakes with what the watchers tell and asks no
//! device for anything by itself.

mod advice;
mod config;
mod decide;
mod growth;
mod medium;
mod policy;
mod since;

pub use advice::recommendations;
pub use config::{StorageConfig, SwitchMode};
pub use decide::{Decision, Facts, PastSwitch, RecordingPhase, decide};
pub use growth::{SpaceSamples, growth};
pub use medium::{primary, state_of};
pub use policy::StoragePolicy;
pub(crate) use since::MediaSince;

#[cfg(test)]
mod tests;
