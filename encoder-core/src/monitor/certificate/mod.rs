//! TLS certificates: what a server presents, whether clients can trust it, until when, and when it
//! is renewed.
//!
//! Whoever can open a connection brings [`PresentedChain`] as data; [`assess`] says what is wrong
//! with it, and [`plan`] whether, how and when it is renewed. Both are pure. Judging by the days
//! left alone would be less work and was rejected: a chain without its intermediate, or for another
//! host, has many days left and serves nobody.

mod assess;
mod config;
mod facts;
mod renewal;

pub(crate) use assess::standing;
pub use assess::{CertificateReport, Observation, assess, expiry_of, since_before};
pub use config::{ExpiryConfig, RenewalConfig, RenewalMethod};
pub use facts::{CertificateFacts, ChainFault, Fault, KeyKind, PresentedChain, unknown_issuer};
pub use renewal::{NextRenewal, RenewalAttempt, RenewalFacts, RenewalOutcome, plan, trouble};

#[cfg(test)]
mod tests;
