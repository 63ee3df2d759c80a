//! The rules of failover, over real sockets: the driver speaks HTTP to simulated devices, and the
//! simulated ingest is the witness of who published when.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod homecoming;
mod order;
mod protection;
mod restraint;
mod telling;
