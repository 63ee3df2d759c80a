//! Objects of another language, played by scripts that speak JSON.

mod contract;
mod decisions;
mod documents;
mod drivers;
mod feeds;
mod lent;
mod plays;
mod script;
mod whole;
