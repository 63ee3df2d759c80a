//! The ingest that streams are published to: what it tells, what it asks, and what it shows.
//!
//! Made for nginx with the RTMP module, as `examples/monitoring/ingest` sets it up. [`NginxRtmp`]
//! reads its statistics for the manager.

mod nginx;
mod stat;

pub use nginx::NginxRtmp;
