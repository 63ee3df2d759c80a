//! Objects of another language, played by scripts that speak JSON.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod contract;
mod decisions;
mod documents;
mod drivers;
mod feeds;
mod lent;
mod parts;
mod plays;
mod script;
mod whole;
