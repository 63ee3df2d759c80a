//! The rules of failover, over real sockets: the driver speaks HTTP to simulated devices, and the
//! simulated ingest is the witness of who published when.

mod homecoming;
mod order;
mod protection;
mod restraint;
mod telling;
