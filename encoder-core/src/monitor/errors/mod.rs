//! Error analysis: which known troubles are there, what they have in common, and what is probably
//! behind them.
//!
//! [`Patterns`] say what a trouble looks like; they are data, and an operator's file can add to
//! them. The [`ErrorBook`] keeps each trouble as one [`Occurrence`], however often it flaps.
//! [`correlations`] and [`root_causes`] look at the occurrences of a window and at who else could
//! have been affected, and [`Escalations`] raise what repeats. All of these are pure; one task
//! feeds them from the event bus. The formulas are in [`docs::errors`](crate::docs::errors).
//!
//! Rejected: a learned model. It could not say why, and a fleet of six gives it nothing to learn.

mod actions;
mod book;
mod cause;
mod config;
mod correlate;
mod escalate;
mod facts;
mod figures;
mod findings;
mod keep;
mod occurrence;
mod pattern;
mod report;
#[cfg(test)]
mod samples;
mod watch;

pub use actions::AutomatedAction;
pub use book::ErrorBook;
pub use cause::{CauseKind, RootCause, root_causes};
pub use config::ErrorsConfig;
pub use correlate::{Correlation, WINDOWS, Window, correlations};
pub use escalate::{Escalation, Escalations, FailedRecovery, SuspectedSite};
pub use facts::{EncoderFacts, Facts, Place, StreamFacts, public_address};
pub use findings::Finding;
pub use occurrence::{ErrorQuery, Occurrence};
pub use pattern::{Escalate, Matches, Pattern, Patterns};
pub use report::{ErrorAnalysis, Impact, MatchedPattern, SuggestedAction};
pub(crate) use watch::{ErrorMonitor, FactSource, watch};
