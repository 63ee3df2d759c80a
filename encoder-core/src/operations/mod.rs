//! What the manager does on request beside running streams: registrations, direct control, the
//! lease, and the report of the balancer.

pub(crate) mod control;
pub(crate) mod encoders;
pub(crate) mod lease;
pub(crate) mod load;
