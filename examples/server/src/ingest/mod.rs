//! The ingest that streams are published to: what it tells, what it asks, and what it shows.
//!
//! Made for nginx with the RTMP module, as `examples/monitoring/ingest` sets it up. [`NginxRtmp`]
//! reads its statistics for the manager, [`Thumbnails`] are taken from what it plays, and
//! [`LocalIngest`] runs one for tests and demonstrations.

mod capture;
pub(crate) mod door;
mod local;
mod nginx;
mod stat;
mod thumbnail;

pub use capture::NoPicture;
pub use local::{LocalIngest, LocalIngestOptions};
pub use nginx::NginxRtmp;
pub use thumbnail::{FRESH, Picture, Thumbnails};
